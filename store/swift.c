#include "config.h"
#include "store/swift.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_PAGE = 1000, LIST_BYTES = 8 << 20, HEALTH_KEEPS = 10 /* seconds */, HEALTH_WAITS = 5 };

static struct store *swift_start(const struct conf *conf, enum store_role role,
                                 const struct service_auth *auth, struct error *err)
{
    struct http_options options = {.cafile = conf->object_store.cafile,
                                   .insecure = conf->object_store.insecure,
                                   .connect_timeout_ms = conf->object_store.connect_timeout * 1000};
    struct swift_store *s;

    if (!auth) {
        error_set(err, ERROR_INTERNAL, "driver = swift needs Keystone");
        return NULL;
    }
    s = mem_calloc(1, sizeof(*s));
    s->http = http_streams_new(&options, err);
    if (!s->http) {
        free(s);
        return NULL;
    }
    s->auth = auth;
    s->url = conf->object_store.url;
    s->region = conf->object_store.region;
    s->interface = conf->object_store.interface;
    s->container = str_of(conf->image_store.container);
    s->retries = conf->object_store.retries;
    s->segment_bytes = conf->object_store.segment_bytes;
    s->large_bytes = conf->object_store.large_object_bytes;
    s->stall_ms = conf->task.stall_timeout * 1000;
    s->base.features = STORE_SEGMENTS | (role == STORE_IMAGES ? STORE_COPY : 0);
    pthread_mutex_init(&s->lock, NULL);
    return &s->base;
}

static void swift_stop(struct store *base)
{
    struct swift_store *s = (struct swift_store *)base;

    http_streams_free(s->http);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Does it answer us, under our own token? */
static bool ask_health(struct swift_store *s)
{
    static const struct store_caller nobody;
    struct swift_call call = {
        .method = "HEAD", .container = s->container, .stall_ms = HEALTH_WAITS * 1000, .tries = 1};
    struct arena *arena = arena_new(0);
    struct http_response reply;
    bool ok = swift_exchange(s, &nobody, &call, SWIFT_MAX_ERROR, arena, &reply, NULL) &&
              reply.status != 401 && reply.status != 403;

    arena_free(arena);
    return ok;
}

static bool swift_healthy(struct store *base)
{
    struct swift_store *s = (struct swift_store *)base;
    int64_t now = clock_mono_us();
    bool known, ok;

    pthread_mutex_lock(&s->lock);
    known = s->asked_us && now - s->asked_us < HEALTH_KEEPS * 1000000LL;
    ok = s->healthy;
    if (!known) {
        if (!s->asked_us)
            s->healthy = true; /* who comes while the first one asks */
        s->asked_us = now;
    }
    pthread_mutex_unlock(&s->lock);
    if (known)
        return ok;
    ok = ask_health(s);
    pthread_mutex_lock(&s->lock);
    s->healthy = ok;
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* --- one object --------------------------------------------------------------------------------- */

static int64_t timestamp_us(struct str s)
{
    struct str seconds, fraction;
    uint64_t whole = 0, part = 0;

    str_cut(s, '.', &seconds, &fraction);
    if (fraction.n > 5)
        fraction.n = 5; /* Swift's own precision */
    str_to_u64(seconds, 1ULL << 40, &whole);
    if (str_to_u64(fraction, 99999, &part))
        for (size_t i = fraction.n; i < 6; i++)
            part *= 10;
    return (int64_t)(whole * 1000000 + part);
}

static void add_meta(struct store_info *out, const struct http_header *h, struct arena *arena)
{
    static const char prefix[] = "x-object-meta-";
    struct str name = str_of(h->name);
    char *lower;

    if (name.n < sizeof(prefix) || out->meta.n == STORE_META_MAX ||
        !str_eq_nocase((struct str){name.p, sizeof(prefix) - 1}, STR("x-object-meta-")))
        return;
    lower = arena_memdup(arena, name.p + sizeof(prefix) - 1, name.n - sizeof(prefix) + 1);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    out->meta.item[out->meta.n].name = str_of(lower);
    out->meta.item[out->meta.n++].value = h->value;
}

bool swift_info(const struct http_response *reply, struct arena *arena, struct store_info *out, bool *large,
                struct error *err)
{
    struct str slo = http_response_header(reply, "X-Static-Large-Object");

    *out = (struct store_info){.etag = arena_str(arena, swift_unquoted(http_response_header(reply, "Etag")))};
    if (!str_to_u64(http_response_header(reply, "Content-Length"), INT64_MAX, &out->size))
        return error_set(err, ERROR_INTERNAL, "the object store does not say how long the object is");
    out->modified_us = timestamp_us(http_response_header(reply, "X-Timestamp"));
    for (size_t i = 0; i < reply->n_headers; i++)
        add_meta(out, &reply->headers[i], arena);
    if (large)
        *large = str_eq_nocase(slo, STR("true"));
    return true;
}

bool swift_head(struct swift_store *s, const struct store_caller *caller, const struct store_name *name,
                struct arena *arena, struct store_info *out, bool *large, bool *found, struct error *err)
{
    struct swift_call call = {
        .method = "HEAD", .container = swift_container(s, name->container), .object = name->object};
    struct http_response reply;

    if (!swift_exchange(s, caller, &call, SWIFT_MAX_ERROR, arena, &reply, err))
        return false;
    *found = reply.status == 200;
    if (*found)
        return swift_info(&reply, arena, out, large, err);
    return reply.status == 404 || swift_refused(s, caller, &call, reply.status, err);
}

static bool swift_stat(struct store *base, const struct store_caller *caller, const struct store_name *name,
                       struct arena *arena, struct store_info *out, struct error *err)
{
    struct swift_store *s = (struct swift_store *)base;
    struct swift_call call = {.container = swift_container(s, name->container), .object = name->object};
    bool found;

    return swift_head(s, caller, name, arena, out, NULL, &found, err) &&
           (found || swift_refused(s, caller, &call, 404, err));
}

bool swift_make_container(struct swift_store *s, const struct store_caller *caller, struct str container,
                          struct error *err)
{
    struct swift_call call = {.method = "PUT", .container = container, .body = STR("")};
    struct arena *arena = arena_new(0);
    struct http_response reply;
    bool ok = swift_exchange(s, caller, &call, SWIFT_MAX_ERROR, arena, &reply, err) &&
              (reply.status / 100 == 2 || swift_refused(s, caller, &call, reply.status, err));

    arena_free(arena);
    return ok;
}

/* --- removing ----------------------------------------------------------------------------------- */

/* Deletes by CALL; *STATUS of the answer. */
static bool delete_as(struct swift_store *s, const struct store_caller *caller, const struct swift_call *call,
                      struct arena *arena, struct http_response *reply, struct error *err)
{
    struct store_caller own = *caller;

    if (!swift_exchange(s, caller, call, LIST_BYTES, arena, reply, err))
        return false;
    if (reply->status != 401 || !caller->token.p)
        return true;
    own.token.p = NULL; /* what is to be cleaned up does not wait for its owner to come back */
    return swift_exchange(s, &own, call, LIST_BYTES, arena, reply, err);
}

bool swift_delete(struct swift_store *s, const struct store_caller *caller, struct str container,
                  struct str object, struct error *err)
{
    struct swift_call call = {.method = "DELETE", .container = container, .object = object};
    struct arena *arena = arena_new(0);
    struct http_response reply;
    bool ok = delete_as(s, caller, &call, arena, &reply, err) &&
              (reply.status / 100 == 2 || reply.status == 404 ||
               swift_refused(s, caller, &call, reply.status, err));

    arena_free(arena);
    return ok;
}

/* A large object of the image store with its segments; the answer comes with a status of its own in the body.
 */
static bool delete_large(struct swift_store *s, const struct store_caller *caller, struct str container,
                         struct str object, struct arena *arena, struct error *err)
{
    struct swift_call call = {.method = "DELETE",
                              .container = container,
                              .object = object,
                              .query = "multipart-manifest=delete&format=json"};
    struct http_response reply;
    const struct json *doc;
    struct str status = {NULL, 0};
    uint64_t code = 0;

    swift_header(&call, "Accept", STR("application/json"));
    if (!delete_as(s, caller, &call, arena, &reply, err))
        return false;
    if (reply.status != 200)
        return reply.status == 404 || swift_refused(s, caller, &call, reply.status, err);
    doc = json_parse_object(arena, str_trim(reply.body), NULL, NULL);
    json_to_str(json_get(doc, "Response Status"), &status);
    if (str_starts(status, STR("200")) || str_starts(status, STR("404")))
        return true;
    str_cut(status, ' ', &status, &(struct str){0});
    str_to_u64(status, 999, &code);
    /* segments that were gone already are told as errors of theirs, and the manifest then stays */
    if (code == 400 || code == 0)
        return swift_delete(s, caller, container, object, err);
    return swift_refused(s, caller, &call, (int)code, err);
}

/* A large object of a customer's container. Its manifest may name whatever its writer may read, and our
 * authority is more than his: of the segments only those go that are of our making. */
static bool delete_customers(struct swift_store *s, const struct store_caller *caller,
                             const struct store_name *name, struct arena *arena, struct error *err)
{
    struct swift_segment *segments = NULL;
    struct error why = {.kind = ERROR_NONE};
    size_t n = 0;
    bool ok;

    if (!swift_manifest_get(s, caller, name, arena, &segments, &n, &why)) {
        n = 0;
        if (why.kind != ERROR_INTERNAL && why.kind != ERROR_NOT_FOUND) {
            if (err)
                *err = why;
            return false;
        }
    }
    ok = swift_delete(s, caller, name->container, name->object, err);
    for (size_t i = 0; ok && i < n; i++)
        if (swift_segment_is_ours(&segments[i], name, arena))
            ok = swift_delete(s, caller, segments[i].container, segments[i].object, err);
    return ok;
}

struct cleaning {
    struct swift_store *s;
    const struct store_caller *caller;
    struct str container;
};

static bool remove_one(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *err)
{
    const struct cleaning *c = ctx;

    (void)size, (void)modified_us;
    return swift_delete(c->s, c->caller, c->container, object, err);
}

/* In the image store an object's name is one attempt's: whatever lies under it goes, manifest or not. */
static bool remove_segments(struct swift_store *s, const struct store_caller *caller, struct str object,
                            struct arena *arena, struct error *err)
{
    struct cleaning c = {s, caller, swift_segment_container(s->container, arena)};
    struct error why = {.kind = ERROR_NONE};
    struct str prefix = str_of(arena_printf(arena, "%.*s/", STR_ARG(object)));

    if ((swift_list(&s->base, caller, c.container, prefix, remove_one, &c, &why) && why.kind == ERROR_NONE) ||
        why.kind == ERROR_NOT_FOUND)
        return true;
    if (err)
        *err = why;
    return false;
}

static bool swift_remove(struct store *base, const struct store_caller *caller, const struct store_name *name,
                         struct error *err)
{
    struct swift_store *s = (struct swift_store *)base;
    struct str container = swift_container(s, name->container);
    struct arena *arena = arena_new(0);
    struct store_info info;
    struct error why = {.kind = ERROR_NONE};
    struct store_caller by = *caller;
    bool found = false, large = false, ok;

    ok = swift_head(s, &by, name, arena, &info, &large, &found, &why);
    if (!ok && why.kind == ERROR_UNAUTHORIZED && by.token.p) {
        by.token.p = NULL;
        ok = swift_head(s, &by, name, arena, &info, &large, &found, &why);
    }
    if (!ok && err)
        *err = why;
    if (ok && found && large && base->role == STORE_CONTAINERS)
        ok = delete_customers(s, &by, name, arena, err);
    else if (ok && found)
        ok = large ? delete_large(s, &by, container, name->object, arena, err)
                   : swift_delete(s, &by, container, name->object, err);
    if (ok && base->role == STORE_IMAGES)
        ok = remove_segments(s, &by, name->object, arena, err);
    arena_free(arena);
    return ok;
}

/* --- lists -------------------------------------------------------------------------------------- */

struct page {
    struct swift_store *s;
    const struct store_caller *caller;
    struct str container, prefix;
    char marker[SWIFT_MAX_OBJECT + 1];
    size_t n;   /* of this page */
    bool ended; /* EACH has had enough */
};

static const char *query_of(const struct page *p, struct arena *arena)
{
    /* swift_path() encodes all but what may stand in a query too */
    const char *prefix = swift_path(p->prefix, (struct str){NULL, 0}, arena);
    const char *marker = swift_path(str_of(p->marker), (struct str){NULL, 0}, arena);

    return prefix && marker ? arena_printf(arena, "format=json&limit=%d&prefix=%s&marker=%s", LIST_PAGE,
                                           prefix + 1, marker + 1)
                            : NULL;
}

static bool each_of(struct page *p, const struct json *list, store_each_fn each, void *ctx, struct error *err)
{
    for (const struct json *o = JSON_FIRST(list); o && !p->ended; o = o->next) {
        struct str name, time;
        int64_t size = 0, modified_us = 0;

        if (!json_to_str(json_get(o, "name"), &name) || name.n > SWIFT_MAX_OBJECT ||
            memchr(name.p, '\0', name.n) || !json_to_i64(json_get(o, "bytes"), 0, INT64_MAX, &size))
            return error_set(err, ERROR_INTERNAL, "the object store's list is of a form that is not known");
        /* what is listed may be removed, and the next page begins behind it */
        if (!str_starts(name, p->prefix) || str_cmp(name, str_of(p->marker)) <= 0)
            return error_set(err, ERROR_INTERNAL,
                             "the object store's list is not the one that was asked for");
        if (json_to_str(json_get(o, "last_modified"), &time))
            clock_parse(time, &modified_us);
        memcpy(p->marker, name.p, name.n);
        p->marker[name.n] = '\0';
        error_clear(err);
        if (!each(ctx, name, (uint64_t)size, modified_us, err)) {
            p->ended = true;
            return true;
        }
    }
    return true;
}

static bool one_page(struct page *p, store_each_fn each, void *ctx, struct arena *arena, struct error *err)
{
    static const struct json_limits limits = {LIST_BYTES, 20 * LIST_PAGE, 8};
    struct swift_call call = {.method = "GET", .container = p->container, .query = query_of(p, arena)};
    struct http_response reply;
    const struct json *list;

    p->n = 0;
    if (!swift_exchange(p->s, p->caller, &call, LIST_BYTES, arena, &reply, err))
        return false;
    if (reply.status == 204)
        return true;
    if (reply.status != 200)
        return swift_refused(p->s, p->caller, &call, reply.status, err);
    list = json_parse(arena, reply.body, &limits, err);
    if (!json_is(list, JSON_ARRAY))
        return error_set(err, ERROR_INTERNAL, "the object store's list is of a form that is not known");
    p->n = list->n;
    return each_of(p, list, each, ctx, err);
}

static bool list_pages(struct swift_store *s, const struct store_caller *caller, struct str container,
                       struct str prefix, store_each_fn each, void *ctx, bool *ended, struct error *err)
{
    struct page p = {.s = s, .caller = caller, .container = container, .prefix = prefix, .n = 1};
    struct arena *arena = arena_new(1 << 20);
    bool ok = true;

    while (ok && p.n > 0 && !p.ended) {
        ok = one_page(&p, each, ctx, arena, err);
        arena_reset(arena);
    }
    arena_free(arena);
    *ended = p.ended;
    return ok;
}

/* Tells of OBJECT/TAG/NUMBER as OBJECT, once, where there is no such object. */
struct parts {
    struct swift_store *s;
    const struct store_caller *caller;
    store_each_fn each;
    void *ctx;
    char last[SWIFT_MAX_OBJECT + 1];
};

static bool part_as_object(void *ctx, struct str part, uint64_t size, int64_t modified_us, struct error *err)
{
    struct parts *p = ctx;
    struct str object = part;
    struct store_name name;
    struct store_info info;
    struct arena *arena;
    bool found = false, ok;

    for (int slashes = 0; object.n && slashes < 2; object.n--)
        slashes += object.p[object.n - 1] == '/';
    if (!object.n || str_eq_cstr(object, p->last))
        return true;
    memcpy(p->last, object.p, object.n);
    p->last[object.n] = '\0';
    name = (struct store_name){{NULL, 0}, str_of(p->last)};
    arena = arena_new(0);
    ok = swift_head(p->s, p->caller, &name, arena, &info, NULL, &found, err);
    arena_free(arena);
    return ok && (found || p->each(p->ctx, str_of(p->last), size, modified_us, err));
}

bool swift_list(struct store *base, const struct store_caller *caller, struct str container,
                struct str prefix, store_each_fn each, void *ctx, struct error *err)
{
    struct swift_store *s = (struct swift_store *)base;
    struct parts parts = {.s = s, .caller = caller, .each = each, .ctx = ctx};
    struct arena *arena;
    bool ended = false, ok;

    ok = list_pages(s, caller, swift_container(s, container), prefix, each, ctx, &ended, err);
    if (base->role != STORE_IMAGES || container.p || (!ok && err->kind != ERROR_NOT_FOUND) || ended)
        return ok;
    /* the image store: a container that is not made yet is empty, and parts may be left without their object
     */
    error_clear(err);
    arena = arena_new(0);
    ok = list_pages(s, caller, swift_segment_container(s->container, arena), prefix, part_as_object, &parts,
                    &ended, err);
    arena_free(arena);
    if (!ok && err->kind == ERROR_NOT_FOUND) {
        error_clear(err);
        ok = true;
    }
    return ok;
}

const struct store_ops store_swift = {
    .name = "swift",
    .start = swift_start,
    .stop = swift_stop,
    .healthy = swift_healthy,
    .stat = swift_stat,
    .open = swift_read_open,
    .read = swift_read,
    .close = swift_close,
    .create = swift_create,
    .write = swift_write,
    .commit = swift_commit,
    .abort = swift_abort,
    .remove = swift_remove,
    .copy = swift_copy,
    .list = swift_list,
};
