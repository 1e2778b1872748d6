#include "config.h"
#include "db/stats.h"
#include "db/duration.h"
#include "db/sql.h"

/* --- series -------------------------------------------------------------------------------------- */

#define PASSED "(l.fails = 0 AND l.passes > 0)"
#define SUMS                                                                         \
    "COUNT(*) AS runs, CAST(COALESCE(SUM(" PASSED "), 0) AS SIGNED) AS passed_runs," \
    " CAST(COALESCE(SUM(l.fails > 0), 0) AS SIGNED) AS failed_runs,"                 \
    " CAST(COALESCE(SUM(l.passes), 0) AS SIGNED) AS passes,"                         \
    " CAST(COALESCE(SUM(l.fails), 0) AS SIGNED) AS fails,"                           \
    " CAST(COALESCE(SUM(l.skips), 0) AS SIGNED) AS skips, AVG(IF(" PASSED ", l.run_time, NULL)) AS run_time"

static const char *const moments[STATS_GROUPS] = {
    [STATS_HOUR] = "DATE_FORMAT(l.run_at, '%Y-%m-%dT%H:00:00Z')",
    [STATS_DAY] = "DATE_FORMAT(l.run_at, '%Y-%m-%dT00:00:00Z')",
    [STATS_WEEK] = "DATE_FORMAT(l.run_at - INTERVAL WEEKDAY(l.run_at) DAY, '%Y-%m-%dT00:00:00Z')",
    [STATS_MONTH] = "DATE_FORMAT(l.run_at, '%Y-%m-01T00:00:00Z')",
};

static struct stats_bucket read_sums(struct db_rows *rows)
{
    return (struct stats_bucket){
        .runs = db_i64(rows, "runs"),
        .passed_runs = db_i64(rows, "passed_runs"),
        .failed_runs = db_i64(rows, "failed_runs"),
        .passes = db_i64(rows, "passes"),
        .fails = db_i64(rows, "fails"),
        .skips = db_i64(rows, "skips"),
        .run_time = db_is_null(rows, "run_time") ? -1 : db_real(rows, "run_time"),
    };
}

bool stats_series(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                  const struct run_pick *pick, enum stats_group group, struct str by, stats_bucket_fn fn,
                  void *arg, struct error *err)
{
    struct db_rows *rows;
    struct sql q;
    bool ok = true;

    sql_begin(&q, arena);
    sql_add(&q, "SELECT ");
    sql_add(&q, moments[group]);
    sql_add(&q, by.p ? " AS date, CAST(m.value AS BINARY) AS value, " SUMS " FROM "
                     : " AS date, NULL AS value, " SUMS " FROM ");
    run_lists_from(&q, viewer, pick);
    if (by.p) {
        sql_value(&q,
                  " STRAIGHT_JOIN run_metadata m FORCE INDEX (uq_run_metadata) ON m.run_id = l.run_id"
                  " AND m.`key` = ?",
                  DB_STR(by));
        sql_value(&q, " AND LENGTH(m.`key`) = ?", DB_UINT(by.n));
    }
    run_lists_where(&q, viewer, pick);
    sql_add(&q, " GROUP BY 1, 2 ORDER BY 1, 2");
    if (!(rows = sql_query(&q, c, err)))
        return false;
    while (ok && db_next(rows, err)) {
        struct stats_bucket b = read_sums(rows);

        b.date = db_str(rows, "date");
        b.value = db_str(rows, "value");
        ok = fn(arg, &b, err);
    }
    return db_end(rows) && ok;
}

/* --- counts -------------------------------------------------------------------------------------- */

#define OUTCOMES                                                                      \
    "COUNT(*) AS runs, CAST(COALESCE(SUM(" PASSED "), 0) AS SIGNED) AS passed_runs,"  \
    " CAST(COALESCE(SUM(l.fails > 0), 0) AS SIGNED) AS failed_runs,"                  \
    " CAST(COALESCE(SUM(tr.status IN ('success', 'xfail')), 0) AS SIGNED) AS passes," \
    " CAST(COALESCE(SUM(tr.status IN ('fail', 'uxsuccess')), 0) AS SIGNED) AS fails," \
    " CAST(COALESCE(SUM(tr.status = 'skip'), 0) AS SIGNED) AS skips,"                 \
    " AVG(IF(tr.status IN ('success', 'xfail'), " SQL_SECONDS ", NULL)) AS run_time FROM "

bool stats_counts(struct db_conn *c, const struct viewer *viewer, const struct run_pick *pick,
                  uint64_t tests_id, struct stats_bucket *out, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct db_rows *rows;
    struct sql q;

    sql_begin(&q, arena);
    sql_add(&q, tests_id ? "SELECT " OUTCOMES : "SELECT " SUMS " FROM ");
    run_lists_from(&q, viewer, pick);
    if (tests_id)
        sql_value(&q,
                  " STRAIGHT_JOIN test_runs tr FORCE INDEX (uq_test_runs) ON tr.run_id = l.run_id AND "
                  "tr.test_id = ?",
                  DB_UINT(tests_id));
    run_lists_where(&q, viewer, pick);
    rows = sql_query(&q, c, err);
    if (rows && db_next(rows, err))
        *out = read_sums(rows);
    bool ok = rows && db_end(rows);
    arena_free(arena);
    return ok;
}

/* --- failures ------------------------------------------------------------------------------------ */

struct failures {
    struct db_conn *c;
    struct arena *arena;
    uint64_t after; /* a test_run of the run at hand */
    uint64_t n, limit;
    struct str last; /* run that was looked at */
    int64_t listed;  /* the last failure that FN was told of */
    stats_failure_fn fn;
    void *arg;
};

/* Failed runs whose failures are not there (subunit2sql expires test_runs by themselves) are passed over, in
 * so many pages at most; the caller goes on after the last of these runs. */
enum { PAGES_MAX = 20 };

/* A run's own: their number is known, so that what stands behind the last of them is not read. */
static bool failures_of(void *arg, const struct run *run, struct error *err)
{
    struct failures *f = arg;
    bool ok = true;

    f->last = run->uuid;
    if (f->n > f->limit)
        return true;
    uint64_t room = f->limit + 1 - f->n, its = run->fails > 0 ? (uint64_t)run->fails : 1;
    struct db_rows *rows = DB_QUERY(
        f->c, err,
        "SELECT tr.id, tr.test_id, t.test_id AS name, tr.status"
        " FROM test_runs tr FORCE INDEX (ix_test_runs_run_id) STRAIGHT_JOIN tests t ON t.id = tr.test_id"
        " WHERE tr.run_id = ? AND tr.id > ? AND tr.status IN ('fail', 'uxsuccess') ORDER BY tr.id LIMIT ?",
        DB_INT(run->id), DB_UINT(f->after), DB_UINT(its < room ? its : room));

    if (!rows)
        return false;
    while (ok && db_next(rows, err)) {
        struct stats_failure one = {
            .id = db_i64(rows, "id"),
            .tests_id = db_i64(rows, "test_id"),
            .name = db_str(rows, "name"),
            .status = db_str(rows, "status"),
            .run = run,
        };

        if (f->n++ < f->limit) {
            f->listed = one.id;
            ok = f->fn(f->arg, &one, err);
        }
    }
    return db_end(rows) && ok;
}

/* The run of the test_run that the page begins after. */
static bool find_marker(struct db_conn *c, struct arena *arena, const struct viewer *viewer, uint64_t marker,
                        struct run *run, struct error *err)
{
    struct db_value id = DB_UINT(marker);
    struct str uuid = {NULL, 0};
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT r.uuid FROM test_runs tr JOIN runs r ON r.id = tr.run_id WHERE tr.id = ?",
                     &id, 1, &found, err);

    if (!rows)
        return false;
    if (found)
        uuid = arena_str(arena, db_str(rows, "uuid"));
    db_close(rows);
    if (found && run_get(c, arena, viewer, uuid, run, err))
        return true;
    return found && err->kind != ERROR_NOT_FOUND
               ? false
               : error_set(err, ERROR_BAD_REQUEST, "marker: test_run %llu was not found",
                           (unsigned long long)marker);
}

bool stats_failures(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                    const struct run_filter *filter, uint64_t marker, uint64_t limit, stats_failure_fn fn,
                    void *arg, struct str *next, struct error *err)
{
    struct failures f = {.c = c, .arena = arena, .after = marker, .limit = limit, .fn = fn, .arg = arg};
    struct run_filter failed = *filter;
    struct run run, *runs;
    size_t n;
    bool more_runs = true, ok = true;

    failed.status = RUN_FAILED;
    failed.limit = limit + 1; /* each has one failure at least */
    *next = (struct str){NULL, 0};
    if (marker) {
        if (!find_marker(c, arena, viewer, marker, &run, err) || !failures_of(&f, &run, err))
            return false;
        failed.marker = run.uuid;
        f.after = 0;
    }
    for (int page = 0; ok && more_runs && f.n <= limit && page < PAGES_MAX; page++) {
        ok = run_list(c, arena, viewer, &failed, &runs, &n, &more_runs, err);
        for (size_t i = 0; ok && i < n; i++)
            ok = failures_of(&f, &runs[i], err);
        failed.marker = f.last;
    }
    if (f.n > limit && f.listed)
        *next = str_of(arena_printf(arena, "%lld", (long long)f.listed));
    else if (f.n <= limit && more_runs)
        *next = f.last;
    return ok;
}
