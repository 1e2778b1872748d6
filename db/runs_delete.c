/* A run goes, and with it all that it added: at once for everybody who looks, row by row behind the scenes.
 *
 * Counters and rows of up to a million tests in one transaction would hold up every upload that brings one of
 * these tests. So one short transaction moves the run to run_trash and takes its run_info away; then its
 * tests go, BATCH at a time. What is still to be done is what is still there, so anybody can go on after a
 * kill. */
#include "config.h"
#include "base/log.h"
#include "db/duration.h"
#include "db/run_lists.h"
#include "db/runs.h"
#include "db/sql.h"

enum { BATCH = 1000, SWEEP = 100 };

/* --- out of sight -------------------------------------------------------------------------------- */

#define STILL_THERE                                                                                      \
    "SELECT r.id FROM runs r WHERE r.id = ? AND NOT EXISTS (SELECT 1 FROM run_trash d WHERE d.run_id = " \
    "r.id)"

/* Locks the run, so that two deletions of it do not both count; a verified result holds its evidence. */
static bool lock_run(struct db_conn *c, int64_t run_id, struct error *err)
{
    struct db_value id = DB_INT(run_id);
    bool found;
    int64_t verified = 0;
    struct db_rows *rows = db_query_one(c, STILL_THERE " FOR UPDATE", &id, 1, &found, err);

    db_close(rows);
    if (!rows)
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "The run is gone");
    rows = db_query_one(c,
                        "SELECT t.verification_status FROM run_info i JOIN test t ON t.id = " SQL_REFSTACK_ID(
                            "i.result_id") " WHERE i.run_id = ? FOR UPDATE",
                        &id, 1, &found, err);
    if (!rows)
        return false;
    if (found)
        verified = db_i64(rows, "verification_status");
    db_close(rows);
    return !verified || error_set(err, ERROR_FORBIDDEN, "The run is the evidence of a verified result");
}

bool run_discard(struct db_conn *c, int64_t run_id, struct error *err)
{
    static const char *const statements[] = {
        "INSERT INTO run_trash (run_id, project, deleted_at)"
        " SELECT r.id, COALESCE(i.project, ''), UTC_TIMESTAMP(6) FROM runs r"
        " LEFT JOIN run_info i ON i.run_id = r.id WHERE r.id = ?",
        "DELETE m FROM run_info i JOIN meta m ON m.test_id = " SQL_REFSTACK_ID(
            "i.result_id") " AND m.meta_key = 'subunit_run'"
                           " WHERE i.run_id = ?",
        "DELETE FROM run_info WHERE run_id = ?",
    };

    if (!lock_run(c, run_id, err) || !run_lists_take(c, run_id, err))
        return false;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_INT(run_id)))
            return false;
    return true;
}

static bool discard_tx(struct db_conn *c, void *arg, struct error *err)
{
    return run_discard(c, *(int64_t *)arg, err);
}

static bool is_discarded(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct db_value id = DB_INT(*(int64_t *)arg);
    bool found;
    struct db_rows *rows = db_query_one(c, STILL_THERE, &id, 1, &found, err);

    *done = !found;
    db_close(rows);
    return rows != NULL;
}

/* --- the rows ------------------------------------------------------------------------------------ */

struct batch {
    int64_t run_id;
    int64_t last; /* test_runs.id up to which this one goes */
    bool whole;   /* nothing is left of the run */
};

/* One at a time works on a run; on another Galera node the certification of the same rows' deletion decides.
 */
static bool lock_trash(struct db_conn *c, struct batch *b, struct error *err)
{
    struct db_value id = DB_INT(b->run_id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT run_id FROM run_trash WHERE run_id = ? FOR UPDATE", &id, 1, &found, err);

    db_close(rows);
    b->whole = rows && !found;
    return rows != NULL;
}

/* 0: no test is left. */
static bool find_last(struct db_conn *c, struct batch *b, struct error *err)
{
    struct db_value values[] = {DB_INT(b->run_id), DB_INT(BATCH)};
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT COALESCE(MAX(id), 0) AS last FROM"
                                        " (SELECT id FROM test_runs WHERE run_id = ? ORDER BY id LIMIT ?) b",
                                        values, 2, &found, err);

    if (!rows)
        return false;
    b->last = db_i64(rows, "last");
    db_close(rows);
    return true;
}

static bool uncount(struct db_conn *c, const struct batch *b, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "UPDATE " SQL_OUTCOMES_OF_RUN(
                       " AND id <= ?") " d STRAIGHT_JOIN tests t ON t.id = d.test_id"
                                       " SET t.run_time = IF(d.passed AND d.seconds IS NOT NULL AND "
                                       "t.success > 1,"
                                       " (t.success * CAST(CONCAT(t.run_time) AS DOUBLE) - d.seconds) / "
                                       "(t.success - 1), t.run_time),"
                                       " t.run_count = GREATEST(t.run_count - 1, 0), t.success = "
                                       "GREATEST(t.success - d.passed, 0),"
                                       " t.failure = GREATEST(t.failure - (1 - d.passed), 0)",
                   DB_INT(b->run_id), DB_INT(b->last)) &&
           DB_EXEC(
               c, NULL, err,
               "UPDATE (SELECT d.project, tr.test_id, COALESCE(tr.status IN ('success', 'xfail'), 0) AS "
               "passed,"
               " COALESCE(tr.status IN ('fail', 'uxsuccess'), 0) AS failed, " SQL_SECONDS " AS seconds"
               " FROM test_runs tr JOIN run_trash d ON d.run_id = tr.run_id"
               " WHERE tr.run_id = ? AND tr.id <= ? ORDER BY tr.test_id LIMIT 18446744073709551615) d"
               " STRAIGHT_JOIN project_test_stats s ON s.project = d.project AND s.tests_id = d.test_id"
               " SET s.runs = s.runs - 1, s.success = s.success - d.passed, s.failure = s.failure - d.failed,"
               " s.run_time = s.run_time - IF(d.passed, COALESCE(d.seconds, 0), 0)",
               DB_INT(b->run_id), DB_INT(b->last));
}

static bool delete_tests(struct db_conn *c, const struct batch *b, struct error *err)
{
    static const char *const statements[] = {
        "DELETE s FROM test_runs tr JOIN project_test_stats s ON s.tests_id = tr.test_id"
        " WHERE tr.run_id = ? AND tr.id <= ? AND s.runs <= 0",
        "DELETE i FROM test_runs tr JOIN attachment_info i ON i.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id <= ?",
        "DELETE a FROM test_runs tr JOIN attachments a ON a.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id <= ?",
        "DELETE m FROM test_runs tr JOIN test_run_metadata m ON m.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id <= ?",
        "DELETE i FROM test_runs tr JOIN test_run_info i ON i.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id <= ?",
        "DELETE f FROM test_runs tr JOIN test_run_failures f ON f.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id <= ?",
        /* Tests that only this run has: the key's lock keeps an upload from taking the test at the same
           moment. */
        "DELETE k FROM test_runs tr JOIN test_keys k ON k.tests_id = tr.test_id"
        " WHERE tr.run_id = ? AND tr.id <= ?"
        " AND NOT EXISTS (SELECT 1 FROM test_runs o WHERE o.test_id = tr.test_id AND o.run_id <> tr.run_id)",
        "DELETE t, m FROM test_runs tr JOIN tests t ON t.id = tr.test_id"
        " LEFT JOIN test_metadata m ON m.test_id = t.id WHERE tr.run_id = ? AND tr.id <= ?"
        " AND NOT EXISTS (SELECT 1 FROM test_keys k WHERE k.tests_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM test_runs o WHERE o.test_id = tr.test_id AND o.run_id <> tr.run_id)",
        "DELETE FROM test_runs WHERE run_id = ? AND id <= ?",
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_INT(b->run_id), DB_INT(b->last)))
            return false;
    return true;
}

/* What belongs to the run as a whole. */
static bool delete_run(struct db_conn *c, struct batch *b, struct error *err)
{
    static const char *const statements[] = {
        "DELETE a FROM attachment_info i JOIN attachments a ON a.id = i.attachment_id WHERE i.run_id = ?",
        "DELETE FROM attachment_info WHERE run_id = ?",
        "DELETE FROM test_run_info WHERE run_id = ?",
        "DELETE FROM test_run_failures WHERE run_id = ?",
        "DELETE FROM run_metadata WHERE run_id = ?",
        "DELETE FROM runs WHERE id = ?",
        "DELETE FROM run_trash WHERE run_id = ?",
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_INT(b->run_id)))
            return false;
    b->whole = true;
    return true;
}

static bool batch_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct batch *b = arg;

    if (!lock_trash(c, b, err))
        return false;
    if (b->whole)
        return true;
    if (!find_last(c, b, err))
        return false;
    return b->last ? uncount(c, b, err) && delete_tests(c, b, err) : delete_run(c, b, err);
}

/* What was done is no longer there: to go on is right whether the COMMIT counted or not. */
static bool go_on(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    (void)c;
    (void)arg;
    (void)err;
    *done = false;
    return true;
}

bool run_trash_empty(struct db_conn *c, int64_t run_id, struct error *err)
{
    struct batch b = {.run_id = run_id};

    while (!b.whole)
        if (!db_transaction(c, batch_tx, go_on, &b, err))
            return false;
    return true;
}

bool run_trash_sweep(struct db_conn *c, uint64_t older_than, struct error *err)
{
    int64_t ids[SWEEP];
    size_t n = 0;
    struct db_rows *rows =
        DB_QUERY(c, err,
                 "SELECT run_id FROM run_trash WHERE deleted_at <= UTC_TIMESTAMP(6) - INTERVAL ? SECOND"
                 " ORDER BY deleted_at LIMIT ?",
                 DB_UINT(older_than), DB_INT(SWEEP));

    if (!rows)
        return false;
    while (n < SWEEP && db_next(rows, err))
        ids[n++] = db_i64(rows, "run_id");
    if (!db_end(rows))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!run_trash_empty(c, ids[i], err))
            return false;
    return true;
}

bool run_delete(struct db_conn *c, int64_t run_id, struct error *err)
{
    struct error later;

    if (!db_transaction(c, discard_tx, is_discarded, &run_id, err))
        return false;
    if (!run_trash_empty(c, run_id, &later))
        log_warning("deleting run %lld will be finished later: %s", (long long)run_id, later.message);
    return true;
}
