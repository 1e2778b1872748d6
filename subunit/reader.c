#include "config.h"
#include "subunit/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lenient reader looks this far for a packet before it takes a stream that begins with text for version 1.
 */
#define PROBE_BYTES 65536

#define SIGNATURE 0xb3

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

void subunit_limits_fill(struct subunit_limits *l)
{
    l->max_id_chars = or_default(l->max_id_chars, 4096);
    l->max_text_bytes = or_default(l->max_text_bytes, 65536);
    l->max_tags = or_default(l->max_tags, 256);
    l->max_line_bytes = or_default(l->max_line_bytes, 1048576);
    l->max_open_tests = or_default(l->max_open_tests, 20000);
    l->max_attachments = or_default(l->max_attachments, 10000);
    if (l->max_open_bytes == 0)
        l->max_open_bytes = UINT64_C(64) << 20;
}

__attribute__((format(printf, 4, 0))) static void error_vset(struct subunit_error *err,
                                                             enum subunit_error_code code, uint64_t offset,
                                                             const char *fmt, va_list ap)
{
    err->code = code;
    err->offset = offset;
    err->sys_errno = 0;
    (void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
}

bool subunit_error_set(struct subunit_error *err, enum subunit_error_code code, uint64_t offset,
                       const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return false;
    va_start(ap, fmt);
    error_vset(err, code, offset, fmt, ap);
    va_end(ap);
    return false;
}

bool subunit_reader_fail(struct subunit_reader *r, enum subunit_error_code code, uint64_t offset,
                         const char *fmt, ...)
{
    va_list ap;

    if (r->err.code != SUBUNIT_OK)
        return false;
    va_start(ap, fmt);
    error_vset(&r->err, code, offset, fmt, ap);
    va_end(ap);
    return false;
}

bool subunit_reader_emit(struct subunit_reader *r, const struct subunit_event *event)
{
    if (r->fn(r->ctx, event) == 0)
        return true;
    return subunit_reader_fail(r, SUBUNIT_ERROR_STOPPED, event->offset, "stopped by the callback");
}

bool subunit_reader_foreign(struct subunit_reader *r, const void *p, size_t n, uint64_t offset)
{
    unsigned char first = *(const unsigned char *)p;

    if (!r->lenient)
        return subunit_reader_fail(r, SUBUNIT_ERROR_FOREIGN, offset, "not subunit: unexpected byte 0x%02x",
                                   first);
    struct subunit_event event = {
        .offset = offset,
        .has_file = true,
        .runnable = true,
        .file_name = {r->opts.non_subunit_name, strlen(r->opts.non_subunit_name)},
        .file = {p, n},
    };
    return subunit_reader_emit(r, &event);
}

bool subunit_reader_keep(struct subunit_reader *r, const void *p, size_t n)
{
    struct bytes *b = &r->pending;

    if (n > b->cap - b->n) {
        size_t cap = b->cap < 512 ? 512 : b->cap;
        while (cap - b->n < n)
            cap *= 2;
        unsigned char *grown = realloc(b->p, cap);
        if (grown == NULL)
            return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, r->offset, "out of memory");
        b->p = grown;
        b->cap = cap;
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return true;
}

bool subunit_reader_tags_room(struct subunit_reader *r, size_t n)
{
    if (n < r->tags_cap)
        return true;
    size_t cap = r->tags_cap == 0 ? 16 : r->tags_cap * 2;
    struct subunit_str *grown = realloc(r->tags, cap * sizeof(*grown));
    if (grown == NULL)
        return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, r->offset, "out of memory");
    r->tags = grown;
    r->tags_cap = cap;
    return true;
}

bool subunit_reader_check_bounds(struct subunit_reader *r, const char *what, struct subunit_str text,
                                 size_t chars, bool is_id, uint64_t offset)
{
    if (is_id && chars > r->opts.limits.max_id_chars)
        return subunit_reader_fail(r, SUBUNIT_ERROR_LIMIT, offset, "%s of %zu characters, %u are allowed",
                                   what, chars, r->opts.limits.max_id_chars);
    if (!is_id && text.n > r->opts.limits.max_text_bytes)
        return subunit_reader_fail(r, SUBUNIT_ERROR_LIMIT, offset, "%s of %zu bytes, %u are allowed", what,
                                   text.n, r->opts.limits.max_text_bytes);
    return true;
}

struct subunit_reader *subunit_reader_new(const struct subunit_reader_opts *opts, subunit_event_fn *fn,
                                          void *ctx)
{
    struct subunit_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    if (opts != NULL)
        r->opts = *opts;
    subunit_limits_fill(&r->opts.limits);
    r->lenient = r->opts.non_subunit_name != NULL;
    r->version = r->opts.version;
    r->fn = fn;
    r->ctx = ctx;
    return r;
}

void subunit_reader_free(struct subunit_reader *r)
{
    if (r == NULL)
        return;
    subunit_v1_free(r->v1);
    free(r->pending.p);
    free(r->tags);
    free(r);
}

static bool feed_version(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset)
{
    if (r->version == 2)
        return subunit_v2_feed(r, p, n, offset);
    if (r->v1 == NULL && !subunit_v1_new(r))
        return false;
    return subunit_v1_feed(r, p, n, offset);
}

static bool probe_finds_packet(const struct bytes *probe)
{
    const unsigned char *p = probe->p, *end = probe->p + probe->n;

    while (p < end && (p = memchr(p, SIGNATURE, (size_t)(end - p))) != NULL) {
        if (subunit_v2_plausible(p, (size_t)(end - p)))
            return true;
        p++;
    }
    return false;
}

/* The probe has seen enough: which version it is, and the kept bytes are read. */
static bool probe_end(struct subunit_reader *r)
{
    struct bytes probe = r->pending;

    r->version = probe_finds_packet(&probe) ? 2 : 1;
    r->pending = (struct bytes){0};
    bool ok = feed_version(r, probe.p, probe.n, 0);
    free(probe.p);
    return ok;
}

/* The first byte tells a strict reader the version. A lenient one may find text before version 2, so it looks
 * further. Takes what it needs of the N bytes and returns how many. */
static bool probe_feed(struct subunit_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
    unsigned char first = r->pending.n > 0 ? r->pending.p[0] : p[0];

    *taken = 0;
    if (first == SIGNATURE || !r->lenient) {
        r->version = first == SIGNATURE ? 2 : 1;
        return true;
    }
    size_t room = PROBE_BYTES - r->pending.n;
    *taken = n < room ? n : room;
    if (!subunit_reader_keep(r, p, *taken))
        return false;
    return r->pending.n < PROBE_BYTES || probe_end(r);
}

static bool give(const struct subunit_reader *r, bool ok, struct subunit_error *err)
{
    if (!ok && err != NULL)
        *err = r->err;
    return ok;
}

bool subunit_reader_feed(struct subunit_reader *r, const void *bytes, size_t n, struct subunit_error *err)
{
    const unsigned char *p = bytes;
    size_t taken = 0;
    bool ok = r->err.code == SUBUNIT_OK;

    if (ok && r->finished)
        ok = subunit_reader_fail(r, SUBUNIT_ERROR_USE, r->offset, "fed after the end");
    if (ok && n > 0 && r->version == 0)
        ok = probe_feed(r, p, n, &taken);
    if (ok && n > taken)
        ok = feed_version(r, p + taken, n - taken, r->offset + taken);
    r->offset += n;
    return give(r, ok, err);
}

bool subunit_reader_finish(struct subunit_reader *r, struct subunit_error *err)
{
    bool ok = r->err.code == SUBUNIT_OK;

    if (ok && r->finished)
        ok = subunit_reader_fail(r, SUBUNIT_ERROR_USE, r->offset, "finished twice");
    if (ok && r->version == 0 && r->pending.n > 0)
        ok = probe_end(r);
    if (ok && r->version == 2)
        ok = subunit_v2_finish(r);
    else if (ok && r->v1 != NULL)
        ok = subunit_v1_finish(r);
    r->finished = true;
    return give(r, ok, err);
}

int subunit_reader_version(const struct subunit_reader *r)
{
    return r->version;
}

uint64_t subunit_reader_offset(const struct subunit_reader *r)
{
    return r->offset;
}
