#include "config.h"
#include "store/swift.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"

#include <string.h>

enum {
    MANIFEST_BYTES = 8 << 20, /* a thousand segments with the longest names, every byte escaped */
    COPY_BYTES_A_MS = 2048,   /* the server copies at least that fast; it says nothing meanwhile */
};

struct str swift_segment_container(struct str container, struct arena *arena)
{
    static const char suffix[] = "_segments";

    if (container.n + sizeof(suffix) - 1 > SWIFT_MAX_CONTAINER)
        return container;
    return str_of(arena_printf(arena, "%.*s%s", STR_ARG(container), suffix));
}

struct str swift_segment_name(struct str object, struct str tag, unsigned i, struct arena *arena)
{
    if (object.n + tag.n + 10 > SWIFT_MAX_OBJECT)
        return str_of(arena_printf(arena, "%.*s/%08u", STR_ARG(tag), i));
    return str_of(arena_printf(arena, "%.*s/%.*s/%08u", STR_ARG(object), STR_ARG(tag), i));
}

bool swift_segment_is_ours(const struct swift_segment *g, const struct store_name *name, struct arena *arena)
{
    struct str rest = g->object, tag, number;
    uint64_t value;

    if (!str_eq(g->container, swift_segment_container(name->container, arena)) ||
        !str_starts(rest, name->object))
        return false;
    rest.p += name->object.n;
    rest.n -= name->object.n;
    return rest.n > 0 && rest.p[0] == '/' &&
           str_cut((struct str){rest.p + 1, rest.n - 1}, '/', &tag, &number) && tag.n > 0 && number.n == 8 &&
           str_to_u64(number, SWIFT_MAX_SEGMENTS, &value);
}

/* --- manifests ---------------------------------------------------------------------------------- */

static void write_manifest(struct buf *b, const struct swift_segment *segments, size_t n, struct arena *arena)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_arr_begin(&w);
    for (size_t i = 0; i < n; i++) {
        json_obj_begin(&w);
        json_key_cstr(
            &w, "path",
            arena_printf(arena, "/%.*s/%.*s", STR_ARG(segments[i].container), STR_ARG(segments[i].object)));
        json_key_str(&w, "etag", segments[i].md5);
        json_key_u64(&w, "size_bytes", segments[i].size);
        json_obj_end(&w);
    }
    json_arr_end(&w);
}

/* A static large object's ETag: the md5 of its segments' in a row. */
static struct str etag_of(const struct swift_segment *segments, size_t n, struct arena *arena)
{
    struct digest *md5 = digest_new(DIGEST_MD5);
    char hex[DIGEST_HEX_SIZE];

    for (size_t i = 0; i < n; i++)
        digest_add(md5, segments[i].md5.p, segments[i].md5.n);
    digest_end(md5, hex);
    digest_free(md5);
    return str_of(arena_strdup(arena, hex));
}

bool swift_manifest_put(struct swift_store *s, const struct store_caller *caller,
                        const struct store_name *name, struct swift_call *call,
                        const struct swift_segment *segments, size_t n, struct arena *arena, struct str *etag,
                        struct error *err)
{
    struct http_response reply;
    struct buf b;
    bool ok;

    *etag = etag_of(segments, n, arena);
    call->method = "PUT";
    call->container = swift_container(s, name->container);
    call->object = name->object;
    call->query = "multipart-manifest=put";
    buf_init(&b, MANIFEST_BYTES);
    write_manifest(&b, segments, n, arena);
    call->body = buf_str(&b);
    ok = buf_ok(&b) ? swift_exchange(s, caller, call, SWIFT_MAX_ERROR, arena, &reply, err)
                    : error_set(err, ERROR_INTERNAL, "the large object's manifest is too long");
    buf_free(&b);
    if (!ok)
        return false;
    if (reply.status != 201)
        return swift_refused(s, caller, call, reply.status, err);
    if (!str_eq(swift_unquoted(http_response_header(&reply, "Etag")), *etag)) {
        swift_delete(s, caller, call->container, call->object, NULL);
        return error_set(err, ERROR_UNAVAILABLE, "the object store has other segments than were sent");
    }
    return true;
}

static bool segment_of(const struct json *j, struct swift_segment *out)
{
    struct str path;
    int64_t size;

    if (!json_to_str(json_get(j, "name"), &path) || !json_to_str(json_get(j, "hash"), &out->md5) ||
        !json_to_i64(json_get(j, "bytes"), 1, INT64_MAX, &size) || json_get(j, "range") ||
        json_get(j, "sub_slo") || path.n < 2 || path.p[0] != '/')
        return false;
    out->size = (uint64_t)size;
    return str_cut((struct str){path.p + 1, path.n - 1}, '/', &out->container, &out->object);
}

bool swift_manifest_get(struct swift_store *s, const struct store_caller *caller,
                        const struct store_name *name, struct arena *arena, struct swift_segment **segments,
                        size_t *n, struct error *err)
{
    static const struct json_limits limits = {MANIFEST_BYTES, 20 * SWIFT_MAX_SEGMENTS, 8};
    struct swift_call call = {.method = "GET",
                              .container = swift_container(s, name->container),
                              .object = name->object,
                              .query = "multipart-manifest=get"};
    struct http_response reply;
    const struct json *list;

    if (!swift_exchange(s, caller, &call, MANIFEST_BYTES, arena, &reply, err))
        return false;
    if (reply.status != 200)
        return swift_refused(s, caller, &call, reply.status, err);
    list = json_parse(arena, reply.body, &limits, NULL);
    if (!json_is(list, JSON_ARRAY) || list->n == 0)
        return error_set(err, ERROR_INTERNAL, "the large object's manifest is of a form that is not known");
    *segments = arena_calloc(arena, list->n, sizeof(**segments));
    *n = 0;
    for (const struct json *j = JSON_FIRST(list); j; j = j->next)
        if (!segment_of(j, &(*segments)[(*n)++]))
            return error_set(err, ERROR_INTERNAL, "the large object is not made of whole objects");
    return true;
}

/* --- copies by the server ----------------------------------------------------------------------- */

bool swift_copy_object(struct swift_store *s, const struct store_caller *caller, struct str from_container,
                       struct str from_object, const struct store_name *name, uint64_t size,
                       struct swift_call *call, struct arena *arena, struct str *etag, struct error *err)
{
    struct http_response reply;
    const char *from = swift_path(from_container, from_object, arena);

    if (!from)
        return error_set(err, ERROR_BAD_REQUEST, "the name is too long for the object store");
    call->method = "PUT";
    call->container = swift_container(s, name->container);
    call->object = name->object;
    call->body = STR("");
    call->stall_ms = s->stall_ms + size / COPY_BYTES_A_MS;
    swift_header(call, "X-Copy-From", str_of(from));
    swift_header(call, "X-Fresh-Metadata", STR("true"));
    if (!swift_exchange(s, caller, call, SWIFT_MAX_ERROR, arena, &reply, err))
        return false;
    if (reply.status == 404)
        return error_set(err, ERROR_NOT_FOUND, "Object not found. Object: %.*s", STR_ARG(from_object));
    if (reply.status != 201)
        return swift_refused(s, caller, call, reply.status, err);
    *etag = arena_str(arena, swift_unquoted(http_response_header(&reply, "Etag")));
    return true;
}

/* A copy of a large object: each segment by itself, then a manifest. What is left of one that failed lies
 * below the new object's name, where store_remove() finds it. */
static bool copy_large(struct swift_store *s, const struct store_caller *caller,
                       const struct store_name *from, const struct store_name *to, struct swift_call *meta,
                       struct arena *arena, struct error *err)
{
    struct str container = swift_segment_container(swift_container(s, to->container), arena), etag;
    struct swift_segment *segments;
    size_t n = 0;

    if (!swift_manifest_get(s, caller, from, arena, &segments, &n, err) ||
        !swift_make_container(s, caller, container, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct store_name part = {container, swift_segment_name(to->object, STR("copy"), (unsigned)i, arena)};
        struct swift_call call = {.n_headers = 0};

        if (store_stopped(caller, err) ||
            !swift_copy_object(s, caller, segments[i].container, segments[i].object, &part, segments[i].size,
                               &call, arena, &etag, err))
            return false;
        if (!str_eq(etag, segments[i].md5))
            return error_set(err, ERROR_CONFLICT, "the object was changed while it was copied");
        segments[i].container = part.container;
        segments[i].object = part.object;
    }
    return swift_manifest_put(s, caller, to, meta, segments, n, arena, &etag, err);
}

bool swift_copy(struct store *base, const struct store_caller *caller, const struct store_name *from,
                const struct store_name *to, const struct store_meta *meta, struct error *err)
{
    struct swift_store *s = (struct swift_store *)base;
    struct arena *arena = arena_new(0);
    struct swift_call call = {.n_headers = 0};
    struct store_info info;
    struct str etag;
    bool found, large, ok;

    ok = swift_head(s, caller, from, arena, &info, &large, &found, err) &&
         (found || store_no_object(from, err));
    swift_meta_headers(&call, meta, arena);
    if (ok && large)
        ok = copy_large(s, caller, from, to, &call, arena, err);
    else if (ok) {
        ok = swift_copy_object(s, caller, swift_container(s, from->container), from->object, to, info.size,
                               &call, arena, &etag, err);
        if (ok && !str_eq(etag, info.etag))
            ok = error_set(err, ERROR_CONFLICT, "the object was changed while it was copied");
    }
    if (!ok && base->role == STORE_IMAGES)
        store_remove(base, caller, to, NULL);
    arena_free(arena);
    return ok;
}
