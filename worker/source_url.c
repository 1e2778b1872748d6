#include "config.h"
#include "worker/source_url.h"
#include "base/fault.h"
#include "image/filter_uri.h"

static bool address_ok(void *ctx, const struct sockaddr *address)
{
    return filter_address_ok(ctx, address);
}

/* Sends METHOD and takes the head of the reply. */
static struct http_stream *ask(struct source *s, const char *method, struct http_response *out,
                               struct error *err)
{
    struct task_run *r = s->run;
    const struct http_header headers[] = {{"Accept-Encoding", STR("identity")}};
    const struct http_stream_request request = {
        .http = {.method = method,
                 .url = arena_str(r->arena, r->input.url).p,
                 .headers = headers,
                 .n_headers = 1},
        .stall_timeout_ms = r->tools->conf->task.stall_timeout * 1000,
        .stop = task_stop,
        .ctx = r->lease,
        .address_ok = address_ok,
        .address_ctx = r->tools->conf,
    };
    struct http_stream *stream = http_stream_open(r->tools->streams, &request, r->arena, err);

    if (stream && http_stream_head(stream, out, err))
        return stream;
    http_stream_close(stream);
    if (err->kind == ERROR_FORBIDDEN)
        error_set(err, ERROR_FORBIDDEN, "The URL's host has no address that imports may be read from");
    else if (err->kind == ERROR_UNAVAILABLE)
        error_set(err, ERROR_UNAVAILABLE, "The URL's server cannot be reached");
    return NULL;
}

/* Is STATUS one that comes with the bytes? */
static bool status_ok(int status, struct error *err)
{
    if (status == 200)
        return true;
    if (status >= 300 && status < 400)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The URL redirects to another one (status %d): redirects are not followed", status);
    if (status == 404 || status == 410)
        return error_set(err, ERROR_NOT_FOUND, "The URL's server has no such file (status %d)", status);
    if (status == 408 || status == 429 || status >= 500)
        return error_set(err, ERROR_UNAVAILABLE, "The URL's server answered with status %d", status);
    return error_set(err, ERROR_BAD_REQUEST, "The URL's server answered with status %d", status);
}

/* A strong ETag; empty where there is none. */
static struct str etag_of(const struct http_response *reply)
{
    struct str etag = http_response_header(reply, "ETag");

    return etag.p && !str_starts(etag, STR("W/")) ? etag : STR("");
}

static bool head_ok(struct source *s, const struct http_response *reply, struct error *err)
{
    struct str coding = http_response_header(reply, "Content-Encoding");
    uint64_t size;

    if (!status_ok(reply->status, err))
        return false;
    if (coding.n && !str_eq_nocase(coding, STR("identity")))
        return error_set(err, ERROR_BAD_REQUEST, "The URL's server sends the file in another coding");
    if (http_response_header(reply, "X-Object-Meta-Tally-Exported").p)
        return error_set(err, ERROR_CONFLICT, "An exported image cannot be imported again");
    if (str_to_u64(http_response_header(reply, "Content-Length"), INT64_MAX, &size)) {
        s->size = (int64_t)size;
        if (size > s->run->tools->conf->image.max_bytes)
            return error_set(err, ERROR_TOO_LARGE,
                             "The image is larger than %llu bytes, the most that is taken",
                             (unsigned long long)s->run->tools->conf->image.max_bytes);
    }
    s->etag = etag_of(reply);
    return true;
}

bool source_url_open(struct source *s, struct error *err)
{
    struct http_response reply;

    s->name = s->run->input.url;
    fault_point("import.source_found");
    s->stream = ask(s, "GET", &reply, err);
    return s->stream && head_ok(s, &reply, err);
}

bool source_url_read(struct source *s, void *p, size_t n, size_t *got, struct error *err)
{
    if (http_stream_read(s->stream, p, n, got, err))
        return true;
    if (err->kind == ERROR_UNAVAILABLE)
        error_set(err, ERROR_UNAVAILABLE, "The URL's server ended the transfer before the file's end");
    return false;
}

/* Servers that know no HEAD, or have no ETag, leave us with what we read. */
bool source_url_still(struct source *s, struct error *err)
{
    struct http_response reply;
    struct http_stream *stream;

    http_stream_close(s->stream);
    s->stream = NULL;
    if (!s->etag.n)
        return true;
    stream = ask(s, "HEAD", &reply, err);
    if (!stream)
        return false;
    http_stream_close(stream);
    if (reply.status == 404 || reply.status == 410)
        return status_ok(reply.status, err);
    return reply.status != 200 || str_eq(etag_of(&reply), s->etag) ||
           error_set(err, ERROR_CONFLICT, "The file behind the URL was changed while it was read");
}
