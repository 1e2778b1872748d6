#include "config.h"
#include "handlers/response.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Requested Range Not Satisfiable"},
    {429, "Too Many Requests"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void response_init(struct response *s)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->headers, RESPONSE_HEADERS_MAX);
    buf_init(&s->body, RESPONSE_BUFFER);
}

void response_free(struct response *s)
{
    buf_free(&s->headers);
    buf_free(&s->body);
}

void response_begin(struct response *s, bool head, response_sink_fn sink, void *ctx)
{
    struct buf headers = s->headers, body = s->body;

    memset(s, 0, sizeof(*s));
    s->headers = headers;
    s->body = body;
    buf_clear(&s->headers);
    buf_clear(&s->body);
    s->sink = sink;
    s->ctx = ctx;
    s->status = 200;
    s->head = head;
}

void response_status(struct request *r, int status)
{
    if (!r->response->started)
        r->response->status = status;
}

/* A header that a client could split is a bug of ours: better no process than a forged reply. */
static void check_header(const char *name, const char *value)
{
    if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n")) {
        log_error("response header %s has a line break", name);
        abort();
    }
}

void response_header(struct request *r, const char *name, const char *value)
{
    struct response *s = r->response;

    check_header(name, value);
    if (s->started)
        return;
    if (strcasecmp(name, "Content-Length") == 0)
        s->has_length = true;
    buf_printf(&s->headers, "%s: %s\r\n", name, value);
}

void response_headerf(struct request *r, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    response_header(r, name, arena_vprintf(r->arena, fmt, ap));
    va_end(ap);
}

static bool give(struct response *s, const void *p, size_t n)
{
    if (!s->failed && n > 0 && !s->sink(s->ctx, p, n))
        s->failed = true;
    return !s->failed;
}

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static bool send_headers(struct request *r, bool whole)
{
    struct response *s = r->response;

    if (whole && !s->has_length && has_body(s->status))
        buf_printf(&s->headers, "Content-Length: %llu\r\n", (unsigned long long)s->bytes);
    buf_printf(&s->headers, "X-Openstack-Request-Id: %s\r\n\r\n", r->id);
    s->started = true;
    if (!buf_ok(&s->headers)) {
        log_error("the response's headers are longer than %d bytes", RESPONSE_HEADERS_MAX);
        s->failed = true;
        return false;
    }
    char line[64];
    int n = snprintf(line, sizeof(line), "Status: %d %s\r\n", s->status, http_reason(s->status));

    return give(s, line, (size_t)n) && give(s, s->headers.p, s->headers.n);
}

static bool flush_body(struct request *r)
{
    struct response *s = r->response;

    if (!s->started && !send_headers(r, false))
        return false;
    give(s, s->body.p, s->body.n);
    buf_clear(&s->body);
    return !s->failed;
}

bool response_write(struct request *r, const void *p, size_t n)
{
    struct response *s = r->response;

    if (s->failed)
        return false;
    s->bytes += n;
    if (s->head)
        return true;
    if (n > RESPONSE_BUFFER - s->body.n && !flush_body(r))
        return false;
    if (n > RESPONSE_BUFFER)
        return give(s, p, n);
    buf_add(&s->body, p, n);
    return true;
}

bool response_printf(struct request *r, const char *fmt, ...)
{
    char small[1024];
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(small)) {
        va_end(again);
        return response_write(r, small, (size_t)n);
    }
    const char *text = arena_vprintf(r->arena, fmt, again);

    va_end(again);
    return response_write(r, text, strlen(text));
}

bool response_started(const struct request *r)
{
    return r->response->started;
}

bool response_end(struct request *r)
{
    struct response *s = r->response;

    if (s->failed)
        return false;
    if (!s->started && !send_headers(r, true))
        return false;
    return s->head || flush_body(r);
}

void response_json(struct request *r, int status, struct str json)
{
    response_status(r, status);
    response_header(r, "Content-Type", "application/json");
    response_headerf(r, "Content-Length", "%zu", json.n);
    response_write(r, json.p, json.n);
}

static bool is_v1(struct str path)
{
    return str_eq_cstr(path, "/v1") || str_starts(path, STR("/v1/"));
}

static void error_body(struct request *r, const struct error *err, int status, const char *extra,
                       struct buf *out)
{
    const char *text =
        status == 500 ? arena_printf(r->arena, "internal error, request id %s", r->id) : err->message;
    bool v1 = is_v1(r->path);
    struct json_writer w;

    json_writer_init(&w, out);
    json_obj_begin(&w);
    if (!v1) {
        json_key(&w, "error");
        json_obj_begin(&w);
    }
    json_key_i64(&w, "code", status);
    json_key_cstr(&w, "title", http_reason(status));
    json_key_cstr(&w, v1 ? "detail" : "message", text);
    if (!v1)
        json_obj_end(&w);
    if (err->has_offset && status == 400)
        json_key_u64(&w, "offset", err->offset);
    if (extra)
        buf_printf(out, ",%s", extra);
    json_obj_end(&w);
}

void response_error(struct request *r, const struct error *err, const char *extra)
{
    response_error_as(r, error_http_status(err->kind), err, extra);
}

void response_error_as(struct request *r, int status, const struct error *err, const char *extra)
{
    struct response *s = r->response;
    struct buf body;

    if (status == 500)
        log_error("internal error at %.*s: %s", STR_ARG(r->path), err->message);
    if (s->started) {
        s->failed = true; /* the client must see that the reply is not whole */
        return;
    }
    buf_clear(&s->headers);
    buf_clear(&s->body);
    s->has_length = false;
    s->bytes = 0;
    buf_init(&body, RESPONSE_BUFFER + (extra ? strlen(extra) : 0));
    error_body(r, err, status, extra, &body);
    response_json(r, status, buf_str(&body));
    buf_free(&body);
}
