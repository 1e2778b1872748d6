/* tally result list, show, share, verify, set, delete; tally profile. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

const struct column result_columns[] = {
    {"result", "id", CELL_TEXT, false},
    {"created_at", "created_at", CELL_TEXT, false},
    {"seconds", "duration_seconds", CELL_NUMBER, false},
    {"verified", "verification_status", CELL_NUMBER, false},
    {"metadata", "meta", CELL_PAIRS, false},
    {"cpid", "cpid", CELL_TEXT, true},
    {"url", "url", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column result_show_columns[] = {
    {"result", "id", CELL_TEXT, false},
    {"cpid", "cpid", CELL_TEXT, false},
    {"created_at", "created_at", CELL_TEXT, false},
    {"seconds", "duration_seconds", CELL_NUMBER, false},
    {"passed", "results", CELL_COUNT, false},
    {"verified", "verification_status", CELL_NUMBER, false},
    {"role", "user_role", CELL_TEXT, false},
    {"metadata", "meta", CELL_PAIRS, false},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column profile_columns[] = {
    {"user", "openid", CELL_TEXT, false},
    {"name", "fullname", CELL_TEXT, false},
    {"staff", "is_admin", CELL_TEXT, false},
    {NULL, NULL, CELL_TEXT, false},
};

int result_list(struct cli *cli)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/results");
    api_query_options(cli->args, &path, "cpid start-date end-date verification-status");
    if (args_flag(cli->args, "signed"))
        api_query(&path, "signed", "true");
    const struct listing listing = {api_path(cli, &path), "results", LISTING_NUMBERED};
    return listing_print(cli, &listing);
}

/* "/v1/results/ID" of the first word. */
static void add_result(struct cli *cli, struct buf *path)
{
    buf_init(path, API_PATH_MAX);
    buf_add_cstr(path, "/v1/results/");
    api_segment(path, cli->args->words[0]);
}

/* The names of what passed, a line each. */
static bool print_names(struct cli *cli, const struct json *names, struct error *err)
{
    static const struct column column[] = {{"passed", NULL, CELL_TEXT, false},
                                           {NULL, NULL, CELL_TEXT, false}};
    struct output *o = output_list_of(cli, column);

    for (const struct json *name = JSON_FIRST(names); name; name = name->next)
        output_item(o, name);
    return output_end(o, err);
}

int result_show(struct cli *cli)
{
    const struct json *doc;
    struct error err;
    struct buf path;

    add_result(cli, &path);
    if (!api_get(cli, api_path(cli, &path), &doc, &err) || !output_one(cli, doc, &err))
        return cli_fail(&err);
    if (!args_flag(cli->args, "tests") || cli->format == OUTPUT_JSON)
        return EX_OK;
    output_heading(cli, "passed");
    return print_names(cli, json_get(doc, "results"), &err) ? EX_OK : cli_fail(&err);
}

/* Sets a key of the result's metadata, or takes it away. */
static int set_meta(struct cli *cli, const char *key, const char *value)
{
    const struct json *reply;
    struct api_call call = {.method = value ? "POST" : "DELETE", .content_type = "text/plain"};
    struct error err;
    struct buf path;

    add_result(cli, &path);
    buf_add_cstr(&path, "/meta/");
    api_segment(&path, key);
    call.path = api_path(cli, &path);
    call.body = str_of(value);
    if (!api_call(cli, &call, &reply, &err))
        return cli_fail(&err);
    cli_note(cli, value ? "%s: %s is %s" : "%s: %s is taken away", cli->args->words[0], key, value);
    return EX_OK;
}

int result_share(struct cli *cli)
{
    return set_meta(cli, "shared", args_flag(cli->args, "off") ? NULL : "true");
}

int result_verify(struct cli *cli)
{
    bool off = args_flag(cli->args, "off");
    struct api_call call = {.method = "PUT",
                            .body = off ? STR("{\"verification_status\": 0}")
                                        : STR("{\"verification_status\": 1}")};
    const struct json *reply;
    struct error err;
    struct buf path;

    add_result(cli, &path);
    call.path = api_path(cli, &path);
    if (!api_call(cli, &call, &reply, &err))
        return cli_fail(&err);
    cli_note(cli, off ? "%s: not verified any more" : "%s: verified", cli->args->words[0]);
    return EX_OK;
}

int result_set(struct cli *cli)
{
    bool off = args_flag(cli->args, "off");

    if (off != (cli->args->n_words == 2))
        return cli_usage(off ? "with --off it is RESULT KEY alone" : "it is RESULT KEY VALUE");
    return set_meta(cli, cli->args->words[1], off ? NULL : cli->args->words[2]);
}

int result_delete(struct cli *cli)
{
    return listing_each(cli, "DELETE", "/v1/results/", "deleted");
}

int profile(struct cli *cli)
{
    const struct json *doc;
    struct error err;

    return api_get(cli, "/v1/profile", &doc, &err) && output_one(cli, doc, &err) ? EX_OK : cli_fail(&err);
}
