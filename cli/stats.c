/* tally failures, stats runs, stats tests, metadata keys, metadata values: over many runs. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <sysexits.h>

const struct column failures_columns[] = {
    {"count", "count", CELL_NUMBER, false},      {"runs", "runs", CELL_NUMBER, false},
    {"message", "message", CELL_TEXT, false},    {"test", "tests.0.test_id", CELL_TEXT, false},
    {"signature", "signature", CELL_TEXT, true}, {NULL, NULL, CELL_TEXT, false},
};

const struct column stats_runs_columns[] = {
    {"date", "date", CELL_TEXT, false},
    {"value", "value", CELL_TEXT, false},
    {"runs", "runs", CELL_NUMBER, false},
    {"passed", "passed_runs", CELL_NUMBER, false},
    {"failed", "failed_runs", CELL_NUMBER, false},
    {"failure_rate", "failure_rate", CELL_SECONDS, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {"passes", "passes", CELL_NUMBER, true},
    {"fails", "fails", CELL_NUMBER, true},
    {"skips", "skips", CELL_NUMBER, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column stats_tests_columns[] = {
    {"from", "start_date", CELL_TEXT, false},
    {"to", "end_date", CELL_TEXT, false},
    {"runs", "runs", CELL_NUMBER, false},
    {"passed_runs", "passed_runs", CELL_NUMBER, false},
    {"failed_runs", "failed_runs", CELL_NUMBER, false},
    {"failure_rate", "failure_rate", CELL_SECONDS, false},
    {"passes", "passes", CELL_NUMBER, false},
    {"fails", "fails", CELL_NUMBER, false},
    {"skips", "skips", CELL_NUMBER, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column metadata_keys_columns[] = {
    {"key", "key", CELL_TEXT, false},
    {"values", "values", CELL_NUMBER, false},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column metadata_values_columns[] = {
    {"value", "value", CELL_TEXT, false},
    {"runs", "runs", CELL_NUMBER, false},
    {NULL, NULL, CELL_TEXT, false},
};

int failures(struct cli *cli)
{
    return listing_of_runs(cli, "/v1/failures", "failures", LISTING_NEXT, "last");
}

int stats_runs(struct cli *cli)
{
    return listing_of_runs(cli, "/v1/stats/runs", "series", LISTING_WHOLE,
                           "start-date end-date cpid group by");
}

int stats_tests(struct cli *cli)
{
    const struct json *doc;
    struct error err;
    struct buf path;
    const char *id = NULL;
    bool ok;

    if (cli->args->n_words && !test_find(cli, cli->args->words[0], &id, &err))
        return cli_fail(&err);
    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/stats/tests");
    api_query_options(cli->args, &path, "start-date end-date cpid");
    api_query(&path, "test_id", id);
    ok = api_query_pair(cli->args, &path, &err);
    const char *where = api_path(cli, &path);
    if (!ok)
        return cli_usage("%s", err.message);
    return api_get(cli, where, &doc, &err) && output_one(cli, doc, &err) ? EX_OK : cli_fail(&err);
}

int metadata_keys(struct cli *cli)
{
    static const struct listing listing = {"/v1/stats/metadata", "keys", LISTING_NEXT};

    return listing_print(cli, &listing);
}

int metadata_values(struct cli *cli)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/stats/metadata");
    api_query(&path, "key", cli->args->words[0]);
    const struct listing listing = {api_path(cli, &path), "values", LISTING_NEXT};
    return listing_print(cli, &listing);
}
