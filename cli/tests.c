/* tally test list, test history. */
#include "config.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <string.h>
#include <sysexits.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int test_list(struct cli *cli)
{
    static const struct column columns[] = {
        {"id", "id", CELL_NUMBER, false},
        {"runs", "run_count", CELL_NUMBER, false},
        {"passes", "success", CELL_NUMBER, false},
        {"fails", "failure", CELL_NUMBER, false},
        {"seconds", "run_time", CELL_SECONDS, false},
        {"test", "test_id", CELL_TEXT, false},
    };
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/tests");
    if (cli->args->n_words && *cli->args->words[0])
        api_query(&path, "prefix", cli->args->words[0]);
    const struct listing listing = {api_path(cli, &path), "tests", columns, COUNT(columns), false};
    return listing_print(cli, &listing);
}

/* The number of the test that is named by number or by name. */
static bool find_test(struct cli *cli, const char *word, const char **id, struct error *err)
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
    number = output_member(reply, "tests.0.id");
    if (!json_is(number, JSON_NUMBER))
        return error_set(err, ERROR_NOT_FOUND, "no run of yours has a test '%s'", word);
    *id = arena_str(cli->arena, number->str).p;
    return true;
}

int test_history(struct cli *cli)
{
    static const struct column columns[] = {
        {"run_at", "run_at", CELL_TEXT, false},       {"status", "status", CELL_TEXT, false},
        {"seconds", "run_time", CELL_SECONDS, false}, {"run", "uuid", CELL_TEXT, false},
        {"cpid", "cpid", CELL_TEXT, false},           {"result", "result-id", CELL_TEXT, true},
    };
    struct error err;
    struct buf path;
    const char *id;

    if (!find_test(cli, cli->args->words[0], &id, &err))
        return cli_fail(&err);
    buf_init(&path, API_PATH_MAX);
    buf_printf(&path, "/v1/tests/%s/runs", id);
    const struct listing listing = {api_path(cli, &path), "runs", columns, COUNT(columns), false};
    return listing_print(cli, &listing);
}
