#include "config.h"
#include "store/swift.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS = 16 << 20 }; /* bytes after which a broken connection is none of the last one's tries */

struct swift_reader {
    struct store_reader base;
    struct swift_store *s;
    struct arena *arena; /* of the arguments */
    struct store_caller caller;
    struct store_name name;
    struct str etag; /* of what is read */
    uint64_t offset, size;
    struct http_stream *stream;
    struct arena *stream_arena;
    uint64_t tries; /* at the same place */
    uint64_t broke_at;
};

static void stream_end(struct swift_reader *r)
{
    http_stream_close(r->stream);
    r->stream = NULL;
    arena_reset(r->stream_arena);
}

/* Does REPLY go on where the reader stands, in the same object? It was asked for by Range and If-Match, which
 * who is in between may not know. */
static bool goes_on(const struct swift_reader *r, const struct http_response *reply, struct error *err)
{
    uint64_t length = 0;
    const char *range =
        arena_printf(r->stream_arena, "bytes %llu-%llu/%llu", (unsigned long long)r->offset,
                     (unsigned long long)(r->size ? r->size - 1 : 0), (unsigned long long)r->size);

    if (!r->etag.n || !str_eq(swift_unquoted(http_response_header(reply, "Etag")), r->etag))
        return error_set(err, ERROR_CONFLICT, "the object is not what it was");
    return (str_to_u64(http_response_header(reply, "Content-Length"), INT64_MAX, &length) &&
            length == r->size - r->offset &&
            (r->offset == 0 || str_eq_cstr(http_response_header(reply, "Content-Range"), range))) ||
           error_set(err, ERROR_INTERNAL, "the object store sends another part than was asked for");
}

/* GET from where the reader stands. INFO NULL: what is read is known, and must be the same. */
static bool begin(struct swift_reader *r, struct arena *arena, struct store_info *info, struct error *err)
{
    struct swift_call call = {.method = "GET",
                              .container = swift_container(r->s, r->name.container),
                              .object = r->name.object,
                              .tries = info ? 0 : 1};
    struct http_response reply;

    if (r->offset > 0)
        swift_header(&call, "Range",
                     str_of(arena_printf(r->stream_arena, "bytes=%llu-", (unsigned long long)r->offset)));
    if (r->etag.n)
        swift_header(&call, "If-Match", str_of(arena_printf(r->stream_arena, "\"%.*s\"", STR_ARG(r->etag))));
    r->stream = swift_open(r->s, &r->caller, &call, r->stream_arena, &reply, err);
    if (!r->stream)
        return false;
    if (reply.status != (r->offset ? 206 : 200)) {
        stream_end(r);
        if (reply.status == 200 || reply.status == 206)
            return error_set(err, ERROR_INTERNAL, "the object store sends another part than was asked for");
        return swift_refused(r->s, &r->caller, &call, reply.status, err);
    }
    return info ? swift_info(&reply, arena, info, NULL, err) : goes_on(r, &reply, err);
}

struct store_reader *swift_read_open(struct store *base, const struct store_caller *caller,
                                     const struct store_name *name, uint64_t offset, struct str etag,
                                     struct arena *arena, struct store_info *info, struct error *err)
{
    struct swift_reader *r = mem_calloc(1, sizeof(*r));
    bool ok, found = true;

    r->s = (struct swift_store *)base;
    r->arena = arena_new(0);
    r->stream_arena = arena_new(0);
    r->caller = *caller;
    if (caller->token.p)
        r->caller.token = arena_str(r->arena, caller->token);
    r->caller.project_id = arena_str(r->arena, caller->project_id);
    if (name->container.p)
        r->name.container = arena_str(r->arena, name->container);
    r->name.object = arena_str(r->arena, name->object);
    if (etag.p)
        r->etag = arena_str(r->arena, etag);
    r->offset = offset;
    if (offset == 0) {
        ok = begin(r, arena, info, err);
    } else {
        struct swift_call call = {.container = swift_container(r->s, name->container),
                                  .object = name->object};

        ok = swift_head(r->s, &r->caller, &r->name, arena, info, NULL, &found, err) &&
             (found || swift_refused(r->s, &r->caller, &call, 404, err));
    }
    if (ok && etag.p && !str_eq(etag, info->etag))
        ok = error_set(err, ERROR_CONFLICT, "the object is not what it was");
    if (ok) {
        r->size = info->size;
        r->etag = arena_str(r->arena, info->etag);
        r->offset = offset < r->size ? offset : r->size;
        return &r->base;
    }
    swift_close(&r->base);
    return NULL;
}

/* May a transfer that ended with ERR be taken up again? */
static bool again(struct swift_reader *r, struct error *err)
{
    if (!swift_kind_again(err->kind))
        return false;
    if (r->offset - r->broke_at >= PROGRESS)
        r->tries = 0;
    r->broke_at = r->offset;
    return r->tries++ < r->s->retries && swift_pause(&r->caller, (unsigned)r->tries, err);
}

/* One piece over the connection at hand, or over a new one. */
static bool piece(struct swift_reader *r, void *p, size_t n, size_t *got, struct error *err)
{
    if (!r->stream && !begin(r, NULL, NULL, err))
        return false;
    if (!http_stream_read(r->stream, p, n, got, err))
        return swift_trouble("GET", err);
    return *got > 0 || error_set(err, ERROR_UNAVAILABLE, "the object store sent less than the whole object");
}

/* All that was promised has come: is it all that is sent? */
static bool at_end(struct swift_reader *r, struct error *err)
{
    char byte;
    size_t got = 0;

    if (r->stream)
        http_stream_read(r->stream, &byte, 1, &got, NULL);
    return got == 0 || error_set(err, ERROR_INTERNAL, "the object store sends more than it said");
}

bool swift_read(struct store_reader *base, void *p, size_t n, size_t *got, struct error *err)
{
    struct swift_reader *r = (struct swift_reader *)base;
    struct error local;

    if (!err)
        err = &local;
    *got = 0;
    if (r->offset == r->size)
        return at_end(r, err);
    if (n > r->size - r->offset)
        n = (size_t)(r->size - r->offset);
    while (!piece(r, p, n, got, err)) {
        stream_end(r);
        if (!again(r, err))
            return false;
    }
    r->offset += *got;
    return true;
}

void swift_close(struct store_reader *base)
{
    struct swift_reader *r = (struct swift_reader *)base;
    char byte;
    size_t got;

    /* what was read to its end leaves its connection to others once libcurl has seen the end too */
    if (r->stream && r->offset == r->size)
        http_stream_read(r->stream, &byte, 1, &got, NULL);
    http_stream_close(r->stream);
    arena_free(r->stream_arena);
    arena_free(r->arena);
    free(r);
}
