#include "config.h"
#include "cli/send.h"
#include "base/clock.h"
#include "cli/api.h"
#include "cli/auth.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/retry.h"

enum { BLOCK = 256 * 1024, MAX_REPLY = 16 << 20, MAX_HEADERS = 8 };

/* One upload, over all its attempts. */
struct upload {
    struct cli *cli;
    const struct send *send;
    struct progress progress;
    int64_t sent;  /* bytes of this attempt */
    bool all_sent; /* of this attempt */
    bool maybe;    /* some attempt was sent whole, and has had no answer */
    char *block;
    struct http_response reply;
};

static bool watch(void *ctx)
{
    struct upload *u = ctx;

    progress_update(&u->progress, u->sent);
    return cli_interrupted(NULL);
}

/* --- one attempt ---------------------------------------------------------------------------------- */

static struct http_stream *open_stream(struct upload *u, struct http_header *headers, struct error *err)
{
    struct cli *cli = u->cli;
    const struct send *send = u->send;
    struct http_stream_request request = {
        .http = {.method = send->method,
                 .url = arena_printf(cli->arena, "%s%s", cli->url, send->path),
                 .headers = headers},
        .upload = true,
        .size = source_size(send->source),
        .stall_timeout_ms = cli->stall_ms,
        .stop = watch,
        .ctx = u,
    };
    size_t *n = &request.http.n_headers;

    headers[(*n)++] = (struct http_header){"Content-Type", str_of(source_content_type(send->source))};
    if (source_encoding(send->source))
        headers[(*n)++] = (struct http_header){"Content-Encoding", str_of(source_encoding(send->source))};
    if (cli->token.n)
        headers[(*n)++] = (struct http_header){"X-Auth-Token", cli->token};
    for (size_t i = 0; i < send->n_headers && *n < MAX_HEADERS; i++)
        headers[(*n)++] = send->headers[i];
    return http_stream_open(cli->streams, &request, cli->arena, err);
}

/* Sends the source. True when it has been sent, or when the service has answered before its end. *BROKEN: the
 * link is at fault, not the source. */
static bool send_source(struct upload *u, struct http_stream *s, bool *broken, struct error *err)
{
    size_t got;

    *broken = false;
    for (;;) {
        if (!source_read(u->send->source, u->block, BLOCK, &got, err))
            return false;
        if (got == 0)
            break;
        if (!http_stream_write(s, u->block, got, err)) {
            *broken = !http_stream_answered(s);
            return !*broken;
        }
        u->sent += (int64_t)got;
    }
    u->all_sent = true;
    return true;
}

/* True: a whole answer came. False with *BROKEN: none, for the link's sake. */
static bool attempt(struct upload *u, bool *broken, struct error *err)
{
    struct http_header headers[MAX_HEADERS];
    struct http_stream *s = open_stream(u, headers, err);
    bool ok;

    u->sent = 0;
    u->all_sent = *broken = false;
    if (!s)
        return false;
    progress_begin(&u->progress, u->cli, u->send->what, source_size(u->send->source));
    ok = send_source(u, s, broken, err);
    if (ok) {
        ok = http_stream_head(s, &u->reply, err) && http_stream_body(s, MAX_REPLY, &u->reply.body, err);
        *broken = !ok;
    }
    progress_end(&u->progress);
    http_stream_close(s);
    *broken = *broken && err->kind != ERROR_ABORTED;
    return ok;
}

/* --- what it means -------------------------------------------------------------------------------- */

/* Says how far the attempt came, for the note of the next one or for the end. */
static void tell_break(struct upload *u, struct error *err)
{
    int64_t size = source_size(u->send->source);
    char sent[32], whole[32];
    const char *why = arena_strdup(u->cli->arena, err->message);

    output_bytes((double)u->sent, sent);
    if (u->sent == 0 && !u->all_sent)
        error_set(err, ERROR_UNAVAILABLE, "%s: %s cannot be sent: %s", u->cli->url, u->send->what, why);
    else if (u->all_sent)
        error_set(err, ERROR_UNAVAILABLE, "%s: all was sent, but no answer came: %s", u->send->what, why);
    else if (size >= 0)
        error_set(err, ERROR_UNAVAILABLE, "%s: the link broke after %s of %s: %s", u->send->what, sent,
                  output_bytes((double)size, whole), why);
    else
        error_set(err, ERROR_UNAVAILABLE, "%s: the link broke after %s: %s", u->send->what, sent, why);
}

static const char *aftermath(const struct upload *u)
{
    if (!u->maybe)
        return "nothing is stored, an upload is stored whole or not at all";
    return u->send->once ? "it may be stored: look before you send it again"
                         : "it may be stored: send the same again to know, it is stored once";
}

static bool give_up(struct upload *u, const char *why, struct error *err)
{
    return error_set(err, err->kind, "%s; %s%s", arena_strdup(u->cli->arena, err->message), why,
                     aftermath(u));
}

/* After a break, or an answer that asks for another attempt. */
static bool again(struct upload *u, struct retry *retry, struct str after, struct error *err)
{
    if (u->maybe && u->send->once)
        return give_up(u, "", err);
    if (!source_rewind(u->send->source))
        return give_up(u, "what came from standard input is gone and cannot be sent again: ", err);
    return retry_wait(u->cli, retry, after, err) || give_up(u, "", err);
}

static bool is_named(const struct json *reply)
{
    return json_get(reply, "subunit-uuid") || json_get(reply, "uuid") || json_get(reply, "test_id");
}

/* An answer: true when that is the end, with *OUT filled. */
static bool accept(struct upload *u, struct sent *out, struct error *err)
{
    struct cli *cli = u->cli;

    out->status = u->reply.status;
    if (out->status >= 300 && out->status != 409)
        return api_failed(cli, &u->reply, err);
    out->reply = json_parse_object(cli->arena, u->reply.body, NULL, NULL);
    out->repeated = out->status == 409;
    out->by_us = out->repeated && u->maybe;
    if (out->repeated && !is_named(out->reply))
        return api_failed(cli, &u->reply, err);
    return out->reply || api_odd(cli, "what is no JSON", err);
}

bool send_body(struct cli *cli, const struct send *send, struct sent *out, struct error *err)
{
    struct upload u = {.cli = cli, .send = send, .block = arena_alloc(cli->arena, BLOCK)};
    struct retry retry = {.n = 0};
    int64_t began = clock_mono_us();
    bool renewed = false, broken;

    *out = (struct sent){.reply = NULL};
    for (;;) {
        if (attempt(&u, &broken, err)) {
            if (accept(&u, out, err))
                break;
            if (u.reply.status == 401 && !renewed && auth_renew(cli, NULL) && source_rewind(send->source)) {
                renewed = true;
                continue;
            }
            if (!api_again(u.reply.status))
                return u.maybe ? give_up(&u, "", err) : false;
            u.maybe = u.maybe || (u.all_sent && !api_undone(&u.reply));
            if (!again(&u, &retry, http_response_header(&u.reply, "Retry-After"), err))
                return false;
            continue;
        }
        if (!broken)
            return err->kind == ERROR_ABORTED ? give_up(&u, "", err) : false;
        u.maybe = u.maybe || u.all_sent;
        tell_break(&u, err);
        if (!again(&u, &retry, (struct str){NULL, 0}, err))
            return false;
    }
    out->bytes = u.sent;
    out->seconds = (double)(clock_mono_us() - began) / 1e6;
    return true;
}
