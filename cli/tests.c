/* tally test list, show, history, flaky, failed, prefixes. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <string.h>
#include <sysexits.h>

const struct column test_columns[] = {
    {"id", "id", CELL_NUMBER, false},
    {"runs", "run_count", CELL_NUMBER, false},
    {"passes", "success", CELL_NUMBER, false},
    {"fails", "failure", CELL_NUMBER, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {"test", "test_id", CELL_TEXT, false},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column test_history_columns[] = {
    {"run_at", "run_at", CELL_TEXT, false},
    {"status", "status", CELL_TEXT, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {"run", "uuid", CELL_TEXT, false},
    {"cpid", "cpid", CELL_TEXT, false},
    {"result", "result-id", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column test_flaky_columns[] = {
    {"flips", "flips", CELL_NUMBER, false}, {"rate", "flake_rate", CELL_SECONDS, false},
    {"runs", "runs", CELL_NUMBER, false},   {"passes", "passes", CELL_NUMBER, false},
    {"fails", "fails", CELL_NUMBER, false}, {"test", "test_id", CELL_TEXT, false},
    {"id", "id", CELL_NUMBER, true},        {NULL, NULL, CELL_TEXT, false},
};

const struct column test_failed_columns[] = {
    {"run_at", "run_at", CELL_TEXT, false},
    {"run", "uuid", CELL_TEXT, false},
    {"status", "status", CELL_TEXT, false},
    {"test", "test_id", CELL_TEXT, false},
    {"id", "id", CELL_NUMBER, true},
    {"cpid", "cpid", CELL_TEXT, true},
    {"artifacts", "artifacts", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column test_prefixes_columns[] = {
    {"tests", "tests", CELL_NUMBER, false},
    {"prefix", "prefix", CELL_TEXT, false},
    {"id", "id", CELL_NUMBER, true},
    {NULL, NULL, CELL_TEXT, false},
};

/* The list at PATH below a prefix, where one is given. */
static int list_below(struct cli *cli, const char *where, const char *member)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, where);
    if (cli->args->n_words && *cli->args->words[0])
        api_query(&path, "prefix", cli->args->words[0]);
    const struct listing listing = {api_path(cli, &path), member, LISTING_NEXT};
    return listing_print(cli, &listing);
}

int test_list(struct cli *cli)
{
    return list_below(cli, "/v1/tests", "tests");
}

int test_prefixes(struct cli *cli)
{
    return list_below(cli, "/v1/tests/prefixes", "prefixes");
}

int test_flaky(struct cli *cli)
{
    return listing_of_runs(cli, "/v1/tests/flaky", "tests", LISTING_NEXT, "last");
}

int test_failed(struct cli *cli)
{
    return listing_of_runs(cli, "/v1/stats/failures", "failures", LISTING_NEXT, "cpid");
}

bool test_find(struct cli *cli, const char *word, const char **id, struct error *err)
{
    const struct json *reply, *number;
    struct buf path;

    *id = word;
    if (*word && strspn(word, "0123456789") == strlen(word))
        return true;
    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/tests");
    api_query(&path, "name", word);
    if (!api_get(cli, api_path(cli, &path), &reply, err))
        return false;
    if (!json_is(json_get(reply, "tests"), JSON_ARRAY))
        return api_odd(cli, "no list", err);
    number = output_member(reply, "tests.0.id");
    if (!json_is(number, JSON_NUMBER))
        return error_set(err, ERROR_NOT_FOUND, "no run of yours has a test '%s'", word);
    *id = arena_str(cli->arena, number->str).p;
    return true;
}

int test_show(struct cli *cli)
{
    const struct json *test;
    struct error err;
    const char *id;

    if (!test_find(cli, cli->args->words[0], &id, &err) ||
        !api_get(cli, arena_printf(cli->arena, "/v1/tests/%s", id), &test, &err))
        return cli_fail(&err);
    return output_one(cli, test, &err) ? EX_OK : cli_fail(&err);
}

int test_history(struct cli *cli)
{
    struct error err;
    const char *id;

    if (!test_find(cli, cli->args->words[0], &id, &err))
        return cli_fail(&err);
    const struct listing listing = {arena_printf(cli->arena, "/v1/tests/%s/runs", id), "runs", LISTING_NEXT};
    return listing_print(cli, &listing);
}
