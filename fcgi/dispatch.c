#include "config.h"
#include "fcgi/exchange.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "base/uuid.h"
#include "handlers/metrics.h"
#include "handlers/route.h"
#include "handlers/uri.h"

#include <string.h>

enum { RETRY_AFTER_SECONDS = 5, LOG_METHOD_MAX = 32, LOG_PATH_MAX = 1000 };

/* --- what came ---------------------------------------------------------------------------------- */

static bool is_request_id(struct str s)
{
    return str_starts(s, STR("req-")) && uuid_is((struct str){s.p + 4, s.n - 4});
}

/* nginx' $request_id, 32 hex digits, in our form. */
static const char *from_nginx_id(struct arena *arena, struct str s)
{
    const char *id;

    if (s.n != 32)
        return NULL;
    id = arena_printf(arena, "req-%.8s-%.4s-%.4s-%.4s-%.12s", s.p, s.p + 8, s.p + 12, s.p + 16, s.p + 20);
    return is_request_id(str_of(id)) ? id : NULL;
}

static void choose_request_id(struct exchange *x)
{
    struct str sent = params_header(&x->params, "X-Openstack-Request-Id");
    struct str nginx = params_get(&x->params, "REQUEST_ID");
    char uuid[UUID_TEXT_SIZE];

    if (!is_request_id(sent))
        sent = nginx;
    if (is_request_id(sent))
        x->request.id = arena_strdup(x->request.arena, sent.p);
    else
        x->request.id = from_nginx_id(x->request.arena, nginx);
    if (!x->request.id) {
        uuid_new(uuid);
        x->request.id = arena_printf(x->request.arena, "req-%s", uuid);
    }
    log_set_request_id(x->request.id);
}

static bool read_content_length(struct exchange *x, struct error *err)
{
    struct str text = params_header(&x->params, "Content-Length");
    uint64_t n;

    x->request.content_length = -1;
    if (!text.p)
        return true;
    if (!str_to_u64(text, INT64_MAX, &n))
        return error_set(err, ERROR_BAD_REQUEST, "Content-Length is not a number");
    x->request.content_length = (int64_t)n;
    return true;
}

static bool read_target(struct exchange *x, struct error *err)
{
    struct request *r = &x->request;
    struct str target = params_get(&x->params, "REQUEST_URI"), path, query;

    uri_split(target, &path, &query);
    r->path = path; /* an error's form depends on it */
    return uri_decode_path(r->arena, path, &r->path, err) &&
           uri_parse_query(r->arena, query, &r->query, &r->n_query, err);
}

static bool takes_no_body(enum method method)
{
    return method == METHOD_GET || method == METHOD_HEAD || method == METHOD_DELETE;
}

/* A body where none belongs: refused rather than thrown away, for nobody means it. Without a Content-Length
 * only the body's end tells; the worker has waited for the first record. */
static bool check_no_body(struct exchange *x, struct error *err)
{
    struct request *r = &x->request;
    bool none = r->route ? r->route->body == BODY_NONE : takes_no_body(r->method);

    if (!none || (r->content_length <= 0 && body_at_end(&x->body)))
        return true;
    return error_set(err, ERROR_BAD_REQUEST, "a %s request here takes no body",
                     r->method ? method_name(r->method) : "request of this method");
}

/* --- who, and how much -------------------------------------------------------------------------- */

static struct str trusted_param(void *ctx, const char *name)
{
    const struct exchange *x = ctx;

    if (str_starts(str_of(name), STR("HTTP_")))
        return (struct str){NULL, 0};
    return params_get(&x->params, name);
}

static bool authenticate(struct exchange *x, struct error *err)
{
    struct request *r = &x->request;
    struct identity_request ask = {
        .token = params_header(&x->params, "X-Auth-Token"),
        .service_token = params_header(&x->params, "X-Service-Token"),
        .method = x->method_text,
        .path = r->path,
        .param = trusted_param,
        .ctx = x,
    };

    if (r->route->auth == AUTH_NONE)
        return true;
    if (identity_check(r->identity_driver, &ask, r->arena, &x->identity, err)) {
        r->identity = &x->identity;
        return true;
    }
    /* Anonymous is who sends nothing; what does not hold is refused. */
    return r->route->auth == AUTH_OPTIONAL && err->kind == ERROR_UNAUTHORIZED && !ask.token.p;
}

static bool set_limits(struct exchange *x, struct error *err)
{
    struct request *r = &x->request;
    const struct conf *conf = r->conf;
    bool slow = r->route->body == BODY_UPLOAD || r->route->body == BODY_IMAGE || r->route->long_reply;
    uint64_t seconds = slow ? conf->api.upload_deadline : conf->api.request_deadline;

    switch (r->route->body) {
    case BODY_NONE: x->body_limit = 0; break;
    case BODY_JSON: x->body_limit = conf->api.max_json_bytes; break;
    case BODY_UPLOAD: x->body_limit = conf->subunit.max_upload_bytes; break;
    case BODY_IMAGE: x->body_limit = conf->image.max_bytes; break;
    }
    peer_deadline(x->peer, x->began_us + (int64_t)seconds * 1000000);
    if (r->content_length > 0 && (uint64_t)r->content_length > x->body_limit)
        return error_set(err, ERROR_TOO_LARGE, "the body of %lld bytes is larger than %llu bytes",
                         (long long)r->content_length, (unsigned long long)x->body_limit);
    return true;
}

/* --- the way ------------------------------------------------------------------------------------ */

/* An error's answer with the headers that its status asks for. */
static void answer_error(struct request *r, const struct error *err)
{
    response_error(r, err, NULL);
    if (err->kind == ERROR_UNAUTHORIZED)
        response_header(r, "WWW-Authenticate", identity_challenge(r->identity_driver));
    /* who is asked to come again may: nothing was done */
    if (err->kind == ERROR_UNAVAILABLE && !err->unknown)
        response_headerf(r, "Retry-After", "%d", RETRY_AFTER_SECONDS);
    if (err->kind == ERROR_ABORTED)
        metrics_add(METRIC_REQUESTS_ABORTED, 1);
}

/* Finds the route; otherwise the answer is made. */
static bool find_route(struct request *r)
{
    const char *allow;
    struct error err;
    int status = route_find(r, &allow);

    if (status == 200)
        return true;
    if (status == 404) {
        error_set(&err, ERROR_NOT_FOUND, "no such resource");
        response_error(r, &err, NULL);
        return false;
    }
    error_set(&err, ERROR_BAD_REQUEST, "this resource does not take %s",
              r->method ? method_name(r->method) : "this method");
    response_error_as(r, 405, &err, NULL);
    response_header(r, "Allow", allow);
    return false;
}

static void answer(struct exchange *x)
{
    struct request *r = &x->request;
    struct error err;

    error_clear(&err);
    /* The path comes first: it says which form an error has. */
    if (!read_target(x, &err) || !params_check_repeated(&x->params, &err) || !read_content_length(x, &err)) {
        answer_error(r, &err);
        return;
    }
    if (!find_route(r))
        return;
    if (!authenticate(x, &err) || !check_no_body(x, &err) || !set_limits(x, &err) ||
        !r->route->handler(r, &err))
        answer_error(r, &err);
}

static const char *text_for_log(struct arena *arena, struct str s, size_t max)
{
    return arena_str(arena, (struct str){s.p, s.n < max ? s.n : max}).p;
}

static void log_access_line(const struct exchange *x, uint64_t micros)
{
    const struct request *r = &x->request;
    struct arena *arena = r->arena;
    struct str remote = params_get(&x->params, "REMOTE_ADDR");

    log_request(&(struct log_access){
        .method = text_for_log(arena, x->method_text, LOG_METHOD_MAX),
        .path = text_for_log(arena, r->path, LOG_PATH_MAX),
        .status = r->response->status,
        .bytes_in = x->body.bytes,
        .bytes_out = r->response->bytes,
        .micros = micros,
        .user = r->identity ? arena_str(arena, r->identity->user_id).p : NULL,
        .project = r->identity ? arena_str(arena, r->identity->project_id).p : NULL,
        .remote = remote.n ? remote.p : NULL,
    });
}

static bool to_web_server(void *ctx, const void *p, size_t n)
{
    struct exchange *x = ctx;
    const char *at = p;

    while (n > 0) {
        int piece = n > 1 << 20 ? 1 << 20 : (int)n;

        if (FCGX_PutStr(at, piece, x->fcgx->out) != piece)
            return false;
        at += piece;
        n -= (size_t)piece;
    }
    return true;
}

bool exchange_run(struct exchange *x)
{
    struct request *r = &x->request;
    bool whole;

    metrics_request_begin();
    r->impl = x;
    r->conf = x->context.conf;
    r->identity_driver = x->context.identity->driver;
    r->images = x->context.images->context;
    peer_deadline(x->peer, x->began_us + (int64_t)r->conf->api.request_deadline * 1000000);
    params_read(r->arena, x->fcgx->envp, &x->params);
    choose_request_id(x);
    x->method_text = params_get(&x->params, "REQUEST_METHOD");
    r->method = method_from_name(x->method_text);
    response_begin(r->response, r->method == METHOD_HEAD, to_web_server, x);
    answer(x);
    whole = response_end(r);

    uint64_t micros = (uint64_t)(clock_mono_us() - x->began_us);

    log_access_line(x, micros);
    metrics_request_end(method_name(r->method), r->response->status, micros);
    log_set_request_id(NULL);
    return whole;
}
