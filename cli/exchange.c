#include "config.h"
#include "cli/exchange.h"

enum { MAX_REPLY = 64 << 20, MAX_REFUSAL = 1 << 20 };

static bool send_request(struct http_stream *s, struct str body, struct http_response *out, struct error *err)
{
    if (body.n && !http_stream_write(s, body.p, body.n, err) && !http_stream_answered(s))
        return false;
    return http_stream_head(s, out, err);
}

/* What is wrong is said in a few words: more is not worth the memory. */
static bool read_refusal(struct http_stream *s, struct http_response *out, struct error *err)
{
    out->body = (struct str){"", 0};
    return http_stream_body(s, MAX_REFUSAL, &out->body, err) || err->kind == ERROR_TOO_LARGE;
}

bool exchange(struct cli *cli, const struct http_request *request, struct http_response *out,
              struct error *err)
{
    const struct http_stream_request whole = {
        .http = *request,
        .upload = request->body.p != NULL,
        .size = (int64_t)request->body.n,
        .stall_timeout_ms = cli->stall_ms,
        .stop = cli_interrupted,
    };
    struct http_stream *s = http_stream_open(cli->streams, &whole, cli->arena, err);
    bool ok;

    if (!s)
        return false;
    ok = send_request(s, request->body, out, err);
    if (ok && out->status < 300)
        ok = http_stream_body(s, MAX_REPLY, &out->body, err);
    else if (ok)
        ok = read_refusal(s, out, err);
    http_stream_close(s);
    if (!ok && cli_interrupted(NULL))
        error_set(err, ERROR_ABORTED, "interrupted");
    return ok;
}
