/* tally run list, show, tests, failures, compare, delete. */
#include "config.h"
#include "base/clock.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/item.h"
#include "cli/listing.h"

#include <sysexits.h>

enum { EXIT_NEWLY_FAILING = 1, FAILED_SHOWN = 100, PAGE = 500 };

const struct column run_columns[] = {
    {"run", "uuid", CELL_TEXT, false},
    {"run_at", "run_at", CELL_TEXT, false},
    {"passes", "passes", CELL_NUMBER, false},
    {"fails", "fails", CELL_NUMBER, false},
    {"skips", "skips", CELL_NUMBER, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {"tests", "tests", CELL_NUMBER, true},
    {"attachments", "attachments", CELL_NUMBER, true},
    {"cpid", "cpid", CELL_TEXT, true},
    {"result", "result-id", CELL_TEXT, true},
    {"artifacts", "artifacts", CELL_TEXT, true},
    {"metadata", "metadata", CELL_PAIRS, false},
    {"project", "project", CELL_TEXT, true},
    {"user", "user", CELL_TEXT, true},
    {"created_at", "created_at", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column run_tests_columns[] = {
    {"status", "status", CELL_TEXT, false},
    {"seconds", "seconds", CELL_SECONDS, false},
    {"test", "test", CELL_TEXT, false},
    {"id", "id", CELL_NUMBER, true},
    {"start_time", "start_time", CELL_TEXT, true},
    {"metadata", "metadata", CELL_PAIRS, true},
    {"attachments", "attachments", CELL_COUNT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column run_failures_columns[] = {
    {"count", "count", CELL_NUMBER, false},
    {"message", "message", CELL_TEXT, false},
    {"test", "tests.0.test_id", CELL_TEXT, false},
    {"signature", "signature", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column run_compare_columns[] = {
    {"change", "kind", CELL_TEXT, false},
    {"base", "base_status", CELL_TEXT, false},
    {"new", "status", CELL_TEXT, false},
    {"base_seconds", "base_run_time", CELL_SECONDS, false},
    {"seconds", "run_time", CELL_SECONDS, false},
    {"test", "test_id", CELL_TEXT, false},
    {NULL, NULL, CELL_TEXT, false},
};

/* "/v1/subunit/RUN" and what follows. */
static void add_run(struct buf *path, const char *run, const char *rest)
{
    buf_init(path, API_PATH_MAX);
    buf_add_cstr(path, "/v1/subunit/");
    api_segment(path, run);
    buf_add_cstr(path, rest);
}

/* --- list ----------------------------------------------------------------------------------------- */

int run_list(struct cli *cli)
{
    struct error err;
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/subunit");
    api_query_options(cli->args, &path, "cpid start-date end-date status");
    if (!api_query_meta(cli->args, &path, &err)) {
        buf_free(&path);
        return cli_usage("%s", err.message);
    }
    const struct listing listing = {api_path(cli, &path), "runs", LISTING_NEXT};
    return listing_print(cli, &listing);
}

/* --- tests of a run ------------------------------------------------------------------------------- */

static const struct json *by_number(const struct json *list, const char *key, int64_t id)
{
    int64_t other;

    for (const struct json *j = JSON_FIRST(list); j; j = j->next)
        if (json_to_i64(json_get(j, key), INT64_MIN, INT64_MAX, &other) && other == id)
            return j;
    return NULL;
}

/* Seconds since 1970 of a time and its microseconds; false where there is none. */
static bool moment(const struct json *row, const char *key, const char *us_key, double *out)
{
    int64_t us = 0, micro = 0;
    struct str text;

    if (!json_to_str(json_get(row, key), &text) || !clock_parse(text, &us))
        return false;
    json_to_i64(json_get(row, us_key), 0, 999999, &micro);
    *out = (double)us / 1e6 + (double)micro / 1e6;
    return true;
}

static double to_microsecond(double seconds)
{
    return (double)(int64_t)(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5)) / 1e6;
}

/* A test of a run as one item: what the reply has in three lists. */
static const struct json *test_item(struct arena *arena, const struct json *page, const struct json *row)
{
    struct json *item = item_new(arena), *attachments = item_list(arena);
    int64_t id = 0, test = 0, owner;
    double start, stop;

    json_to_i64(json_get(row, "id"), 0, INT64_MAX, &id);
    json_to_i64(json_get(row, "test_id"), 0, INT64_MAX, &test);
    item_add(arena, item, "id", json_get(row, "id"));
    item_add(arena, item, "test", json_get(by_number(json_get(page, "tests"), "id", test), "test_id"));
    item_add(arena, item, "status", json_get(row, "status"));
    item_add(arena, item, "start_time", json_get(row, "start_time"));
    if (moment(row, "start_time", "start_time_microsecond", &start) &&
        moment(row, "stop_time", "stop_time_microsecond", &stop))
        item_add_double(arena, item, "seconds", to_microsecond(stop - start));
    else
        item_add(arena, item, "seconds", NULL);
    item_add(arena, item, "metadata", json_get(row, "metadata"));
    for (const struct json *a = JSON_FIRST(json_get(page, "attachments")); a; a = a->next)
        if (json_to_i64(json_get(a, "test_run_id"), 0, INT64_MAX, &owner) && owner == id)
            item_append(arena, attachments, a);
    item_add(arena, item, "attachments", attachments);
    return item;
}

/* Which of a run's tests. */
struct wanted {
    const char *path; /* of the run */
    const char *status;
    uint64_t limit;
};

/* A page of the tests behind *MARKER (0: from the first), in CLI's arena; *MARKER is then the next one's, or
 * 0.
 */
static bool get_page(struct cli *cli, const struct wanted *w, int64_t *marker, const struct json **page,
                     struct error *err)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, w->path);
    api_query(&path, "status", w->status);
    api_query(&path, "limit", arena_printf(cli->arena, "%d", w->limit < PAGE ? (int)w->limit : PAGE));
    if (*marker)
        api_query(&path, "marker", arena_printf(cli->arena, "%lld", (long long)*marker));
    if (!api_get(cli, api_path(cli, &path), page, err))
        return false;
    *marker = 0;
    json_to_i64(json_get(*page, "next_marker"), 1, INT64_MAX, marker);
    if (!json_is(json_get(*page, "subunit-data"), JSON_OBJECT) ||
        !json_is(json_get(*page, "test_runs"), JSON_ARRAY) ||
        (*marker && !json_get(*page, "test_runs")->first))
        return api_odd(cli, "no run", err);
    return true;
}

static void add_rows(struct cli *cli, const struct json *page, uint64_t *limit, struct output *o)
{
    for (const struct json *row = JSON_FIRST(json_get(page, "test_runs")); row && *limit > 0;
         row = row->next, --*limit)
        output_item(o, test_item(cli->arena, page, row));
}

int run_tests(struct cli *cli)
{
    struct output *o = output_list(cli);
    struct arena *whole = cli->arena;
    struct wanted wanted = {.status = args_value(cli->args, "status")};
    int64_t marker = 0;
    struct error err;
    struct buf path;
    bool ok;

    if (!listing_limit(cli, &wanted.limit, &err))
        return cli_usage("%s", err.message);
    add_run(&path, cli->args->words[0], "");
    wanted.path = api_path(cli, &path);
    do { /* each page in an arena of its own: a run may be longer than the memory */
        const struct json *page;

        cli->arena = arena_new(1 << 16);
        if ((ok = get_page(cli, &wanted, &marker, &page, &err)))
            add_rows(cli, page, &wanted.limit, o);
        arena_free(cli->arena);
        cli->arena = whole;
    } while (ok && marker && wanted.limit > 0);
    if (ok && marker && cli->format == OUTPUT_TABLE && !args_flag(cli->args, "limit"))
        cli_note(cli, "there are more: --limit N");
    return ok && output_end(o, &err) ? EX_OK : cli_fail(&err);
}

/* --- show ----------------------------------------------------------------------------------------- */

/* "/v1/subunit/RUN", or that of --result's run; false with neither or both. */
static bool shown_path(struct cli *cli, const char **out)
{
    const char *result = args_value(cli->args, "result");
    struct buf path;

    if ((result != NULL) == (cli->args->n_words == 1))
        return false;
    if (result) {
        buf_init(&path, API_PATH_MAX);
        buf_add_cstr(&path, "/v1/subunit");
        api_query(&path, "result_id", result);
    } else {
        add_run(&path, cli->args->words[0], "");
    }
    *out = api_path(cli, &path);
    return true;
}

int run_show(struct cli *cli)
{
    struct wanted wanted = {.status = "fail", .limit = FAILED_SHOWN};
    const struct json *page;
    int64_t marker = 0;
    struct error err;
    struct output *failed;

    if (!shown_path(cli, &wanted.path))
        return cli_usage("\"run show\" needs RUN, or --result RESULT");
    if (!get_page(cli, &wanted, &marker, &page, &err) ||
        !output_one(cli, json_get(page, "subunit-data"), &err))
        return cli_fail(&err);
    if (cli->format != OUTPUT_TABLE || args_flag(cli->args, "column") ||
        !JSON_FIRST(json_get(page, "test_runs")))
        return EX_OK;
    failed = output_list_of(cli, run_tests_columns);
    output_heading(cli, "failed");
    add_rows(cli, page, &wanted.limit, failed);
    if (marker)
        cli_note(cli, "more tests failed: tally run tests RUN --status fail --limit 0");
    return output_end(failed, &err) ? EX_OK : cli_fail(&err);
}

/* --- failures ------------------------------------------------------------------------------------- */

int run_failures(struct cli *cli)
{
    struct buf path;

    add_run(&path, cli->args->words[0], "/failures");
    const struct listing listing = {api_path(cli, &path), "failures", LISTING_NEXT};
    return listing_print(cli, &listing);
}

/* --- compare -------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"newly_failing", "fixed",        "still_failing",
                                    "slower",        "only_in_base", "only_in_new"};

/* The rows of all lists with their kind in front. */
static void add_comparison(struct cli *cli, const struct json *doc, struct output *o)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (const struct json *row = JSON_FIRST(json_get(doc, kinds[i])); row; row = row->next) {
            struct json *item = item_new(cli->arena);

            item_add_str(cli->arena, item, "kind", str_of(kinds[i]));
            item->first->next = row->first;
            output_item(o, item);
        }
}

int run_compare(struct cli *cli)
{
    const struct json *doc;
    struct error err;
    struct output *o = output_list(cli);
    struct buf path;

    add_run(&path, cli->args->words[1], "/compare/");
    api_segment(&path, cli->args->words[0]);
    api_query_options(cli->args, &path, "threshold");
    if (!api_get(cli, api_path(cli, &path), &doc, &err))
        return cli_fail(&err);
    if (!json_is(json_get(doc, "newly_failing"), JSON_ARRAY)) {
        api_odd(cli, "no comparison", &err);
        return cli_fail(&err);
    }
    if (cli->format != OUTPUT_JSON)
        add_comparison(cli, doc, o);
    if (!(cli->format == OUTPUT_JSON ? output_document(doc, &err) : output_end(o, &err)))
        return cli_fail(&err);
    return args_flag(cli->args, "exit-code") && json_get(doc, "newly_failing")->first ? EXIT_NEWLY_FAILING
                                                                                      : EX_OK;
}

int run_delete(struct cli *cli)
{
    return listing_each(cli, "DELETE", "/v1/subunit/", "deleted");
}
