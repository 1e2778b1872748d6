#include "config.h"
#include "db/failures.h"
#include "db/duration.h"
#include "db/run_lists.h"
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>

/* --- runs ---------------------------------------------------------------------------------------- */

bool failure_runs_find(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       const struct run_filter *filter, uint64_t last, struct failure_runs *out,
                       struct error *err)
{
    uint64_t failures = 0;
    struct sql q;

    out->n = 0;
    struct db_value list = filter->n_meta ? run_list_meta(arena, filter->meta[0].key, filter->meta[0].value)
                                          : run_list_all(arena);
    const struct run_pick pick = {.lists = &list, .n_lists = 1, .status = RUN_ANY};

    sql_begin(&q, arena);
    sql_add(&q, "SELECT l.run_id, l.passes, l.fails FROM ");
    run_lists_from(&q, viewer, &pick);
    run_lists_where(&q, viewer, &pick);
    sql_value(&q, " ORDER BY l.run_at DESC, l.run_id DESC LIMIT ?",
              DB_UINT(last < FAILURES_RUNS ? last : FAILURES_RUNS));
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    while (out->n < FAILURES_RUNS && db_next(rows, err)) {
        int64_t fails = db_i64(rows, "fails");

        failures += fails > 0 ? (uint64_t)fails : 0;
        if (out->n && failures > FAILURES_TESTS)
            break;
        out->passes[out->n] = db_i64(rows, "passes");
        out->id[out->n++] = db_i64(rows, "run_id");
    }
    return db_end(rows);
}

/* "(?, ?, ...)": of few lengths, so that the statement is prepared once; the last id fills up. */
static void add_ids(struct sql *q, const int64_t *ids, size_t n)
{
    size_t size = n <= 1 ? 1 : n <= 8 ? 8 : n <= 64 ? 64 : 512;

    for (size_t i = 0; i < size; i++)
        sql_value(q, i ? ", ?" : "(?", DB_INT(ids[i < n ? i : n - 1]));
    sql_add(q, ")");
}

static void add_runs(struct sql *q, const struct failure_runs *runs)
{
    add_ids(q, runs->id, runs->n);
}

static size_t count_averaged(const struct failure_runs *runs)
{
    int64_t passes = 0;
    size_t n = 0;

    while (n < runs->n && (n == 0 || passes + runs->passes[n] <= AVERAGE_PASSES))
        passes += runs->passes[n++];
    return n;
}

struct db_rows *failure_runs_average(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                                     struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    sql_add(&q, "SELECT t.test_id, d.seconds FROM (SELECT tr.test_id, COALESCE(AVG(" SQL_SECONDS
                "), 0) AS seconds"
                " FROM test_runs tr WHERE tr.status IN ('success', 'xfail') AND tr.run_id IN ");
    add_ids(&q, runs->id, count_averaged(runs));
    sql_add(&q, " GROUP BY tr.test_id) d JOIN tests t ON t.id = d.test_id ORDER BY t.test_id_head, t.id");
    return sql_query(&q, c, err);
}

/* --- groups -------------------------------------------------------------------------------------- */

static struct db_value signature_value(const unsigned char *signature)
{
    return DB_BYTES(((struct str){(const char *)signature, FAILURE_SIGNATURE_SIZE}));
}

static bool count_marker(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                         const unsigned char *marker, int64_t *count, struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    sql_value(&q, "SELECT COUNT(*) AS n FROM test_run_failures WHERE signature = ? AND run_id IN ",
              signature_value(marker));
    add_runs(&q, runs);
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    if (db_next(rows, err))
        *count = db_i64(rows, "n");
    if (!db_end(rows))
        return false;
    return *count > 0 ||
           error_set(err, ERROR_BAD_REQUEST, "marker: none of these failures has this signature");
}

static bool read_groups(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                        const unsigned char *marker, uint64_t limit, struct failure_group *out, size_t *n,
                        struct error *err)
{
    int64_t count = 0;
    struct sql q;

    if (marker && !count_marker(c, arena, runs, marker, &count, err))
        return false;
    sql_begin(&q, arena);
    sql_add(&q, "SELECT signature, COUNT(*) AS n, COUNT(DISTINCT run_id) AS runs, MIN(test_run_id) AS first"
                " FROM test_run_failures WHERE run_id IN ");
    add_runs(&q, runs);
    sql_add(&q, " GROUP BY signature");
    if (marker) {
        sql_value(&q, " HAVING COUNT(*) < ?", DB_INT(count));
        sql_value(&q, " OR (COUNT(*) = ?", DB_INT(count));
        sql_value(&q, " AND signature > ?)", signature_value(marker));
    }
    sql_value(&q, " ORDER BY n DESC, signature LIMIT ?", DB_UINT(limit));
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    while (*n < limit && db_next(rows, err)) {
        struct failure_group *g = &out[(*n)++];
        struct str signature = db_str(rows, "signature");

        g->count = db_i64(rows, "n");
        g->runs = db_i64(rows, "runs");
        g->first = db_i64(rows, "first");
        if (signature.n == FAILURE_SIGNATURE_SIZE)
            memcpy(g->signature, signature.p, FAILURE_SIGNATURE_SIZE);
    }
    return db_end(rows);
}

static bool read_message(struct db_conn *c, struct arena *arena, struct failure_group *g, struct error *err)
{
    struct db_value id = DB_INT(g->first);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT message FROM test_run_failures WHERE test_run_id = ?", &id, 1, &found, err);

    if (!rows)
        return false;
    g->message = arena_str(arena, found ? db_str(rows, "message") : (struct str){"", 0});
    db_close(rows);
    return true;
}

static bool read_tests(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                       struct failure_group *g, struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    sql_value(&q,
              "SELECT t.id, t.test_id, tr.status FROM (SELECT tests_id, MAX(test_run_id) AS newest"
              " FROM test_run_failures WHERE signature = ? AND run_id IN ",
              signature_value(g->signature));
    add_runs(&q, runs);
    sql_value(&q,
              " GROUP BY tests_id ORDER BY tests_id LIMIT ?) f JOIN tests t ON t.id = f.tests_id"
              " JOIN test_runs tr ON tr.id = f.newest ORDER BY t.id",
              DB_INT(FAILURES_SHOWN));
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    while (g->n_tests < FAILURES_SHOWN && db_next(rows, err))
        g->tests[g->n_tests++] =
            (struct failure_test){db_i64(rows, "id"), arena_str(arena, db_str(rows, "test_id")),
                                  arena_str(arena, db_str(rows, "status"))};
    return db_end(rows);
}

bool failures_list(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                   const unsigned char *marker, uint64_t limit, struct failure_group **out, size_t *n,
                   bool *more, struct error *err)
{
    *n = 0;
    *more = false;
    *out = arena_calloc(arena, limit + 1, sizeof(**out));
    if (runs->n == 0)
        return true;
    if (!read_groups(c, arena, runs, marker, limit + 1, *out, n, err))
        return false;
    *more = *n > limit;
    *n = *more ? limit : *n;
    for (size_t i = 0; i < *n; i++)
        if (!read_message(c, arena, &(*out)[i], err) || !read_tests(c, arena, runs, &(*out)[i], err))
            return false;
    return true;
}

/* --- flaky tests --------------------------------------------------------------------------------- */

enum { CANDIDATES = 256 };

/* Outcomes of one test in the runs, newest first. */
enum { NOT_THERE, PASSED, FAILED };

static int by_id(const void *a, const void *b)
{
    const struct flaky_test *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* Tests that failed in some of the runs, not in all; sorted by id. */
static bool read_candidates(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                            struct flaky_test *out, size_t most, size_t *n, struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    sql_add(&q, "SELECT tests_id FROM test_run_failures WHERE run_id IN ");
    add_runs(&q, runs);
    sql_value(&q, " GROUP BY tests_id HAVING COUNT(*) < ?", DB_UINT(runs->n));
    sql_value(&q, " ORDER BY COUNT(*) DESC, tests_id LIMIT ?", DB_UINT(most));
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    while (*n < most && db_next(rows, err))
        out[(*n)++].id = db_i64(rows, "tests_id");
    qsort(out, *n, sizeof(*out), by_id);
    return db_end(rows);
}

struct place {
    int64_t run_id;
    size_t at;
};

static int by_run(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->run_id > y->run_id) - (x->run_id < y->run_id);
}

static int outcome_of(struct str status)
{
    if (str_eq_cstr(status, "success") || str_eq_cstr(status, "xfail"))
        return PASSED;
    return str_eq_cstr(status, "fail") || str_eq_cstr(status, "uxsuccess") ? FAILED : NOT_THERE;
}

/* From each test and each run straight to the outcome. */
static struct db_rows *query_outcomes(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                                      const struct flaky_test *tests, size_t n, struct error *err)
{
    int64_t ids[CANDIDATES];
    struct sql q;

    for (size_t i = 0; i < n; i++)
        ids[i] = tests[i].id;
    sql_begin(&q, arena);
    sql_add(&q, "SELECT tr.test_id, tr.run_id, tr.status FROM tests t STRAIGHT_JOIN run_info i STRAIGHT_JOIN "
                "test_runs tr"
                " ON tr.test_id = t.id AND tr.run_id = i.run_id WHERE t.id IN ");
    add_ids(&q, ids, n);
    sql_add(&q, " AND i.run_id IN ");
    add_runs(&q, runs);
    return sql_query(&q, c, err);
}

static void count_flips(struct flaky_test *t, const unsigned char *outcomes, size_t n)
{
    int last = NOT_THERE;

    for (size_t i = 0; i < n; i++) {
        if (outcomes[i] == NOT_THERE)
            continue;
        t->passes += outcomes[i] == PASSED;
        t->fails += outcomes[i] == FAILED;
        t->flips += last != NOT_THERE && last != outcomes[i];
        last = outcomes[i];
    }
    t->runs = t->passes + t->fails;
}

static bool look_at(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                    struct flaky_test *tests, size_t n, struct error *err)
{
    unsigned char *outcomes = arena_calloc(arena, n, runs->n);
    struct place *places = arena_calloc(arena, runs->n, sizeof(*places));

    for (size_t i = 0; i < runs->n; i++)
        places[i] = (struct place){runs->id[i], i};
    qsort(places, runs->n, sizeof(*places), by_run);
    struct db_rows *rows = query_outcomes(c, arena, runs, tests, n, err);
    if (!rows)
        return false;
    while (db_next(rows, err)) {
        const struct flaky_test key = {.id = db_i64(rows, "test_id")};
        const struct place run = {.run_id = db_i64(rows, "run_id")};
        const struct flaky_test *t = bsearch(&key, tests, n, sizeof(*tests), by_id);
        const struct place *p = bsearch(&run, places, runs->n, sizeof(*places), by_run);

        if (t && p)
            outcomes[(size_t)(t - tests) * runs->n + p->at] =
                (unsigned char)outcome_of(db_str(rows, "status"));
    }
    if (!db_end(rows))
        return false;
    for (size_t i = 0; i < n; i++)
        count_flips(&tests[i], outcomes + i * runs->n, runs->n);
    return true;
}

static int by_flips(const void *a, const void *b)
{
    const struct flaky_test *x = a, *y = b;

    if (x->flips != y->flips)
        return x->flips > y->flips ? -1 : 1;
    if (x->fails != y->fails)
        return x->fails > y->fails ? -1 : 1;
    return by_id(a, b);
}

bool flaky_find(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                struct flaky_test **out, size_t *n, struct error *err)
{
    size_t most = runs->n ? FLAKY_LOOKS / runs->n : 0, found = 0;

    *n = 0;
    most = most > 10000 ? 10000 : most;
    *out = arena_calloc(arena, most + 1, sizeof(**out));
    if (runs->n == 0)
        return true;
    if (!read_candidates(c, arena, runs, *out, most, &found, err))
        return false;
    for (size_t at = 0; at < found; at += CANDIDATES) {
        struct arena *batch = arena_new(0);
        size_t some = found - at < CANDIDATES ? found - at : CANDIDATES;
        bool ok = look_at(c, batch, runs, *out + at, some, err);

        arena_free(batch);
        if (!ok)
            return false;
    }
    for (size_t i = 0; i < found; i++)
        if ((*out)[i].passes && (*out)[i].fails)
            (*out)[(*n)++] = (*out)[i];
    qsort(*out, *n, sizeof(**out), by_flips);
    return true;
}

bool flaky_names(struct db_conn *c, struct arena *arena, struct flaky_test *tests, size_t n,
                 struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct db_value id = DB_INT(tests[i].id);
        bool found;
        struct db_rows *rows = db_query_one(c, "SELECT test_id FROM tests WHERE id = ?", &id, 1, &found, err);

        if (!rows)
            return false;
        tests[i].name = arena_str(arena, found ? db_str(rows, "test_id") : (struct str){"", 0});
        db_close(rows);
    }
    return true;
}
