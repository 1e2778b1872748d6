#include "config.h"
#include "store/swift.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MAX_URL = 8192, FIRST_PAUSE_MS = 200, LAST_PAUSE_MS = 10000, SLICE_MS = 200 };

struct str swift_container(const struct swift_store *s, struct str container)
{
    return container.p ? container : s->container;
}

void swift_header(struct swift_call *call, const char *name, struct str value)
{
    if (call->n_headers < SWIFT_MAX_HEADERS)
        call->headers[call->n_headers++] = (struct http_header){name, value};
}

void swift_meta_headers(struct swift_call *call, const struct store_meta *meta, struct arena *arena)
{
    for (size_t i = 0; meta && i < meta->n; i++)
        swift_header(call, arena_printf(arena, "X-Object-Meta-%.*s", STR_ARG(meta->item[i].name)),
                     meta->item[i].value);
}

/* --- URLs --------------------------------------------------------------------------------------- */

static void add_encoded(struct buf *b, struct str s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

    for (size_t i = 0; i < s.n; i++)
        if (memchr(plain, s.p[i], sizeof(plain) - 1))
            buf_add_char(b, s.p[i]);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)s.p[i]);
}

static void add_path(struct buf *b, struct str container, struct str object)
{
    buf_add_char(b, '/');
    add_encoded(b, container);
    if (object.p) {
        buf_add_char(b, '/');
        add_encoded(b, object);
    }
}

static const char *take(struct buf *b, struct arena *arena)
{
    const char *text = buf_ok(b) ? arena_memdup(arena, b->p, b->n) : NULL;

    buf_free(b);
    return text;
}

const char *swift_path(struct str container, struct str object, struct arena *arena)
{
    struct buf b;

    buf_init(&b, MAX_URL);
    add_path(&b, container, object);
    return take(&b, arena);
}

/* TEMPLATE with each %(project_id)s (in any of the spellings that catalogues have) replaced. */
static void add_account(struct buf *b, struct str template, struct str project_id)
{
    static const char *const words[] = {"%(project_id)s", "$(project_id)s", "%(tenant_id)s", "$(tenant_id)s"};

    while (template.n) {
        size_t skip = 0;

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
            if (str_starts(template, str_of(words[i])))
                skip = strlen(words[i]);
        if (skip)
            add_encoded(b, project_id);
        else
            buf_add_char(b, template.p[0]);
        skip = skip ? skip : 1;
        template.p += skip;
        template.n -= skip;
    }
    while (b->n && b->p[b->n - 1] == '/')
        b->n--;
}

static const char *url_of(struct swift_store *s, const struct swift_call *call, struct str project_id,
                          struct arena *arena, struct error *err)
{
    /* a catalogue each time would be much for an ARENA that lasts for a thousand requests */
    struct arena *scratch = arena_new(0);
    const char *template = s->url, *url;
    struct buf b;

    if (!*template &&
        !s->auth->endpoint(s->auth->ctx, "object-store", s->region, s->interface, scratch, &template, err)) {
        arena_free(scratch);
        return NULL;
    }
    buf_init(&b, MAX_URL);
    add_account(&b, str_of(template), project_id);
    arena_free(scratch);
    add_path(&b, call->container, call->object);
    if (call->query) {
        buf_add_char(&b, '?');
        buf_add_cstr(&b, call->query);
    }
    url = take(&b, arena);
    if (!url)
        error_set(err, ERROR_BAD_REQUEST, "the name is too long for the object store");
    return url;
}

/* --- one request -------------------------------------------------------------------------------- */

struct http_stream *swift_begin(struct swift_store *s, const struct store_caller *caller,
                                const struct swift_call *call, int64_t size, uint64_t stale,
                                uint64_t *generation, struct arena *arena, struct error *err)
{
    struct http_header *headers = arena_calloc(arena, call->n_headers + 2, sizeof(*headers));
    struct http_stream_request request = {.upload = size != SWIFT_NO_BODY,
                                          .size = size,
                                          .stall_timeout_ms = call->stall_ms ? call->stall_ms : s->stall_ms,
                                          .stop = caller->stop,
                                          .ctx = caller->ctx};
    struct service_token own;
    size_t n = 0;

    if (!s->auth->token(s->auth->ctx, stale, arena, &own, err))
        return NULL;
    *generation = own.generation;
    headers[n++] = (struct http_header){"X-Auth-Token", caller->token.p ? caller->token : own.token};
    if (caller->token.p)
        headers[n++] = (struct http_header){"X-Service-Token", own.token};
    for (size_t i = 0; i < call->n_headers; i++)
        headers[n++] = call->headers[i];
    request.http = (struct http_request){.method = call->method, .headers = headers, .n_headers = n};
    request.http.url =
        url_of(s, call, s->base.role == STORE_IMAGES ? own.project_id : caller->project_id, arena, err);
    return request.http.url ? http_stream_open(s->http, &request, arena, err) : NULL;
}

bool swift_status_again(int status)
{
    return status == 408 || status == 429 || status == 498 || (status >= 500 && status != 507);
}

struct str swift_unquoted(struct str s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return (struct str){s.p + 1, s.n - 2};
    return s;
}

bool swift_kind_again(enum error_kind kind)
{
    return kind == ERROR_UNAVAILABLE || kind == ERROR_TIMEOUT;
}

bool swift_pause(const struct store_caller *caller, unsigned attempt, struct error *err)
{
    unsigned ms = FIRST_PAUSE_MS << (attempt < 8 ? attempt - 1 : 7);
    unsigned char random = 0;
    int64_t until;

    if (ms > LAST_PAUSE_MS)
        ms = LAST_PAUSE_MS;
    if (getrandom(&random, 1, 0) == 1) /* many that were refused at once do not come back at once */
        ms = ms / 2 + ms / 2 * random / 255;
    until = clock_mono_us() + ms * 1000;
    while (clock_mono_us() < until) {
        int64_t left = until - clock_mono_us();
        struct timespec slice = {.tv_nsec = (left < SLICE_MS * 1000 ? left : SLICE_MS * 1000) * 1000};

        if (store_stopped(caller, err))
            return false;
        if (left > 0)
            nanosleep(&slice, NULL);
    }
    return !store_stopped(caller, err);
}

bool swift_trouble(const char *method, struct error *err)
{
    struct error why;

    if (!err)
        return false;
    why = *err;
    if (swift_kind_again(why.kind))
        log_warning("store: Swift, %s: %s", method, why.message);
    if (why.kind == ERROR_UNAVAILABLE)
        error_set(err, ERROR_UNAVAILABLE, "the object store is not available");
    else if (why.kind == ERROR_TIMEOUT)
        error_set(err, ERROR_TIMEOUT, "the object store does not go on: %s", why.message);
    return false;
}

/* Sends it once, up to the reply's head. */
static struct http_stream *once(struct swift_store *s, const struct store_caller *caller,
                                const struct swift_call *call, uint64_t stale, uint64_t *generation,
                                struct arena *arena, struct http_response *reply, struct error *err)
{
    int64_t size = call->body.p ? (int64_t)call->body.n : SWIFT_NO_BODY;
    struct http_stream *stream;
    bool ok;

    stream = swift_begin(s, caller, call, size, stale, generation, arena, err);
    if (!stream)
        return NULL;
    ok = size <= 0 || http_stream_write(stream, call->body.p, call->body.n, err) ||
         http_stream_answered(stream);
    if (ok && http_stream_head(stream, reply, err))
        return stream;
    swift_trouble(call->method, err);
    http_stream_close(stream);
    return NULL;
}

struct http_stream *swift_open(struct swift_store *s, const struct store_caller *caller,
                               const struct swift_call *call, struct arena *arena,
                               struct http_response *reply, struct error *err)
{
    uint64_t stale = 0, generation = 0, tries = call->tries ? call->tries : s->retries + 1;
    struct error local;

    if (!err)
        err = &local;
    for (unsigned attempt = 1;; attempt++) {
        struct http_stream *stream;

        error_clear(err);
        stream = once(s, caller, call, stale, &generation, arena, reply, err);
        if (stream && reply->status == 401 && stale == 0) {
            http_stream_close(stream);
            stale = generation; /* ours may have been revoked; a new one costs one more question */
            attempt--;
            continue;
        }
        if (stream && !swift_status_again(reply->status))
            return stream;
        if (stream) {
            log_warning("store: Swift, %s: answers %d", call->method, reply->status);
            error_set(err, ERROR_UNAVAILABLE, "the object store answers %d", reply->status);
        }
        http_stream_close(stream);
        if (!swift_kind_again(err->kind) || attempt >= tries || !swift_pause(caller, attempt, err))
            return NULL;
    }
}

bool swift_exchange(struct swift_store *s, const struct store_caller *caller, const struct swift_call *call,
                    size_t max, struct arena *arena, struct http_response *reply, struct error *err)
{
    struct http_stream *stream = swift_open(s, caller, call, arena, reply, err);
    bool ok = stream && http_stream_body(stream, max, &reply->body, err);

    if (stream && !ok && err)
        swift_trouble(call->method, err);
    http_stream_close(stream);
    return ok;
}

/* Swift says 401 too while it cannot ask Keystone. It is asked once more, and with a service token that
 * Keystone has just issued, before a task is given up for it. Always false. */
static bool token_refused(struct swift_store *s, const struct store_caller *caller, struct str container,
                          struct error *err)
{
    struct swift_call ask = {.method = "HEAD", .container = container};
    struct arena *arena = arena_new(0);
    struct http_response reply;

    if (swift_exchange(s, caller, &ask, SWIFT_MAX_ERROR, arena, &reply, err)) {
        if (reply.status == 401)
            error_set(err, ERROR_UNAUTHORIZED, "the object store does not accept the token any more");
        else
            error_set(err, ERROR_UNAVAILABLE, "the object store did not accept the token for a moment");
    }
    arena_free(arena);
    return false;
}

bool swift_refused(struct swift_store *s, const struct store_caller *caller, const struct swift_call *call,
                   int status, struct error *err)
{
    struct swift_call ask = {.method = "HEAD", .container = call->container};
    struct store_name name = {call->container, call->object};
    struct http_response reply;
    struct arena *arena;
    bool there;

    switch (status) {
    case 401: return token_refused(s, caller, call->container, err);
    case 403:
        return error_set(err, ERROR_FORBIDDEN, "the object store does not allow this in container %.*s",
                         STR_ARG(call->container));
    case 409:
    case 412: return error_set(err, ERROR_CONFLICT, "the object is not what it was");
    case 413:
        return error_set(err, ERROR_TOO_LARGE, "over the quota or the limits of container %.*s",
                         STR_ARG(call->container));
    case 422:
        return error_set(err, ERROR_UNAVAILABLE, "the object store did not get the bytes as they were sent");
    case 507: return error_set(err, ERROR_TOO_LARGE, "no room in the object store");
    default: break;
    }
    if (swift_status_again(status))
        return error_set(err, ERROR_UNAVAILABLE, "the object store answers %d", status);
    if (status != 404)
        return error_set(err, ERROR_INTERNAL, "the object store answers %d", status);
    if (!call->object.p)
        return store_no_container(call->container, err);
    arena = arena_new(0);
    there = swift_exchange(s, caller, &ask, SWIFT_MAX_ERROR, arena, &reply, NULL) && reply.status != 404;
    arena_free(arena);
    if (!there)
        return store_no_container(call->container, err);
    return store_no_object(&name, err);
}
