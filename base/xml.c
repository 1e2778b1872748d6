#include "config.h"
#include "base/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

/* A token that has not ended is looked at again with each piece, by the libraries before 2.6 at least: its
 * length is bounded, and small pieces are gathered. */
enum { PIECE = 16 * 1024, TOKEN_MAX = 256 * 1024, MEMORY_MAX = 8 * 1024 * 1024, HEADER = 16 };

struct xml {
    struct xml_handler handler;
    XML_Parser parser;
    struct error *err; /* of the call that is under way */
    size_t memory;     /* that the parser holds */
    size_t quiet;      /* bytes fed since it had something to tell */
    size_t n_held;
    char held[PIECE]; /* not fed yet */
    unsigned depth;
    bool failed; /* *err says why */
};

/* --- memory: expat keeps every name that it has seen ----------------------------------------------- */

/* Expat's allocator has no argument: whose turn it is. */
static _Thread_local struct xml *current;

static void *take(size_t size)
{
    if (!current || size > MEMORY_MAX || current->memory + size > MEMORY_MAX)
        return NULL;
    char *p = malloc(size + HEADER);
    if (!p)
        return NULL;
    memcpy(p, &size, sizeof(size));
    current->memory += size;
    return p + HEADER;
}

static size_t size_of(const void *p)
{
    size_t size;

    memcpy(&size, (const char *)p - HEADER, sizeof(size));
    return size;
}

static void give(void *p)
{
    if (!p)
        return;
    if (current)
        current->memory -= size_of(p);
    free((char *)p - HEADER);
}

static void *retake(void *p, size_t size)
{
    void *out = take(size);

    if (out && p) {
        size_t old = size_of(p);

        memcpy(out, p, old < size ? old : size);
        give(p);
    }
    return out;
}

/* --- what expat tells ------------------------------------------------------------------------------ */

static void stop(struct xml *x)
{
    x->failed = true;
    XML_StopParser(x->parser, XML_FALSE);
}

static void on_open(void *ctx, const char *name, const char **attributes)
{
    struct xml *x = ctx;

    x->quiet = 0;
    if (x->failed)
        return;
    if (++x->depth > XML_DEPTH_MAX) {
        error_set_at(x->err, xml_offset(x), ERROR_BAD_REQUEST, "XML: more than %d elements within each other",
                     XML_DEPTH_MAX);
        stop(x);
    } else if (!x->handler.open(x->handler.ctx, str_of(name), attributes, x->err)) {
        stop(x);
    }
}

static void on_close(void *ctx, const char *name)
{
    struct xml *x = ctx;

    x->quiet = 0;
    if (x->failed)
        return;
    x->depth--;
    if (!x->handler.close(x->handler.ctx, str_of(name), x->err))
        stop(x);
}

static void on_text(void *ctx, const char *p, int n)
{
    struct xml *x = ctx;

    x->quiet = 0;
    if (!x->failed && !x->handler.text(x->handler.ctx, (struct str){p, (size_t)n}, x->err))
        stop(x);
}

static void on_other(void *ctx, const char *p, int n)
{
    struct xml *x = ctx;

    (void)p;
    (void)n;
    x->quiet = 0;
}

static void on_doctype(void *ctx, const char *name, const char *system, const char *public, int internal)
{
    struct xml *x = ctx;

    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    if (x->failed)
        return;
    error_set_at(x->err, xml_offset(x), ERROR_BAD_REQUEST, "XML: a document type declaration is not taken");
    stop(x);
}

/* --- the reader ------------------------------------------------------------------------------------ */

struct xml *xml_new(const struct xml_handler *handler)
{
    static const XML_Memory_Handling_Suite memory = {take, retake, give};
    struct xml *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    x->handler = *handler;
    current = x;
    x->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (x->parser) {
        XML_SetUserData(x->parser, x);
        XML_SetElementHandler(x->parser, on_open, on_close);
        XML_SetCharacterDataHandler(x->parser, on_text);
        XML_SetDefaultHandlerExpand(x->parser, on_other);
        XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    }
    current = NULL;
    if (x->parser)
        return x;
    free(x);
    return NULL;
}

void xml_free(struct xml *x)
{
    if (!x)
        return;
    current = x;
    XML_ParserFree(x->parser);
    current = NULL;
    free(x);
}

static bool fail(struct xml *x, struct error *err)
{
    enum XML_Error code = XML_GetErrorCode(x->parser);

    if (x->failed)
        return false;
    x->failed = true;
    if (code == XML_ERROR_NO_MEMORY)
        return error_set_at(err, xml_offset(x), ERROR_BAD_REQUEST,
                            "XML: the document takes more than %d MiB to read", MEMORY_MAX / 1024 / 1024);
    return error_set_at(err, xml_offset(x), ERROR_BAD_REQUEST, "malformed XML at line %lu column %lu: %s",
                        (unsigned long)XML_GetCurrentLineNumber(x->parser),
                        (unsigned long)XML_GetCurrentColumnNumber(x->parser) + 1, XML_ErrorString(code));
}

static bool parse(struct xml *x, const char *p, size_t n, bool last, struct error *err)
{
    x->err = err;
    current = x;
    enum XML_Status status = XML_Parse(x->parser, p, (int)n, last);
    current = NULL;
    return status == XML_STATUS_OK && !x->failed ? true : fail(x, err);
}

static bool feed_held(struct xml *x, struct error *err)
{
    size_t n = x->n_held;

    x->n_held = 0;
    x->quiet += n;
    if (!parse(x, x->held, n, false, err))
        return false;
    if (x->quiet <= TOKEN_MAX)
        return true;
    x->failed = true;
    return error_set_at(err, xml_offset(x), ERROR_BAD_REQUEST,
                        "XML: a tag or a comment of more than %d bytes", TOKEN_MAX);
}

bool xml_feed(struct xml *x, const void *p, size_t n, struct error *err)
{
    const char *at = p;

    while (n) {
        size_t piece = n < PIECE - x->n_held ? n : PIECE - x->n_held;

        memcpy(x->held + x->n_held, at, piece);
        x->n_held += piece;
        at += piece;
        n -= piece;
        if (x->n_held == PIECE && !feed_held(x, err))
            return false;
    }
    return true;
}

bool xml_end(struct xml *x, struct error *err)
{
    return feed_held(x, err) && parse(x, "", 0, true, err);
}

uint64_t xml_offset(const struct xml *x)
{
    XML_Index at = XML_GetCurrentByteIndex(x->parser);

    return at < 0 ? 0 : (uint64_t)at;
}

struct str xml_attr(const char *const *attributes, const char *name)
{
    for (size_t i = 0; attributes[i]; i += 2)
        if (strcmp(attributes[i], name) == 0)
            return str_of(attributes[i + 1]);
    return (struct str){NULL, 0};
}
