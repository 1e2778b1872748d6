/* tally run list, show, tests, failures, compare, delete. */
#include "config.h"
#include "base/clock.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"

#include <string.h>
#include <sysexits.h>

enum { EXIT_NEWLY_FAILING = 1, FAILED_SHOWN = 100 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
    static const struct column columns[] = {
        {"run", "uuid", CELL_TEXT, false},
        {"run_at", "run_at", CELL_TEXT, false},
        {"passes", "passes", CELL_NUMBER, false},
        {"fails", "fails", CELL_NUMBER, false},
        {"skips", "skips", CELL_NUMBER, false},
        {"seconds", "run_time", CELL_SECONDS, false},
        {"metadata", "metadata", CELL_PAIRS, false},
        {"cpid", "cpid", CELL_TEXT, true},
        {"result", "result-id", CELL_TEXT, true},
        {"artifacts", "artifacts", CELL_TEXT, true},
        {"tests", "tests", CELL_NUMBER, true},
        {"attachments", "attachments", CELL_NUMBER, true},
        {"project", "project", CELL_TEXT, true},
        {"user", "user", CELL_TEXT, true},
        {"created_at", "created_at", CELL_TEXT, true},
    };
    struct error err;
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v1/subunit");
    api_query(&path, "cpid", args_value(cli->args, "cpid"));
    api_query(&path, "start_date", args_value(cli->args, "start-date"));
    api_query(&path, "end_date", args_value(cli->args, "end-date"));
    api_query(&path, "status", args_value(cli->args, "status"));
    if (!api_query_meta(cli->args, &path, &err)) {
        buf_free(&path);
        return cli_usage("%s", err.message);
    }
    const struct listing listing = {api_path(cli, &path), "runs", columns, COUNT(columns), false};
    return listing_print(cli, &listing);
}

/* --- tests of a run ------------------------------------------------------------------------------- */

static const struct column test_columns[] = {
    {"status", "status", CELL_TEXT, false},
    {"seconds", "seconds", CELL_SECONDS, false},
    {"test", "test", CELL_TEXT, false},
    {"id", "id", CELL_NUMBER, true},
    {"start_time", "start_time", CELL_TEXT, true},
    {"metadata", "metadata", CELL_PAIRS, true},
    {"attachments", "attachments", CELL_COUNT, true},
};

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

/* A test of a run as one item: what the reply has in three lists. */
static const struct json *test_item(struct cli *cli, const struct json *page, const struct json *row)
{
    int64_t id = 0, test = 0, owner;
    double start, stop;
    struct json_writer w;
    struct json *item;
    struct buf b;

    json_to_i64(json_get(row, "id"), 0, INT64_MAX, &id);
    json_to_i64(json_get(row, "test_id"), 0, INT64_MAX, &test);
    buf_init(&b, 16 << 20);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_i64(&w, "id", id);
    json_key(&w, "test");
    json_value(&w, json_get(by_number(json_get(page, "tests"), "id", test), "test_id"));
    json_key(&w, "status");
    json_value(&w, json_get(row, "status"));
    json_key(&w, "start_time");
    json_value(&w, json_get(row, "start_time"));
    json_key(&w, "seconds");
    if (moment(row, "start_time", "start_time_microsecond", &start) &&
        moment(row, "stop_time", "stop_time_microsecond", &stop))
        json_double(&w, (double)(int64_t)((stop - start) * 1e6 + 0.5) / 1e6);
    else
        json_null(&w);
    json_key(&w, "metadata");
    json_value(&w, json_get(row, "metadata"));
    json_key(&w, "attachments");
    json_arr_begin(&w);
    for (const struct json *a = JSON_FIRST(json_get(page, "attachments")); a; a = a->next)
        if (json_to_i64(json_get(a, "test_run_id"), 0, INT64_MAX, &owner) && owner == id)
            json_value(&w, a);
    json_arr_end(&w);
    json_obj_end(&w);
    item = json_parse(cli->arena, arena_str(cli->arena, buf_str(&b)), NULL, NULL);
    buf_free(&b);
    return item;
}

/* Adds tests of the run, pages of them, up to LIMIT. *DATA is the run itself. */
static bool add_tests(struct cli *cli, const char *run, const char *status, uint64_t limit, struct output *o,
                      const struct json **data, struct error *err)
{
    int64_t marker = 0;
    bool more = true;

    while (more && limit > 0) {
        const struct json *page;
        struct buf path;

        add_run(&path, run, "");
        api_query(&path, "status", status);
        api_query(&path, "limit", limit < 500 ? arena_printf(cli->arena, "%d", (int)limit) : "500");
        if (marker)
            api_query(&path, "marker", arena_printf(cli->arena, "%lld", (long long)marker));
        if (!api_get(cli, api_path(cli, &path), &page, err))
            return false;
        *data = json_get(page, "subunit-data");
        for (const struct json *row = JSON_FIRST(json_get(page, "test_runs")); row && limit > 0;
             row = row->next, limit--)
            output_item(o, test_item(cli, page, row));
        more = json_to_i64(json_get(page, "next_marker"), 1, INT64_MAX, &marker);
    }
    return true;
}

int run_tests(struct cli *cli)
{
    const struct json *data;
    struct error err;
    struct output *o;
    uint64_t limit;

    if (!listing_limit(cli, &limit, &err) || !(o = output_list(cli, test_columns, COUNT(test_columns), &err)))
        return cli_usage("%s", err.message);
    return add_tests(cli, cli->args->words[0], args_value(cli->args, "status"), limit, o, &data, &err) &&
                   output_end(o, &err)
               ? EX_OK
               : cli_fail(&err);
}

/* --- show ----------------------------------------------------------------------------------------- */

int run_show(struct cli *cli)
{
    static const struct column columns[] = {
        {"run", "uuid", CELL_TEXT, false},
        {"run_at", "run_at", CELL_TEXT, false},
        {"passes", "passes", CELL_NUMBER, false},
        {"fails", "fails", CELL_NUMBER, false},
        {"skips", "skips", CELL_NUMBER, false},
        {"seconds", "run_time", CELL_SECONDS, false},
        {"tests", "tests", CELL_NUMBER, false},
        {"attachments", "attachments", CELL_NUMBER, false},
        {"cpid", "cpid", CELL_TEXT, false},
        {"result", "result-id", CELL_TEXT, false},
        {"artifacts", "artifacts", CELL_TEXT, false},
        {"metadata", "metadata", CELL_PAIRS, false},
        {"project", "project", CELL_TEXT, false},
        {"user", "user", CELL_TEXT, false},
        {"created_at", "created_at", CELL_TEXT, false},
    };
    const struct args none = {.n_words = 0};
    const struct json *data;
    struct cli plain = *cli;
    struct error err;
    struct output *failed;

    /* --column chooses of the run, not of its tests */
    plain.args = &none;
    plain.format = OUTPUT_TABLE;
    failed = output_list(&plain, test_columns, COUNT(test_columns), &err);
    if (!add_tests(cli, cli->args->words[0], "fail", FAILED_SHOWN, failed, &data, &err))
        return cli_fail(&err);
    if (!output_one(cli, columns, COUNT(columns), data, &err))
        return err.kind == ERROR_BAD_REQUEST ? cli_usage("%s", err.message) : cli_fail(&err);
    if (cli->format != OUTPUT_TABLE || args_flag(cli->args, "column") || output_count(failed) == 0)
        return EX_OK;
    output_heading(cli, "failed");
    return output_end(failed, &err) ? EX_OK : cli_fail(&err);
}

/* --- failures ------------------------------------------------------------------------------------- */

int run_failures(struct cli *cli)
{
    static const struct column columns[] = {
        {"count", "count", CELL_NUMBER, false},
        {"message", "message", CELL_TEXT, false},
        {"test", "tests.0.test_id", CELL_TEXT, false},
        {"signature", "signature", CELL_TEXT, true},
    };
    struct buf path;

    add_run(&path, cli->args->words[0], "/failures");
    const struct listing listing = {api_path(cli, &path), "failures", columns, COUNT(columns), false};
    return listing_print(cli, &listing);
}

/* --- compare -------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"newly_failing", "fixed",        "still_failing",
                                    "slower",        "only_in_base", "only_in_new"};

/* The rows of all lists with their kind beside. */
static bool add_comparison(struct cli *cli, const struct json *doc, struct output *o, struct error *err)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (const struct json *row = JSON_FIRST(json_get(doc, kinds[i])); row; row = row->next) {
            struct json *item = arena_alloc(cli->arena, sizeof(*item));
            struct json *kind = arena_alloc(cli->arena, sizeof(*kind));

            *item = *row;
            *kind = (struct json){
                .type = JSON_STRING, .key = STR("kind"), .str = str_of(kinds[i]), .next = row->first};
            item->first = kind;
            item->n++;
            output_item(o, item);
        }
    return output_end(o, err);
}

int run_compare(struct cli *cli)
{
    static const struct column columns[] = {
        {"change", "kind", CELL_TEXT, false},         {"base", "base_status", CELL_TEXT, false},
        {"new", "status", CELL_TEXT, false},          {"base_seconds", "base_run_time", CELL_SECONDS, false},
        {"seconds", "run_time", CELL_SECONDS, false}, {"test", "test_id", CELL_TEXT, false},
    };
    const struct json *doc;
    struct error err;
    struct output *o = output_list(cli, columns, COUNT(columns), &err);
    struct buf path;
    bool ok;

    if (!o)
        return cli_usage("%s", err.message);
    add_run(&path, cli->args->words[1], "/compare/");
    api_segment(&path, cli->args->words[0]);
    api_query(&path, "threshold", args_value(cli->args, "threshold"));
    if (!api_get(cli, api_path(cli, &path), &doc, &err))
        return cli_fail(&err);
    if (cli->format == OUTPUT_JSON)
        ok = output_document(cli, doc, &err);
    else
        ok = add_comparison(cli, doc, o, &err);
    if (!ok)
        return cli_fail(&err);
    return args_flag(cli->args, "exit-code") && JSON_FIRST(json_get(doc, "newly_failing"))
               ? EXIT_NEWLY_FAILING
               : EX_OK;
}

int run_delete(struct cli *cli)
{
    return listing_each(cli, "DELETE", "/v1/subunit/", "deleted");
}
