#include "config.h"
#include "handlers/failures.h"
#include "base/conf_options.h"
#include "base/hash.h"
#include "db/failures.h"
#include "handlers/json_reply.h"
#include "handlers/subunit.h"

#include <string.h>

enum { DEFAULT_LAST = 50, HEX_SIZE = 2 * FAILURE_SIGNATURE_SIZE + 1, LIMIT_MAX = 1000 };

/* --- the query ----------------------------------------------------------------------------------- */

static bool get_limit(struct request *r, uint64_t *limit, struct error *err)
{
    uint64_t most = r->conf->api.max_limit < LIMIT_MAX ? r->conf->api.max_limit : LIMIT_MAX;

    *limit = r->conf->api.default_limit;
    if (!query_u64(r, "limit", 1, UINT32_MAX, limit, err))
        return false;
    *limit = *limit < most ? *limit : most;
    return true;
}

/* A signature in hexadecimal; *GIVEN: there is one. */
static bool get_signature(struct request *r, unsigned char out[FAILURE_SIGNATURE_SIZE], bool *given,
                          struct error *err)
{
    struct str text;

    if (!query_get(r, "marker", false, &text, err))
        return false;
    *given = text.p != NULL;
    if (!*given)
        return true;
    for (size_t i = 0; i < FAILURE_SIGNATURE_SIZE; i++) {
        int high = text.n == HEX_SIZE - 1 ? str_hex_digit(text.p[2 * i]) : -1;
        int low = high < 0 ? -1 : str_hex_digit(text.p[2 * i + 1]);

        if (low < 0)
            return error_set(err, ERROR_BAD_REQUEST, "marker: '%.*s' is no signature", STR_ARG(text));
        out[i] = (unsigned char)(16 * high + low);
    }
    return true;
}

/* The runs that key, value and last name. Asks for no connection before the query is known to be right. */
static struct db_conn *get_runs(struct request *r, struct failure_runs *runs, struct error *err)
{
    struct run_filter filter = {.limit = 0};
    struct viewer viewer = subunit_viewer(r);
    struct str key, value;
    uint64_t last = DEFAULT_LAST;

    if (!query_get(r, "key", false, &key, err) || !query_get(r, "value", true, &value, err) ||
        !query_u64(r, "last", 1, FAILURES_RUNS, &last, err) || !query_check(r, err))
        return NULL;
    if (!key.p != !value.p) {
        error_set(err, ERROR_BAD_REQUEST, "key and value are given together or not at all");
        return NULL;
    }
    if (key.p) {
        filter.meta[0].key = key;
        filter.meta[0].value = value;
        filter.n_meta = 1;
    }
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    return c && failure_runs_find(c, r->arena, &viewer, &filter, last, runs, err) ? c : NULL;
}

/* --- groups -------------------------------------------------------------------------------------- */

static void add_group(struct json_writer *w, const struct failure_group *g, bool of_runs)
{
    char hex[HEX_SIZE];

    json_obj_begin(w);
    hash_hex(g->signature, FAILURE_SIGNATURE_SIZE, hex);
    json_key_cstr(w, "signature", hex);
    json_key_str(w, "message", g->message);
    json_key_i64(w, "count", g->count);
    if (of_runs)
        json_key_i64(w, "runs", g->runs);
    json_key(w, "tests");
    json_arr_begin(w);
    for (size_t i = 0; i < g->n_tests; i++) {
        json_obj_begin(w);
        json_key_i64(w, "id", g->tests[i].id);
        json_key_str(w, "test_id", g->tests[i].name);
        json_key_str(w, "status", g->tests[i].status);
        json_obj_end(w);
    }
    json_arr_end(w);
    json_obj_end(w);
}

static bool answer(struct request *r, struct db_conn *c, const struct failure_runs *runs,
                   const unsigned char *marker, uint64_t limit, bool of_runs, struct error *err)
{
    struct failure_group *groups;
    struct json_reply out;
    char last[HEX_SIZE];
    size_t n;
    bool more, ok = true;

    if (!failures_list(c, r->arena, runs, marker, limit, &groups, &n, &more, err))
        return false;
    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    if (of_runs)
        json_key_i64(&out.w, "runs", (int64_t)runs->n);
    json_key(&out.w, "failures");
    json_arr_begin(&out.w);
    for (size_t i = 0; ok && i < n; i++) {
        add_group(&out.w, &groups[i], of_runs);
        ok = json_reply_flush(&out, false, err);
    }
    if (more)
        hash_hex(groups[n - 1].signature, FAILURE_SIGNATURE_SIZE, last);
    return json_reply_end_list(&out, ok, more ? str_of(last) : (struct str){NULL, 0}, err);
}

bool failures_of_run(struct request *r, struct error *err)
{
    struct failure_runs *runs = arena_calloc(r->arena, 1, sizeof(*runs));
    unsigned char marker[FAILURE_SIGNATURE_SIZE];
    struct run run;
    uint64_t limit;
    bool given;

    if (!get_limit(r, &limit, err) || !get_signature(r, marker, &given, err) || !query_check(r, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !subunit_run(r, c, &run, err))
        return false;
    runs->id[runs->n++] = run.id;
    return answer(r, c, runs, given ? marker : NULL, limit, false, err);
}

bool failures_of_runs(struct request *r, struct error *err)
{
    struct failure_runs *runs = arena_calloc(r->arena, 1, sizeof(*runs));
    unsigned char marker[FAILURE_SIGNATURE_SIZE];
    uint64_t limit;
    bool given;

    if (!get_limit(r, &limit, err) || !get_signature(r, marker, &given, err))
        return false;
    struct db_conn *c = get_runs(r, runs, err);
    return c && answer(r, c, runs, given ? marker : NULL, limit, true, err);
}

/* --- flaky tests --------------------------------------------------------------------------------- */

static void add_flaky(struct json_writer *w, const struct flaky_test *t)
{
    json_obj_begin(w);
    json_key_i64(w, "id", t->id);
    json_key_str(w, "test_id", t->name);
    json_key_i64(w, "runs", t->runs);
    json_key_i64(w, "fails", t->fails);
    json_key_i64(w, "passes", t->passes);
    json_key_i64(w, "flips", t->flips);
    json_key_double(w, "flake_rate", (double)t->flips / (t->runs - 1));
    json_obj_end(w);
}

static bool find_page(const struct flaky_test *tests, size_t n, uint64_t marker, size_t *begin,
                      struct error *err)
{
    *begin = 0;
    if (marker == 0)
        return true;
    while (*begin < n && tests[*begin].id != (int64_t)marker)
        ++*begin;
    return (*begin)++ < n || error_set(err, ERROR_BAD_REQUEST, "marker: test %llu is none of these",
                                       (unsigned long long)marker);
}

static bool answer_flaky(struct request *r, const struct flaky_test *tests, size_t begin, size_t end,
                         bool more, size_t runs, struct error *err)
{
    struct json_reply out;

    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    json_key_i64(&out.w, "runs", (int64_t)runs);
    json_key(&out.w, "tests");
    json_arr_begin(&out.w);
    for (size_t i = begin; i < end; i++)
        add_flaky(&out.w, &tests[i]);
    return json_reply_end_list(&out, true, json_marker(r, more ? tests[end - 1].id : 0), err);
}

bool failures_flaky(struct request *r, struct error *err)
{
    struct failure_runs *runs = arena_calloc(r->arena, 1, sizeof(*runs));
    struct flaky_test *tests;
    uint64_t limit, marker = 0;
    size_t n, begin;

    if (!get_limit(r, &limit, err) || !query_u64(r, "marker", 1, INT64_MAX, &marker, err))
        return false;
    struct db_conn *c = get_runs(r, runs, err);
    if (!c || !flaky_find(c, r->arena, runs, &tests, &n, err) || !find_page(tests, n, marker, &begin, err))
        return false;
    size_t end = n - begin > limit ? begin + limit : n;
    return flaky_names(c, r->arena, tests + begin, end - begin, err) &&
           answer_flaky(r, tests, begin, end, end < n, runs->n, err);
}
