/* A run goes, and with it all that it added. */
#include "config.h"
#include "db/runs.h"
#include "db/duration.h"

struct deletion {
    int64_t run_id;
};

/* Locks the run, so that two deletions of it do not both count; a verified result holds its evidence. */
static bool lock_run(struct db_conn *c, int64_t run_id, struct error *err)
{
    struct db_value id = DB_INT(run_id);
    bool found;
    int64_t verified = 0;
    struct db_rows *rows =
        db_query_one(c, "SELECT id FROM runs WHERE id = ? FOR UPDATE", &id, 1, &found, err);

    db_close(rows);
    if (!rows)
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "The run is gone");
    rows = db_query_one(c,
                        "SELECT t.verification_status FROM run_info i JOIN test t ON t.id = i.result_id"
                        " WHERE i.run_id = ? FOR UPDATE",
                        &id, 1, &found, err);
    if (!rows)
        return false;
    if (found)
        verified = db_i64(rows, "verification_status");
    db_close(rows);
    return !verified || error_set(err, ERROR_FORBIDDEN, "The run is the evidence of a verified result");
}

static bool uncount(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_EXEC(
               c, NULL, err,
               "UPDATE " SQL_OUTCOMES_OF_RUN " d STRAIGHT_JOIN tests t ON t.id = d.test_id"
               " SET t.run_time = IF(d.passed AND d.seconds IS NOT NULL AND t.success > 1,"
               " (t.success * CAST(CONCAT(t.run_time) AS DOUBLE) - d.seconds) / (t.success - 1), t.run_time),"
               " t.run_count = GREATEST(t.run_count - 1, 0), t.success = GREATEST(t.success - d.passed, 0),"
               " t.failure = GREATEST(t.failure - (1 - d.passed), 0)",
               DB_INT(run_id)) &&
           DB_EXEC(
               c, NULL, err,
               "UPDATE (SELECT COALESCE(i.project, '') AS project, tr.test_id,"
               " COALESCE(tr.status IN ('success', 'xfail'), 0) AS passed,"
               " COALESCE(tr.status IN ('fail', 'uxsuccess'), 0) AS failed,"
               " " SQL_SECONDS " AS seconds FROM test_runs tr LEFT JOIN run_info i ON i.run_id = tr.run_id"
               " WHERE tr.run_id = ? ORDER BY tr.test_id LIMIT 18446744073709551615) d"
               " STRAIGHT_JOIN project_test_stats s ON s.project = d.project AND s.tests_id = d.test_id"
               " SET s.runs = s.runs - 1, s.success = s.success - d.passed, s.failure = s.failure - d.failed,"
               " s.run_time = s.run_time - IF(d.passed, COALESCE(d.seconds, 0), 0)",
               DB_INT(run_id));
}

static bool delete_rows(struct db_conn *c, int64_t run_id, struct error *err)
{
    static const char *const statements[] = {
        "DELETE s FROM test_runs tr JOIN project_test_stats s ON s.tests_id = tr.test_id"
        " WHERE tr.run_id = ? AND s.runs <= 0",
        "DELETE a FROM test_runs tr JOIN attachments a ON a.test_run_id = tr.id WHERE tr.run_id = ?",
        "DELETE a FROM attachment_info i JOIN attachments a ON a.id = i.attachment_id WHERE i.run_id = ?",
        "DELETE FROM attachment_info WHERE run_id = ?",
        "DELETE m FROM test_runs tr JOIN test_run_metadata m ON m.test_run_id = tr.id WHERE tr.run_id = ?",
        "DELETE FROM test_run_info WHERE run_id = ?",
        "DELETE FROM run_metadata WHERE run_id = ?",
        "DELETE m FROM run_info i JOIN meta m ON m.test_id = i.result_id AND m.meta_key = 'subunit_run'"
        " WHERE i.run_id = ?",
        /* Tests that only this run has: the key's lock keeps an upload from taking the test at the same
           moment. */
        "DELETE k FROM test_runs tr JOIN test_keys k ON k.tests_id = tr.test_id WHERE tr.run_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM test_runs o WHERE o.test_id = tr.test_id AND o.run_id <> tr.run_id)",
        "DELETE t, m FROM test_runs tr JOIN tests t ON t.id = tr.test_id"
        " LEFT JOIN test_metadata m ON m.test_id = t.id WHERE tr.run_id = ?"
        " AND NOT EXISTS (SELECT 1 FROM test_keys k WHERE k.tests_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM test_runs o WHERE o.test_id = tr.test_id AND o.run_id <> tr.run_id)",
        "DELETE FROM test_runs WHERE run_id = ?",
        "DELETE FROM run_info WHERE run_id = ?",
        "DELETE FROM runs WHERE id = ?",
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_INT(run_id)))
            return false;
    return true;
}

static bool delete_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct deletion *d = arg;

    return lock_run(c, d->run_id, err) && uncount(c, d->run_id, err) && delete_rows(c, d->run_id, err);
}

static bool is_gone(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct deletion *d = arg;
    struct db_value id = DB_INT(d->run_id);
    bool found;
    struct db_rows *rows = db_query_one(c, "SELECT id FROM runs WHERE id = ?", &id, 1, &found, err);

    *done = !found;
    db_close(rows);
    return rows != NULL;
}

bool run_delete(struct db_conn *c, int64_t run_id, struct error *err)
{
    struct deletion d = {run_id};

    return db_transaction(c, delete_tx, is_gone, &d, err);
}
