/* tally result list, show, share, set, delete. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int result_list(struct cli *cli)
{
    static const struct column columns[] = {
        {"result", "id", CELL_TEXT, false},
        {"created_at", "created_at", CELL_TEXT, false},
        {"seconds", "duration_seconds", CELL_NUMBER, false},
        {"verified", "verification_status", CELL_NUMBER, false},
        {"metadata", "meta", CELL_PAIRS, false},
        {"cpid", "cpid", CELL_TEXT, true},
        {"url", "url", CELL_TEXT, true},
    };
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/results");
    api_query(&path, "cpid", args_value(cli->args, "cpid"));
    api_query(&path, "start_date", args_value(cli->args, "start-date"));
    api_query(&path, "end_date", args_value(cli->args, "end-date"));
    api_query(&path, "verification_status", args_value(cli->args, "verification-status"));
    if (args_flag(cli->args, "signed"))
        api_query(&path, "signed", "true");
    const struct listing listing = {api_path(cli, &path), "results", columns, COUNT(columns), true};
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
    static const struct column column = {"passed", NULL, CELL_TEXT, false};
    const struct args none = {.n_words = 0};
    struct cli plain = *cli;
    struct output *o;

    plain.args = &none;
    o = output_list(&plain, &column, 1, err);
    for (const struct json *name = JSON_FIRST(names); name; name = name->next)
        output_item(o, name);
    return output_end(o, err);
}

int result_show(struct cli *cli)
{
    static const struct column columns[] = {
        {"result", "id", CELL_TEXT, false},
        {"cpid", "cpid", CELL_TEXT, false},
        {"created_at", "created_at", CELL_TEXT, false},
        {"seconds", "duration_seconds", CELL_NUMBER, false},
        {"passed", "results", CELL_COUNT, false},
        {"verified", "verification_status", CELL_NUMBER, false},
        {"role", "user_role", CELL_TEXT, false},
        {"metadata", "meta", CELL_PAIRS, false},
    };
    const struct json *doc;
    struct error err;
    struct buf path;

    add_result(cli, &path);
    if (!api_get(cli, api_path(cli, &path), &doc, &err) ||
        !output_one(cli, columns, COUNT(columns), doc, &err))
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
