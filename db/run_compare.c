#include "config.h"
#include "db/run_compare.h"
#include "db/duration.h"

const char *compare_kind_name(enum compare_kind kind)
{
    static const char *const names[COMPARE_KINDS] = {
        [COMPARE_NEWLY_FAILING] = "newly_failing", [COMPARE_FIXED] = "fixed",
        [COMPARE_STILL_FAILING] = "still_failing", [COMPARE_SLOWER] = "slower",
        [COMPARE_ONLY_IN_NEW] = "only_in_new",     [COMPARE_ONLY_IN_BASE] = "only_in_base",
    };

    return names[kind];
}

#define PASSES(x) x ".status IN ('success', 'xfail')"
#define FAILS(x) x ".status IN ('fail', 'uxsuccess')"
#define OF_RUN "(SELECT test_id, status, " SQL_SECONDS " AS seconds FROM test_runs WHERE run_id = ?)"

/* The numbers are those of enum compare_kind. */
static const char sql[] =
    "SELECT d.kind, d.test_id, t.test_id AS name, d.status, d.base_status, d.seconds, d.base_seconds FROM ("
    "SELECT CASE WHEN b.test_id IS NULL THEN 4"
    " WHEN " FAILS("n") " AND " FAILS(
        "b") " THEN 2"
             " WHEN " FAILS(
                 "n") " THEN 0"
                      " WHEN " PASSES("n") " AND " FAILS(
                          "b") " THEN 1"
                               " WHEN " PASSES("n") " AND " PASSES(
                                   "b") " AND n.seconds > b.seconds * ? AND n.seconds - b.seconds > 1 THEN 3 "
                                        "END AS kind,"
                                        " n.test_id, n.status, b.status AS base_status, n.seconds, b.seconds "
                                        "AS base_seconds"
                                        " FROM " OF_RUN " n LEFT JOIN " OF_RUN " b ON b.test_id = n.test_id"
                                        " UNION ALL"
                                        " SELECT 5, b.test_id, NULL, b.status, NULL, b.seconds FROM " OF_RUN
                                        " b LEFT JOIN " OF_RUN " n ON n.test_id = b.test_id WHERE n.test_id "
                                        "IS NULL) d JOIN tests t ON t.id = d.test_id"
                                        " WHERE d.kind IS NOT NULL"
                                        " ORDER BY d.kind, COALESCE(d.status, d.base_status) IN ('fail', "
                                        "'uxsuccess') DESC, t.test_id_head, d.test_id";

static double seconds_of(struct db_rows *rows, const char *column)
{
    return db_is_null(rows, column) ? -1 : db_real(rows, column);
}

bool run_compare(struct db_conn *c, int64_t run_id, int64_t base_id, double threshold, compare_fn fn,
                 void *arg, struct error *err)
{
    struct db_rows *rows = DB_QUERY(c, err, sql, DB_REAL(threshold), DB_INT(run_id), DB_INT(base_id),
                                    DB_INT(base_id), DB_INT(run_id));
    bool ok = true;

    if (!rows)
        return false;
    while (ok && db_next(rows, err)) {
        struct compare_row row = {
            .kind = (enum compare_kind)db_i64(rows, "kind"),
            .test_id = db_i64(rows, "test_id"),
            .name = db_str(rows, "name"),
            .status = db_str(rows, "status"),
            .base_status = db_str(rows, "base_status"),
            .seconds = seconds_of(rows, "seconds"),
            .base_seconds = seconds_of(rows, "base_seconds"),
        };

        ok = fn(arg, &row, err);
    }
    return db_end(rows) && ok;
}
