#include "config.h"
#include "cli/api.h"
#include "cli/auth.h"
#include "cli/exchange.h"
#include "cli/output.h"
#include "cli/retry.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static const struct json_limits reply_limits = {
    .max_bytes = 64 << 20, .max_values = 4000000, .max_depth = 64};

/* --- failures ------------------------------------------------------------------------------------- */

bool api_again(int status)
{
    return status == 429 || (status >= 502 && status <= 504);
}

bool api_undone(const struct http_response *reply)
{
    return reply->status == 429 || (reply->status == 503 && http_response_header(reply, "Retry-After").n > 0);
}

static enum error_kind kind_of(int status)
{
    static const enum error_kind kinds[] = {ERROR_BAD_REQUEST, ERROR_UNAUTHORIZED, ERROR_FORBIDDEN,
                                            ERROR_NOT_FOUND,   ERROR_CONFLICT,     ERROR_TOO_LARGE,
                                            ERROR_MEDIA_TYPE,  ERROR_TOO_MANY,     ERROR_TIMEOUT};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (error_http_status(kinds[i]) == status)
            return kinds[i];
    return status >= 502 && status <= 504 ? ERROR_UNAVAILABLE
           : status >= 500                ? ERROR_INTERNAL
                                          : ERROR_BAD_REQUEST;
}

bool api_failed(struct cli *cli, const struct http_response *reply, struct error *err)
{
    const struct json *j = json_parse_object(cli->arena, reply->body, NULL, NULL);
    struct str id = http_response_header(reply, "X-Openstack-Request-Id"), why;

    if (json_to_str(json_get(j, "detail"), &why) || json_to_str(output_member(j, "error.message"), &why))
        error_set(err, kind_of(reply->status), "%.*s", STR_ARG(why));
    else
        error_set(err, kind_of(reply->status), "%s answers %d, not as Tally does: is the address right?",
                  cli->url, reply->status);
    if (reply->status >= 500 && id.n)
        error_set(err, err->kind, "%s (%.*s)", arena_strdup(cli->arena, err->message), STR_ARG(id));
    err->code = reply->status;
    return false;
}

bool api_odd(struct cli *cli, const char *what, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "%s answers %s: is this Tally's address?", cli->url, what);
}

/* --- calls ---------------------------------------------------------------------------------------- */

/* Nothing of the request has left, so that it may be sent again whatever it is. */
static bool was_not_sent(const struct error *err)
{
    return err->code == CURLE_COULDNT_CONNECT || err->code == CURLE_COULDNT_RESOLVE_HOST;
}

static bool ask(struct cli *cli, const struct api_call *call, struct http_response *reply, struct error *err)
{
    struct http_header headers[2];
    struct http_request request = {.method = call->method,
                                   .url = arena_printf(cli->arena, "%s%s", cli->url, call->path),
                                   .headers = headers,
                                   .body = call->body};

    if (cli->token.n)
        headers[request.n_headers++] = (struct http_header){"X-Auth-Token", cli->token};
    if (call->body.p)
        headers[request.n_headers++] = (struct http_header){
            "Content-Type", str_of(call->content_type ? call->content_type : "application/json")};
    if (exchange(cli, &request, reply, err))
        return true;
    if (err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT) {
        int code = err->code;

        error_set(err, ERROR_UNAVAILABLE, "%s: %s", cli->url, arena_strdup(cli->arena, err->message));
        err->code = code;
    }
    return false;
}

/* Is another attempt in order? */
static bool goes_on(struct cli *cli, const struct api_call *call, bool answered,
                    const struct http_response *reply, struct retry *retry, struct error *err)
{
    struct str after = {NULL, 0};

    if (answered && !api_again(reply->status))
        return false;
    if (answered && call->once && !api_undone(reply))
        return error_set(err, ERROR_UNAVAILABLE, "%s; it may have been done: look before you repeat it",
                         arena_strdup(cli->arena, err->message));
    if (!answered && err->kind != ERROR_UNAVAILABLE)
        return false;
    if (!answered && call->once && !was_not_sent(err))
        return error_set(err, ERROR_UNAVAILABLE,
                         "%s; the answer is lost, it may have been done: look before you repeat it",
                         arena_strdup(cli->arena, err->message));
    if (answered)
        after = http_response_header(reply, "Retry-After");
    return retry_wait(cli, retry, after, err);
}

bool api_call(struct cli *cli, const struct api_call *call, const struct json **out, struct error *err)
{
    const bool deletes = strcmp(call->method, "DELETE") == 0;
    struct retry retry = {.n = 0};
    struct http_response reply;
    bool renewed = false, lost = false;

    *out = NULL;
    for (;;) {
        bool answered = ask(cli, call, &reply, err);

        if (answered && reply.status < 300)
            break;
        if (answered && reply.status == 404 && deletes && lost)
            return true; /* an attempt of ours whose answer was lost had arrived */
        if (answered)
            api_failed(cli, &reply, err);
        if (answered && reply.status == 401 && !renewed && auth_renew(cli, NULL)) {
            renewed = true;
            continue;
        }
        lost = lost || !answered || !api_undone(&reply);
        if (!goes_on(cli, call, answered, &reply, &retry, err))
            return false;
    }
    if (reply.body.n == 0)
        return true;
    *out = json_parse(cli->arena, reply.body, &reply_limits, err);
    return *out || api_odd(cli, "what is no JSON", err);
}

bool api_get(struct cli *cli, const char *path, const struct json **out, struct error *err)
{
    const struct api_call call = {.method = "GET", .path = path};

    return api_call(cli, &call, out, err) && (*out || api_odd(cli, "nothing", err));
}

/* --- paths ---------------------------------------------------------------------------------------- */

static void encode(struct buf *b, struct str s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] && strchr(plain, s.p[i]))
            buf_add_char(b, s.p[i]);
        else
            buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}

static void add_parameter(struct buf *path, const char *prefix, struct str name, struct str value)
{
    bool has = path->n && memchr(path->p, '?', path->n);

    buf_add_char(path, has ? '&' : '?');
    buf_add_cstr(path, prefix);
    encode(path, name);
    buf_add_char(path, '=');
    encode(path, value);
}

void api_query(struct buf *path, const char *name, const char *value)
{
    if (value)
        add_parameter(path, "", str_of(name), str_of(value));
}

static bool split_meta(const char *text, struct str *key, struct str *value, struct error *err)
{
    return (str_cut(str_of(text), '=', key, value) && key->n) ||
           error_set(err, ERROR_BAD_REQUEST, "--meta: '%s' is not KEY=VALUE", text);
}

bool api_query_meta(const struct args *args, struct buf *path, struct error *err)
{
    struct str key, value;
    const char *text;
    size_t at = 0;

    while ((text = args_next(args, "meta", &at))) {
        if (!split_meta(text, &key, &value, err))
            return false;
        add_parameter(path, "meta.", key, value);
    }
    return true;
}

bool api_query_pair(const struct args *args, struct buf *path, struct error *err)
{
    struct str key, value;
    size_t at = 0;
    const char *text = args_next(args, "meta", &at);

    if (!text)
        return true;
    if (args_next(args, "meta", &at))
        return error_set(err, ERROR_BAD_REQUEST, "--meta: one only here");
    if (!split_meta(text, &key, &value, err))
        return false;
    add_parameter(path, "", STR("key"), key);
    add_parameter(path, "", STR("value"), value);
    return true;
}

void api_query_options(const struct args *args, struct buf *path, const char *options)
{
    struct str rest = str_of(options), head;
    char option[40], name[40];

    while (rest.n) {
        str_cut(rest, ' ', &head, &rest);
        snprintf(option, sizeof(option), "%.*s", STR_ARG(head));
        snprintf(name, sizeof(name), "%s", option);
        for (char *p = name; *p; p++)
            *p = *p == '-' ? '_' : *p;
        api_query(path, name, args_value(args, option));
    }
}

void api_segment(struct buf *path, const char *text)
{
    encode(path, str_of(text));
}

const char *api_path(struct cli *cli, struct buf *b)
{
    const char *path = arena_str(cli->arena, buf_str(b)).p;

    buf_free(b);
    return path;
}
