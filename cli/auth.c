#include "config.h"
#include "cli/auth.h"
#include "cli/auth_body.h"
#include "cli/catalog.h"
#include "cli/exchange.h"
#include "cli/output.h"
#include "cli/retry.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { MAX_REPLY = 64 << 20, MAX_TOKEN = 8192, MAX_SECRET = 4096, CONNECT_SECONDS = 15 };

static const struct json_limits reply_limits = {
    .max_bytes = MAX_REPLY, .max_values = 4000000, .max_depth = 64};

/* --- the terminal --------------------------------------------------------------------------------- */

const char *auth_ask_secret(struct cli *cli, const char *prompt)
{
    struct termios before, silent;
    char text[MAX_SECRET + 2];
    FILE *tty = fopen("/dev/tty", "r+e");
    const char *secret = NULL;

    if (!tty)
        return NULL;
    if (tcgetattr(fileno(tty), &before) == 0) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(tty), TCSAFLUSH, &silent);
        fprintf(tty, "%s: ", prompt);
        fflush(tty);
        if (fgets(text, sizeof(text), tty)) {
            text[strcspn(text, "\r\n")] = '\0';
            secret = arena_strdup(cli->arena, text);
        }
        tcsetattr(fileno(tty), TCSAFLUSH, &before);
        fputc('\n', tty);
        explicit_bzero(text, sizeof(text));
    }
    fclose(tty);
    return secret;
}

/* --- Keystone ------------------------------------------------------------------------------------- */

static bool token_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return s.n > 0 && s.n <= MAX_TOKEN;
}

static const char *v3_url(struct cli *cli, struct error *err)
{
    struct str base = str_of(cli->settings.auth_url);

    if (!base.p) {
        error_set(err, ERROR_UNAUTHORIZED, "OS_AUTH_URL is not set: where is Keystone?");
        return NULL;
    }
    if (!catalog_url_ok(base.p, "Keystone's", err))
        return NULL;
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    if (str_ends(base, STR("/v2.0")))
        base.n -= 5;
    return arena_printf(cli->arena, str_ends(base, STR("/v3")) ? "%.*s" : "%.*s/v3", STR_ARG(base));
}

/* One request to Keystone; 5xx and a connection that fails are tried again. */
static bool ask(struct cli *cli, const struct http_request *request, struct http_response *reply,
                struct error *err)
{
    struct retry retry = {.n = 0};

    for (;;) {
        bool ok = exchange(cli, request, reply, err);

        if (ok && reply->status < 500 && reply->status != 429)
            return true;
        if (ok)
            error_set(err, ERROR_UNAVAILABLE, "Keystone at %s answers %d", cli->settings.auth_url,
                      reply->status);
        else if (err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT)
            error_set(err, ERROR_UNAVAILABLE, "Keystone at %s: %s", cli->settings.auth_url,
                      arena_strdup(cli->arena, err->message));
        if (err->kind != ERROR_UNAVAILABLE ||
            !retry_wait(cli, &retry, ok ? http_response_header(reply, "Retry-After") : STR(""), err))
            return false;
    }
}

static bool refused(struct cli *cli, const struct http_response *reply, struct error *err)
{
    struct str why = STR("is this Keystone's address?");
    struct json *j = json_parse_object(cli->arena, reply->body, NULL, NULL);

    json_to_str(output_member(j, "error.message"), &why);
    if (reply->status == 401)
        return error_set(err, ERROR_UNAUTHORIZED, "Keystone refuses the credentials: %.*s", STR_ARG(why));
    return error_set(err, reply->status == 403 ? ERROR_FORBIDDEN : ERROR_BAD_REQUEST,
                     "Keystone answers %d: %.*s", reply->status, STR_ARG(why));
}

static bool take_token(struct cli *cli, const struct http_response *reply, struct error *err)
{
    const struct json *j = json_parse_object(cli->arena, reply->body, &reply_limits, err);
    struct str token = http_response_header(reply, "X-Subject-Token");

    if (!j)
        return false;
    if (!token_ok(token))
        return error_set(err, ERROR_UNAVAILABLE, "Keystone's answer holds no token");
    cli->token = token;
    cli->catalog = output_member(j, "token.catalog");
    if (!output_member(j, "token.project.id"))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the token is for no project: set OS_PROJECT_NAME or OS_PROJECT_ID");
    return true;
}

static bool login(struct cli *cli, struct error *err)
{
    static const struct http_header json = {"Content-Type", {"application/json", 16}};
    const char *base = v3_url(cli, err);
    struct http_request request = {.method = "POST", .headers = &json, .n_headers = 1};
    struct http_response reply;

    if (!base || !auth_body(cli, &request.body, err))
        return false;
    request.url = arena_printf(cli->arena, "%s/auth/tokens", base);
    if (!ask(cli, &request, &reply, err))
        return false;
    explicit_bzero((char *)request.body.p, request.body.n);
    return reply.status == 201 ? take_token(cli, &reply, err) : refused(cli, &reply, err);
}

/* A token that was given has no catalogue with it. */
static bool fetch_catalog(struct cli *cli, struct error *err)
{
    const char *base = v3_url(cli, err);
    const struct http_header header = {"X-Auth-Token", cli->token};
    struct http_request request = {.method = "GET", .headers = &header, .n_headers = 1};
    struct http_response reply;
    struct json *j;

    if (!base)
        return false;
    request.url = arena_printf(cli->arena, "%s/auth/catalog", base);
    if (!ask(cli, &request, &reply, err))
        return false;
    if (reply.status != 200)
        return refused(cli, &reply, err);
    j = json_parse_object(cli->arena, reply.body, &reply_limits, err);
    cli->catalog = json_get(j, "catalog");
    return j != NULL;
}

/* --- together ------------------------------------------------------------------------------------- */

static bool is_token_type(const struct settings *s)
{
    return s->auth_type ? option_listed("token v3token", str_of(s->auth_type))
                        : s->token && !s->password && !s->credential_secret;
}

static bool get_token(struct cli *cli, struct error *err)
{
    const struct settings *s = &cli->settings;

    if (!is_token_type(s))
        return login(cli, err);
    if (!s->token || !token_ok(str_of(s->token)))
        return error_set(err, ERROR_UNAUTHORIZED, "OS_TOKEN holds no token");
    cli->token = str_of(s->token);
    return (s->url && !s->auth_url) || fetch_catalog(cli, err);
}

static bool find_service(struct cli *cli, struct error *err)
{
    const char *url = cli->settings.url;

    if (!url && cli->catalog)
        url = catalog_endpoint(cli->catalog, cli->settings.region, cli->settings.interface, cli->arena);
    if (!url)
        return error_set(err, ERROR_NOT_FOUND,
                         "where is Tally? The catalogue does not say: give --url or set TALLY_URL");
    cli->url = catalog_base_url(cli->arena, url);
    return catalog_url_ok(cli->url, "Tally's", err);
}

bool auth_begin(struct cli *cli, enum auth_need need, struct error *err)
{
    struct http_options options;

    if (need == AUTH_NONE)
        return true;
    options = (struct http_options){.cafile = cli->settings.cacert,
                                    .insecure = cli->settings.insecure,
                                    .connect_timeout_ms = CONNECT_SECONDS * 1000,
                                    .timeout_ms = cli->stall_ms};
    if (!(cli->streams = http_streams_new(&options, err)))
        return false;
    if (settings_has_identity(&cli->settings)) {
        if (!get_token(cli, err))
            return false;
    } else if (need == AUTH_NEEDED) {
        return error_set(err, ERROR_UNAUTHORIZED,
                         "no credentials: set OS_CLOUD, or OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and "
                         "OS_PROJECT_NAME, or OS_TOKEN");
    }
    return find_service(cli, err);
}

bool auth_renew(struct cli *cli, struct error *err)
{
    struct arena *arena = cli->arena;
    bool ok;

    if (!cli->token.n || is_token_type(&cli->settings))
        return false;
    cli->arena = cli->lasting;
    ok = login(cli, err);
    cli->arena = arena;
    return ok;
}
