/* tally upload, tally upload-subunit. */
#include "config.h"
#include "cli/api.h"
#include "cli/catalog.h"
#include "cli/commands.h"
#include "cli/item.h"
#include "cli/output.h"
#include "cli/send.h"
#include "cli/sign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MAX_RESULTS = 64 << 20 };

const struct column upload_columns[] = {
    {"run", "run", CELL_TEXT, false},
    {"result", "result", CELL_TEXT, false},
    {"url", "url", CELL_TEXT, false},
    {NULL, NULL, CELL_TEXT, false},
};

/* --- what both share ------------------------------------------------------------------------------ */

/* The run's options as query parameters. */
static bool add_run_options(struct cli *cli, struct buf *path, struct error *err)
{
    static const struct {
        const char *option, *parameter, *value; /* VALUE: of a flag */
    } options[] = {
        {"run-at", "run_at", NULL},
        {"artifacts", "artifacts", NULL},
        {"wall-time", "wall_time", "true"},
        {"no-attachments", "attachments", "false"},
        {"attr-regex", "attr_regex", NULL},
        {"test-attr-prefix", "test_attr_prefix", NULL},
        {"remove-test-attr-prefix", "remove_test_attr_prefix", "true"},
        {"non-subunit-name", "non_subunit_name", NULL},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *value = args_value(cli->args, options[i].option);

        api_query(path, options[i].parameter, value && options[i].value ? options[i].value : value);
    }
    return api_query_meta(cli->args, path, err);
}

/* Are they well-formed? */
static bool run_options_ok(struct cli *cli, struct error *err)
{
    struct buf path;
    bool ok;

    buf_init(&path, API_PATH_MAX);
    ok = add_run_options(cli, &path, err);
    buf_free(&path);
    return ok;
}

static const char *name_of(struct cli *cli, const char *const *files, size_t n)
{
    if (n > 1)
        return arena_printf(cli->arena, "%zu shards", n);
    if (strcmp(files[0], "-") == 0)
        return "standard input";
    const char *slash = strrchr(files[0], '/');

    return slash && slash[1] ? slash + 1 : files[0];
}

/* Sends SOURCE, the stream of WHAT, to PATH and says what became of it. */
static bool send_stream(struct cli *cli, const char *method, const char *path, struct source *source,
                        const char *what, struct sent *sent, struct error *err)
{
    const struct send send = {.method = method, .path = path, .what = what, .source = source};
    char bytes[32], rate[32];

    if (!send_body(cli, &send, sent, err))
        return false;
    if (sent->by_us)
        cli_note(cli, "it is stored: an earlier attempt had arrived, though its answer was lost");
    else if (sent->repeated)
        cli_note(cli,
                 "this very stream was stored before; nothing was stored now, and no option of now counts");
    else
        cli_note(cli, "sent %s in %.1f s (%s/s)", output_bytes((double)sent->bytes, bytes), sent->seconds,
                 output_bytes((double)sent->bytes / (sent->seconds > 0.001 ? sent->seconds : 0.001), rate));
    return true;
}

/* The ids of a reply, of POST's names or of PUT's. */
static void ids_of(const struct json *reply, struct str *run, struct str *result)
{
    *run = *result = (struct str){NULL, 0};
    if (!json_to_str(json_get(reply, "subunit-uuid"), run))
        json_to_str(json_get(reply, "uuid"), run);
    if (!json_to_str(json_get(reply, "result-id"), result))
        json_to_str(json_get(reply, "id"), result);
}

/* Prints what is stored, as one item. */
static bool print_ids(struct cli *cli, struct str run, struct str result, bool repeated, struct error *err)
{
    struct json *item = item_new(cli->arena);

    item_add_str(cli->arena, item, "run", run);
    item_add_str(cli->arena, item, "result", result);
    item_add_str(cli->arena, item, "url",
                 str_of(arena_printf(cli->arena, "%s/v1/%s/%.*s", cli->url, run.p ? "subunit" : "results",
                                     STR_ARG(run.p ? run : result))));
    item_add_bool(cli->arena, item, "stored_before", repeated);
    return output_one(cli, item, err);
}

/* --- tally upload-subunit -------------------------------------------------------------------------- */

/* The cpid as refstack-client computes it: of --keystone-endpoint's host; else the identity service's id,
 * else of the host of the Keystone that gave the token. *CPID stays NULL where nothing is known. */
static bool find_cpid(struct cli *cli, const char **cpid, struct error *err)
{
    const char *endpoint = args_value(cli->args, "keystone-endpoint");

    *cpid = args_value(cli->args, "cpid");
    if (*cpid)
        return true;
    if (endpoint)
        return (*cpid = catalog_cpid_of_url(cli->arena, endpoint, err)) != NULL;
    *cpid = catalog_identity_id(cli->catalog, cli->arena);
    if (!*cpid && cli->settings.auth_url)
        *cpid = catalog_cpid_of_url(cli->arena, cli->settings.auth_url, NULL);
    return true;
}

/* Where a stream goes: to result LINK, whose cpid is CPID where that is known, or to a new one. */
static bool upload_path(struct cli *cli, const char *link, const char *cpid, const char **out,
                        struct error *err)
{
    struct buf path;
    bool ok = true;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/subunit");
    if (link) {
        buf_add_char(&path, '/');
        api_segment(&path, link);
    } else {
        ok = find_cpid(cli, &cpid, err);
    }
    api_query(&path, "cpid", cpid);
    ok = ok && add_run_options(cli, &path, err);
    *out = api_path(cli, &path);
    return ok;
}

int upload_subunit(struct cli *cli)
{
    const char *link = args_value(cli->args, "link"), *path, *const *files = cli->args->words;
    size_t n = cli->args->n_words;
    struct str run, result;
    struct source *source;
    struct error err;
    struct sent sent;

    if (link && (args_flag(cli->args, "cpid") || args_flag(cli->args, "keystone-endpoint")))
        return cli_usage("with --link the cpid is the result's");
    if (!upload_path(cli, link, NULL, &path, &err))
        return cli_usage("%s", err.message);
    if (!(source = source_open(cli->arena, files, n, &err)) ||
        !send_stream(cli, link ? "PUT" : "POST", path, source, name_of(cli, files, n), &sent, &err))
        return cli_fail(&err);
    ids_of(sent.reply, &run, &result);
    /* 409 also says that the stream, or the result, is taken already */
    if (link && sent.repeated && !str_eq_cstr(result, link)) {
        error_set(&err, ERROR_CONFLICT, "the stream is stored as run %.*s of result %.*s, not of %s",
                  STR_ARG(run), STR_ARG(result), link);
        return cli_fail(&err);
    }
    return print_ids(cli, run, result, sent.repeated, &err) ? EX_OK : cli_fail(&err);
}

/* --- tally upload ---------------------------------------------------------------------------------- */

static bool read_file(struct cli *cli, const char *name, struct str *out, struct error *err)
{
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(name, "re");
    struct buf b;
    bool ok;

    if (!f)
        return error_set(err, errno == EACCES ? ERROR_FORBIDDEN : ERROR_NOT_FOUND, "%s: %s", name,
                         strerror(errno));
    buf_init(&b, MAX_RESULTS);
    for (char *room; (room = buf_room(&b, 65536));) {
        size_t got = fread(room, 1, 65536, f);

        buf_grow(&b, got);
        if (got == 0)
            break;
    }
    if (ferror(f))
        error_set(err, ERROR_NOT_FOUND, "%s: %s", name, strerror(errno));
    else if (!buf_ok(&b))
        error_set(err, ERROR_TOO_LARGE, "%s is larger than %d bytes", name, MAX_RESULTS);
    ok = !ferror(f) && buf_ok(&b);
    if (!is_stdin)
        fclose(f);
    *out = arena_str(cli->arena, buf_str(&b));
    buf_free(&b);
    return ok;
}

/* Mistaken for a result would be a stream, which must not go out unasked. *CPID is the result's. */
static bool check_results(struct cli *cli, const char *name, struct str text, const char **cpid,
                          struct error *err)
{
    static const struct json_limits limits = {
        .max_bytes = MAX_RESULTS, .max_values = 4000000, .max_depth = 16};
    const struct json *j = json_parse_object(cli->arena, text, &limits, err);
    struct str value;

    if (!j)
        return error_set(err, ERROR_BAD_REQUEST,
                         "%s is no result (%s); streams go with \"tally upload-subunit\"", name,
                         arena_strdup(cli->arena, err->message));
    if (!json_is(json_get(j, "results"), JSON_ARRAY) || !json_to_str(json_get(j, "cpid"), &value))
        return error_set(err, ERROR_BAD_REQUEST,
                         "%s is no result: it needs cpid, duration_seconds and results", name);
    *cpid = arena_str(cli->arena, value).p;
    return true;
}

/* POST /v1/results; the result's id. */
static bool post_results(struct cli *cli, const char *name, struct str text, struct str *id,
                         struct error *err)
{
    struct http_header headers[2];
    struct send send = {
        .method = "POST", .path = "/v1/results", .what = name, .headers = headers, .once = true};
    const char *key_file = args_value(cli->args, "sign");
    struct sign_key *key;
    struct sent sent;

    if (key_file) {
        const char *public, *signature;

        if (!(key = sign_key_read(cli, key_file, err)) || !(public = sign_public(cli, key, err)) ||
            !(signature = sign_text(cli, key, text, err)))
            return false;
        headers[0] = (struct http_header){"X-Public-Key", str_of(public)};
        headers[1] = (struct http_header){"X-Signature", str_of(signature)};
        send.n_headers = 2;
        send.once = false; /* a signed body is taken once */
    }
    send.source = source_of_bytes(cli->arena, text, "application/json");
    if (!send_body(cli, &send, &sent, err))
        return false;
    if (!json_to_str(json_get(sent.reply, "test_id"), id))
        return error_set(err, ERROR_INTERNAL, "%s: the answer names no result", cli->url);
    return true;
}

/* What --subunit names. */
struct evidence {
    const char *files[UPLOAD_MAX_FILES];
    size_t n;
    struct source *source; /* NULL: none is to be sent */
};

/* Opens it before anything is sent: a name that is wrong must not cost a second result. A code of EX_USAGE,
 * or of ERR. */
static int open_evidence(struct cli *cli, struct evidence *e)
{
    const char *file;
    struct error err;
    size_t at = 0;

    e->n = 0;
    e->source = NULL;
    while ((file = args_next(cli->args, "subunit", &at))) {
        if (e->n == UPLOAD_MAX_FILES)
            return cli_usage("--subunit: more than %d shards", UPLOAD_MAX_FILES);
        if (strcmp(file, "-") == 0 && strcmp(cli->args->words[0], "-") == 0)
            return cli_usage("standard input cannot be both the result and its evidence");
        e->files[e->n++] = file;
    }
    if (e->n && !(e->source = source_open(cli->arena, e->files, e->n, &err)))
        return cli_fail(&err);
    return EX_OK;
}

/* The stream, once the result is there. */
static int add_evidence(struct cli *cli, const struct evidence *e, struct str result, const char *cpid)
{
    const char *path;
    struct str run, same;
    struct error err;
    struct sent sent;

    cli_note(cli, "the evidence goes to %s: your project and the foundation's staff can see it", cli->url);
    if (!upload_path(cli, arena_str(cli->arena, result).p, cpid, &path, &err) ||
        !send_stream(cli, "PUT", path, e->source, name_of(cli, e->files, e->n), &sent, &err)) {
        int code = cli_fail(&err);

        cli_note(cli,
                 "the result itself is stored as %.*s; its evidence can follow: tally upload-subunit --link "
                 "%.*s %s",
                 STR_ARG(result), STR_ARG(result), e->n == 1 ? e->files[0] : "FILE...");
        return code;
    }
    ids_of(sent.reply, &run, &same);
    if (sent.repeated && !str_eq(same, result)) {
        error_set(
            &err, ERROR_CONFLICT,
            "the stream is stored as run %.*s of result %.*s already; the new result %.*s has no evidence",
            STR_ARG(run), STR_ARG(same), STR_ARG(result));
        return cli_fail(&err);
    }
    return print_ids(cli, run, result, sent.repeated, &err) ? EX_OK : cli_fail(&err);
}

/* The first option that is for a run only; NULL: none is given. */
static const char *run_option(const struct args *args)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (option_listed(UPLOAD_RUN_OPTIONS, str_of(args->given[i].option->name)))
            return args->given[i].option->name;
    return NULL;
}

int upload_results(struct cli *cli)
{
    const char *name = cli->args->words[0], *cpid = NULL, *option = run_option(cli->args);
    bool wanted = args_flag(cli->args, "subunit");
    struct evidence evidence;
    struct str text, id;
    struct error err;
    int code;

    if (!wanted && option)
        return cli_usage("--%s is for the evidence: it goes with --subunit", option);
    if (wanted && !cli->token.n)
        return cli_usage("evidence (--subunit) needs a token: set OS_CLOUD or the OS_ variables");
    if (!cli->token.n && !args_flag(cli->args, "anonymous") && !args_flag(cli->args, "sign"))
        return cli_usage("whose is it? Set OS_CLOUD or the OS_ variables, or say --sign KEY or --anonymous");
    if (wanted && !run_options_ok(cli, &err))
        return cli_usage("%s", err.message);
    if ((code = open_evidence(cli, &evidence)) != EX_OK)
        return code;
    if (!read_file(cli, name, &text, &err) || !check_results(cli, name, text, &cpid, &err) ||
        !post_results(cli, name, text, &id, &err))
        return cli_fail(&err);
    if (evidence.source)
        return add_evidence(cli, &evidence, id, cpid);
    return print_ids(cli, (struct str){NULL, 0}, id, false, &err) ? EX_OK : cli_fail(&err);
}
