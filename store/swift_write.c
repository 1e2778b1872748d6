#include "config.h"
#include "store/swift.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Three ways to write, none of which shows anything under the object's name before swift_commit():
 *
 * - up to large_object_bytes of a known size: one PUT. Swift shows the object when its last byte is there, so
 *   that byte is held back until the commit;
 * - more: segments of known sizes, the manifest at the commit;
 * - an unknown size: segments sent in chunks, each until it is full. At the commit a manifest; or, where a
 * single segment has it all, a copy of that by the server, so that a small object is a plain one with its md5
 * for ETag.
 */
enum way { ONE_PUT, KNOWN_SEGMENTS, CHUNKED_SEGMENTS };

struct swift_writer {
    struct store_writer base;
    struct swift_store *s;
    struct arena *arena; /* of the arguments and the segments' list */
    struct store_caller caller;
    struct store_name name; /* container always set */
    struct store_meta meta;
    struct str content_type, tag;
    bool (*segment)(void *ctx, struct str container, struct str object, struct error *err);
    void *segment_ctx;
    enum way way;
    int64_t announced;
    uint64_t size;          /* taken so far */
    uint64_t segment_bytes; /* of each but the last */
    /* what is being sent: the object, or a segment */
    struct http_stream *stream; /* NULL: between two */
    struct arena *stream_arena;
    uint64_t part_size; /* to be; of a chunked one its limit */
    uint64_t part_done; /* taken by the stream */
    struct digest *md5; /* of that */
    bool spoilt;        /* Swift has other bytes than it was sent */
    bool holds_last;    /* LAST is the byte that is held back */
    char last;
    struct str segment_container;
    struct swift_segment *segments; /* room for SWIFT_MAX_SEGMENTS, but of ONE_PUT */
    size_t n_segments;
};

/* --- one PUT, of the object or of a segment --------------------------------------------------------- */

static struct swift_call put_call(struct swift_writer *w)
{
    struct swift_call call = {.method = "PUT", .container = w->name.container, .object = w->name.object};

    if (w->way == ONE_PUT) {
        swift_header(&call, "Content-Type", w->content_type);
        swift_meta_headers(&call, &w->meta, w->arena);
    } else {
        call.container = w->segment_container;
        call.object = w->segments[w->n_segments - 1].object;
        swift_header(&call, "Content-Type", STR("application/octet-stream"));
    }
    return call;
}

static bool part_open(struct swift_writer *w, uint64_t stale, uint64_t *generation, struct error *err)
{
    struct swift_call call = put_call(w);

    http_stream_close(w->stream);
    arena_reset(w->stream_arena);
    w->stream = swift_begin(w->s, &w->caller, &call,
                            w->way == CHUNKED_SEGMENTS ? SWIFT_CHUNKED : (int64_t)w->part_size, stale,
                            generation, w->stream_arena, err);
    return w->stream != NULL;
}

/* The reply, and what it says where it is no 201. */
static bool part_reply(struct swift_writer *w, struct http_response *reply, struct error *err)
{
    struct swift_call call = put_call(w);

    if (!http_stream_head(w->stream, reply, err) ||
        !http_stream_body(w->stream, SWIFT_MAX_ERROR, &reply->body, err))
        return swift_trouble("PUT", err);
    return reply->status == 201 || swift_refused(w->s, &w->caller, &call, reply->status, err);
}

/* The first bytes of a part: nothing is lost yet, so that a refusal is no end. */
static bool part_begin(struct swift_writer *w, const void *p, size_t n, struct error *err)
{
    uint64_t stale = 0, generation = 0;
    struct http_response reply = {.status = 0};

    for (unsigned attempt = 1;; attempt++) {
        bool opened = part_open(w, stale, &generation, err);

        if (opened && (n == 0 || http_stream_write(w->stream, p, n, err)))
            return true;
        reply.status = 0;
        if (opened && http_stream_answered(w->stream))
            part_reply(w, &reply, err);
        else
            swift_trouble("PUT", err);
        if (reply.status == 401 && stale == 0) {
            stale = generation;
            continue;
        }
        if (!swift_kind_again(err->kind) || attempt > w->s->retries || !swift_pause(&w->caller, attempt, err))
            return false;
    }
}

/* Hands N bytes to the part under way. */
static bool part_write(struct swift_writer *w, const void *p, size_t n, struct error *err)
{
    struct http_response reply;
    bool ok;

    if (fault_point("store.swift_write"))
        return error_set(err, ERROR_UNAVAILABLE, "the object store is not available");
    ok = w->part_done == 0 ? part_begin(w, p, n, err) : http_stream_write(w->stream, p, n, err);
    if (!ok && w->part_done > 0) {
        if (!http_stream_answered(w->stream))
            swift_trouble("PUT", err);
        else if (part_reply(w, &reply, err))
            error_set(err, ERROR_UNAVAILABLE, "the object store took less than it was sent");
    }
    if (!ok)
        return false;
    digest_add(w->md5, p, n);
    w->part_done += n;
    return true;
}

/* Ends the part: *MD5 (in the writer's arena) is what Swift has, too. */
static bool part_end(struct swift_writer *w, struct str *md5, struct error *err)
{
    struct http_response reply;
    struct str etag;
    char hex[DIGEST_HEX_SIZE];

    if (w->part_done == 0 && !part_begin(w, "", 0, err))
        return false;
    digest_end(w->md5, hex);
    *md5 = str_of(arena_strdup(w->arena, hex));
    if (!part_reply(w, &reply, err))
        return false;
    etag = http_response_header(&reply, "Etag");
    if (etag.n > 2 && etag.p[0] == '"')
        etag = (struct str){etag.p + 1, etag.n - 2};
    w->spoilt = !str_eq(etag, *md5);
    if (w->spoilt)
        return error_set(err, ERROR_UNAVAILABLE, "the object store did not get the bytes as they were sent");
    http_stream_close(w->stream);
    w->stream = NULL;
    w->part_done = 0;
    return true;
}

/* --- segments --------------------------------------------------------------------------------------- */

static bool segment_begin(struct swift_writer *w, struct error *err)
{
    struct swift_segment *g;
    uint64_t left;

    if (w->n_segments == SWIFT_MAX_SEGMENTS)
        return error_set(err, ERROR_TOO_LARGE, "the object has more than %d segments", SWIFT_MAX_SEGMENTS);
    if (w->n_segments == 0 && !swift_make_container(w->s, &w->caller, w->segment_container, err))
        return false;
    g = &w->segments[w->n_segments];
    *g = (struct swift_segment){
        .container = w->segment_container,
        .object = swift_segment_name(w->name.object, w->tag, (unsigned)w->n_segments, w->arena)};
    if (w->segment && !w->segment(w->segment_ctx, g->container, g->object, err))
        return false;
    w->n_segments++; /* from now on an abort looks after it */
    left = w->way == KNOWN_SEGMENTS ? (uint64_t)w->announced - w->size : w->segment_bytes;
    w->part_size = left < w->segment_bytes ? left : w->segment_bytes;
    w->part_done = 0;
    return true;
}

static bool segment_end(struct swift_writer *w, struct error *err)
{
    struct swift_segment *g = &w->segments[w->n_segments - 1];

    g->size = w->part_done;
    return part_end(w, &g->md5, err);
}

static bool write_segments(struct swift_writer *w, const char *p, size_t n, struct error *err)
{
    while (n > 0) {
        size_t k = n;

        if (!w->stream && !segment_begin(w, err))
            return false;
        if (k > w->part_size - w->part_done)
            k = (size_t)(w->part_size - w->part_done);
        if (!part_write(w, p, k, err))
            return false;
        p += k;
        n -= k;
        w->size += k;
        if (w->part_done == w->part_size && !segment_end(w, err))
            return false;
    }
    return true;
}

/* --- the writer ------------------------------------------------------------------------------------- */

static void keep_arguments(struct swift_writer *w, const struct store_caller *caller,
                           const struct store_name *name, const struct store_write_options *options)
{
    w->caller = *caller;
    if (caller->token.p)
        w->caller.token = arena_str(w->arena, caller->token);
    w->caller.project_id = arena_str(w->arena, caller->project_id);
    w->name.container = arena_str(w->arena, swift_container(w->s, name->container));
    w->name.object = arena_str(w->arena, name->object);
    for (size_t i = 0; options->meta && i < options->meta->n; i++) {
        w->meta.item[i].name = arena_str(w->arena, options->meta->item[i].name);
        w->meta.item[i].value = arena_str(w->arena, options->meta->item[i].value);
        w->meta.n = i + 1;
    }
    w->content_type = options->content_type.p ? arena_str(w->arena, options->content_type)
                                              : STR("application/octet-stream");
    w->tag = arena_str(w->arena, str_of(options->tag));
    w->segment = options->segment;
    w->segment_ctx = options->ctx;
    w->announced = options->size;
}

static void choose_way(struct swift_writer *w)
{
    uint64_t size = w->announced < 0 ? 0 : (uint64_t)w->announced;

    w->segment_bytes = w->s->segment_bytes;
    if (w->announced < 0)
        w->way = CHUNKED_SEGMENTS;
    else if (size > w->s->large_bytes)
        w->way = KNOWN_SEGMENTS;
    w->part_size = size;
    if (w->way == ONE_PUT)
        return;
    if (size / SWIFT_MAX_SEGMENTS >= w->segment_bytes) /* longer ones rather than too many */
        w->segment_bytes = size / SWIFT_MAX_SEGMENTS + 1;
    w->segment_container = swift_segment_container(w->name.container, w->arena);
    w->segments = arena_calloc(w->arena, SWIFT_MAX_SEGMENTS, sizeof(*w->segments));
}

/* The container is there: made, where it is the image store's own; else a missing one is told before a byte
 * is sent. */
static bool container_ready(struct swift_writer *w, struct error *err)
{
    struct swift_store *s = w->s;
    struct swift_call call = {.method = "HEAD", .container = w->name.container};
    struct http_response reply;
    bool made;

    if (s->base.role == STORE_CONTAINERS)
        return swift_exchange(s, &w->caller, &call, SWIFT_MAX_ERROR, w->stream_arena, &reply, err) &&
               (reply.status / 100 == 2 || swift_refused(s, &w->caller, &call, reply.status, err));
    pthread_mutex_lock(&s->lock);
    made = s->container_made;
    pthread_mutex_unlock(&s->lock);
    if (made)
        return true;
    if (!swift_make_container(s, &w->caller, s->container, err))
        return false;
    pthread_mutex_lock(&s->lock);
    s->container_made = true;
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void writer_free(struct swift_writer *w)
{
    http_stream_close(w->stream);
    digest_free(w->md5);
    arena_free(w->stream_arena);
    arena_free(w->arena);
    free(w);
}

struct store_writer *swift_create(struct store *s, const struct store_caller *caller,
                                  const struct store_name *name, const struct store_write_options *options,
                                  struct error *err)
{
    struct swift_writer *w = mem_calloc(1, sizeof(*w));

    w->s = (struct swift_store *)s;
    w->arena = arena_new(0);
    w->stream_arena = arena_new(0);
    w->md5 = digest_new(DIGEST_MD5);
    keep_arguments(w, caller, name, options);
    choose_way(w);
    if (container_ready(w, err))
        return &w->base;
    writer_free(w);
    return NULL;
}

static bool write_one(struct swift_writer *w, const char *p, size_t n, struct error *err)
{
    size_t now = n;

    w->holds_last = w->size + n == (uint64_t)w->announced;
    if (w->holds_last) {
        w->last = p[n - 1];
        now--;
    }
    if (now > 0 && !part_write(w, p, now, err))
        return false;
    w->size += n;
    return true;
}

bool swift_write(struct store_writer *base, const void *p, size_t n, struct error *err)
{
    struct swift_writer *w = (struct swift_writer *)base;
    struct error local;

    if (!err)
        err = &local;
    if (store_stopped(&w->caller, err))
        return false;
    if (w->announced >= 0 && n > (uint64_t)w->announced - w->size)
        return error_set(err, ERROR_CONFLICT, "more bytes came than were announced");
    return w->way == ONE_PUT ? write_one(w, p, n, err) : write_segments(w, p, n, err);
}

/* --- the commit ------------------------------------------------------------------------------------- */

enum arrival { NOT_ARRIVED, ARRIVED, NOBODY_KNOWS };

/* The answer to the last byte was lost: is the object there, as it was sent? */
static enum arrival arrived(struct swift_writer *w, struct str etag)
{
    struct store_info info;
    bool found = false, same;

    if (!swift_head(w->s, &w->caller, &w->name, w->arena, &info, NULL, &found, NULL))
        return NOBODY_KNOWS;
    same = found && info.size == w->size && str_eq(info.etag, etag) && info.meta.n == w->meta.n;
    for (size_t i = 0; same && i < w->meta.n; i++) {
        bool seen = false;

        for (size_t k = 0; k < info.meta.n; k++)
            seen = seen || (str_eq(info.meta.item[k].name, w->meta.item[i].name) &&
                            str_eq(info.meta.item[k].value, w->meta.item[i].value));
        same = seen;
    }
    return same ? ARRIVED : NOT_ARRIVED;
}

static bool commit_one(struct swift_writer *w, struct str *etag, struct error *err)
{
    *etag = STR("");
    if (w->holds_last && !part_write(w, &w->last, 1, err))
        return false;
    if (part_end(w, etag, err) ||
        (etag->n > 0 && swift_kind_again(err->kind) && arrived(w, *etag) == ARRIVED))
        return true;
    if (w->spoilt)
        swift_delete(w->s, &w->caller, w->name.container, w->name.object, NULL);
    return false;
}

/* Where the answer is lost, or we were stopped while we waited for it, the manifest may stand all the same:
 * then its segments are an object's, and must not be removed. */
static bool commit_manifest(struct swift_writer *w, struct swift_call *call, struct str *etag,
                            struct error *err)
{
    enum arrival arrival;

    if (swift_manifest_put(w->s, &w->caller, &w->name, call, w->segments, w->n_segments, w->arena, etag, err))
        return true;
    if (!swift_kind_again(err->kind) && err->kind != ERROR_ABORTED)
        return false;
    w->caller.stop = NULL;
    arrival = arrived(w, *etag);
    if (arrival == NOBODY_KNOWS)
        w->n_segments = 0; /* who was told of them removes them, once he has removed the object */
    return arrival == ARRIVED;
}

static bool commit_segments(struct swift_writer *w, struct str *etag, struct error *err)
{
    struct swift_call call = {.n_headers = 0};
    bool ok;

    if (w->n_segments == 0 &&
        !segment_begin(w, err)) /* nothing was written: an empty object by the same way */
        return false;
    if ((w->stream || w->size == 0) && !segment_end(w, err))
        return false;
    swift_header(&call, "Content-Type", w->content_type);
    swift_meta_headers(&call, &w->meta, w->arena);
    if (w->n_segments > 1 || w->size > w->s->large_bytes || w->way == KNOWN_SEGMENTS)
        return commit_manifest(w, &call, etag, err);
    ok = swift_copy_object(w->s, &w->caller, w->segments[0].container, w->segments[0].object, &w->name,
                           w->size, &call, w->arena, etag, err);
    if (ok && !str_eq(*etag, w->segments[0].md5)) {
        swift_delete(w->s, &w->caller, w->name.container, w->name.object, NULL);
        ok = error_set(err, ERROR_UNAVAILABLE, "the object store did not copy the bytes as they were");
    }
    if (ok) { /* a copy needs it no more; what cannot be removed now was told to the caller */
        swift_delete(w->s, &w->caller, w->segments[0].container, w->segments[0].object, NULL);
        w->n_segments = 0;
    }
    return ok;
}

/* The segments of the large object that is about to be replaced, as far as they are of our making. */
static void old_segments(struct swift_writer *w, struct swift_segment **segments, size_t *n)
{
    struct store_info info;
    bool large = false, found = false;

    *n = 0;
    if (w->s->base.role == STORE_IMAGES) /* never replaced */
        return;
    if (swift_head(w->s, &w->caller, &w->name, w->arena, &info, &large, &found, NULL) && found && large &&
        !swift_manifest_get(w->s, &w->caller, &w->name, w->arena, segments, n, NULL))
        *n = 0;
}

static void remove_old_segments(struct swift_writer *w, const struct swift_segment *segments, size_t n)
{
    struct str own = str_of(arena_printf(w->arena, "%.*s/%.*s/", STR_ARG(w->name.object), STR_ARG(w->tag)));

    for (size_t i = 0; i < n; i++)
        if (swift_segment_is_ours(&segments[i], &w->name, w->arena) && !str_starts(segments[i].object, own))
            swift_delete(w->s, &w->caller, segments[i].container, segments[i].object, NULL);
}

bool swift_commit(struct store_writer *base, struct arena *arena, struct store_info *out, struct error *err)
{
    struct swift_writer *w = (struct swift_writer *)base;
    struct swift_segment *old = NULL;
    struct error local;
    struct str etag = STR("");
    size_t n_old = 0;
    bool ok;

    if (!err)
        err = &local;
    ok = !store_stopped(&w->caller, err) &&
         (w->announced < 0 || (uint64_t)w->announced == w->size ||
          error_set(err, ERROR_CONFLICT, "fewer bytes came than were announced"));
    if (ok)
        old_segments(w, &old, &n_old);
    ok = ok && (w->way == ONE_PUT ? commit_one(w, &etag, err) : commit_segments(w, &etag, err));
    if (!ok) {
        swift_abort(base);
        return false;
    }
    remove_old_segments(w, old, n_old);
    if (out) {
        *out = (struct store_info){
            .size = w->size, .etag = arena_str(arena, etag), .modified_us = clock_now_us()};
        for (size_t i = 0; i < w->meta.n; i++) {
            out->meta.item[i].name = arena_str(arena, w->meta.item[i].name);
            out->meta.item[i].value = arena_str(arena, w->meta.item[i].value);
        }
        out->meta.n = w->meta.n;
    }
    writer_free(w);
    return true;
}

void swift_abort(struct store_writer *base)
{
    struct swift_writer *w = (struct swift_writer *)base;

    http_stream_close(w->stream); /* a body that ends too early is no object */
    w->stream = NULL;
    w->caller.stop = NULL; /* who was stopped still cleans up */
    for (size_t i = 0; i < w->n_segments; i++)
        swift_delete(w->s, &w->caller, w->segments[i].container, w->segments[i].object, NULL);
    writer_free(w);
}
