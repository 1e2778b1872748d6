#include "config.h"
#include "db/owner.h"
#include "db/duration.h"
#include "db/run_lists.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

struct owning {
    struct str project;
    struct str user;
    int64_t run_id;
    char result_id[64]; /* empty: none */
    char before[1024];  /* the project before, "" where there was none */
    bool has_info;
};

/* --- a run --------------------------------------------------------------------------------------- */

static bool lock_run(struct db_conn *c, struct owning *o, struct error *err)
{
    struct db_value id = DB_INT(o->run_id);
    bool found;
    struct db_rows *rows =
        db_query_one(c,
                     "SELECT r.id, i.run_id, i.project, i.result_id FROM runs r"
                     " LEFT JOIN run_info i ON i.run_id = r.id WHERE r.id = ?"
                     " AND NOT EXISTS (SELECT 1 FROM run_trash d WHERE d.run_id = r.id) FOR UPDATE",
                     &id, 1, &found, err);

    if (!rows)
        return false;
    if (found) {
        o->has_info = !db_is_null(rows, "run_id");
        snprintf(o->before, sizeof(o->before), "%.*s", STR_ARG(db_str(rows, "project")));
        snprintf(o->result_id, sizeof(o->result_id), "%.*s", STR_ARG(db_str(rows, "result_id")));
    }
    db_close(rows);
    return found || error_set(err, ERROR_NOT_FOUND, "The run is gone");
}

/* What another tool loaded: its tests get their keys, it gets a run_info as adoption gives one. */
static bool adopt(struct db_conn *c, const struct owning *o, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT IGNORE INTO test_keys (name_sha256, tests_id) SELECT t.test_id_sha256, MIN(o.id)"
                   " FROM test_runs tr JOIN tests t ON t.id = tr.test_id"
                   " JOIN tests o ON o.test_id_sha256 = t.test_id_sha256 WHERE tr.run_id = ? GROUP BY "
                   "t.test_id_sha256",
                   DB_INT(o->run_id)) &&
           DB_EXEC(
               c, NULL, err,
               "INSERT INTO run_info (run_id, project, user, tests, attachments, attachment_bytes, run_at, "
               "created_at)"
               " SELECT r.id, ?, ?, (SELECT COUNT(*) FROM test_runs tr WHERE tr.run_id = r.id),"
               " (SELECT COUNT(*) FROM test_runs tr JOIN attachments a ON a.test_run_id = tr.id WHERE "
               "tr.run_id = r.id),"
               " (SELECT COALESCE(SUM(OCTET_LENGTH(a.attachment)), 0) FROM test_runs tr JOIN attachments a"
               " ON a.test_run_id = tr.id WHERE tr.run_id = r.id), COALESCE(r.run_at, '1970-01-01'), "
               "UTC_TIMESTAMP(6)"
               " FROM runs r WHERE r.id = ?",
               DB_STR(o->project), DB_STR(o->user), DB_INT(o->run_id));
}

/* Its tests' counts leave the project that had it. */
static bool uncount(struct db_conn *c, const struct owning *o, struct error *err)
{
    return DB_EXEC(
               c, NULL, err,
               "UPDATE (SELECT tr.test_id, COALESCE(tr.status IN ('success', 'xfail'), 0) AS passed,"
               " COALESCE(tr.status IN ('fail', 'uxsuccess'), 0) AS failed, " SQL_SECONDS " AS seconds"
               " FROM test_runs tr WHERE tr.run_id = ? ORDER BY tr.test_id LIMIT 18446744073709551615) d"
               " STRAIGHT_JOIN project_test_stats s ON s.project = ? AND s.tests_id = d.test_id"
               " SET s.runs = s.runs - 1, s.success = s.success - d.passed, s.failure = s.failure - d.failed,"
               " s.run_time = s.run_time - IF(d.passed, COALESCE(d.seconds, 0), 0)",
               DB_INT(o->run_id), DB_CSTR(o->before)) &&
           DB_EXEC(c, NULL, err,
                   "DELETE s FROM test_runs tr STRAIGHT_JOIN project_test_stats s ON s.project = ?"
                   " AND s.tests_id = tr.test_id WHERE tr.run_id = ? AND s.runs <= 0",
                   DB_CSTR(o->before), DB_INT(o->run_id));
}

static bool count(struct db_conn *c, const struct owning *o, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO project_test_stats (project, tests_id, runs, success, failure, run_time)"
                   " SELECT ?, test_id, 1, COALESCE(status IN ('success', 'xfail'), 0),"
                   " COALESCE(status IN ('fail', 'uxsuccess'), 0),"
                   " IF(status IN ('success', 'xfail'), COALESCE(" SQL_SECONDS ", 0), 0)"
                   " FROM test_runs WHERE run_id = ? AND test_id IS NOT NULL ORDER BY test_id"
                   " ON DUPLICATE KEY UPDATE runs = runs + 1, success = success + VALUES(success),"
                   " failure = failure + VALUES(failure), run_time = run_time + VALUES(run_time)",
                   DB_STR(o->project), DB_INT(o->run_id));
}

/* The copies that other tools see. */
static bool set_metadata(struct db_conn *c, const struct owning *o, struct error *err)
{
    static const char insert[] = "INSERT INTO run_metadata (run_id, `key`, value) VALUES (?, ?, ?)";

    return DB_EXEC(c, NULL, err,
                   "DELETE FROM run_metadata WHERE run_id = ? AND `key` IN ('tally_project', 'tally_user')",
                   DB_INT(o->run_id)) &&
           DB_EXEC(c, NULL, err, insert, DB_INT(o->run_id), DB_CSTR("tally_project"), DB_STR(o->project)) &&
           DB_EXEC(c, NULL, err, insert, DB_INT(o->run_id), DB_CSTR("tally_user"), DB_STR(o->user));
}

static bool move_run(struct db_conn *c, struct owning *o, struct error *err)
{
    bool same = o->has_info && str_eq_cstr(o->project, o->before);

    if (o->has_info && !run_lists_take(c, o->run_id, err))
        return false;
    if (o->has_info ? !DB_EXEC(c, NULL, err, "UPDATE run_info SET project = ?, user = ? WHERE run_id = ?",
                               DB_STR(o->project), DB_STR(o->user), DB_INT(o->run_id))
                    : !adopt(c, o, err))
        return false;
    if (!same && !((!o->has_info || uncount(c, o, err)) && count(c, o, err)))
        return false;
    return set_metadata(c, o, err) && run_lists_add(c, o->run_id, err);
}

/* --- a result ------------------------------------------------------------------------------------ */

static bool move_result(struct db_conn *c, const struct owning *o, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO result_info (result_id, project, user, anonymous, cpid, listed, verified, "
                   "created_at)"
                   " SELECT t.id, ?, ?, 0, t.cpid, EXISTS (SELECT 1 FROM meta m WHERE m.test_id = t.id"
                   " AND m.meta_key = 'shared' AND m.value <> ''), COALESCE(t.verification_status <> 0, 0),"
                   " COALESCE(t.created_at, UTC_TIMESTAMP(6)) FROM test t WHERE t.id = ?"
                   " ON DUPLICATE KEY UPDATE project = VALUES(project), user = VALUES(user), anonymous = 0,"
                   " cpid = VALUES(cpid), listed = VALUES(listed), verified = VALUES(verified)",
                   DB_STR(o->project), DB_STR(o->user), DB_CSTR(o->result_id)) &&
           DB_EXEC(c, NULL, err, "DELETE FROM meta WHERE test_id = ? AND meta_key = 'user'",
                   DB_CSTR(o->result_id)) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO meta (created_at, deleted, test_id, meta_key, value)"
                   " VALUES (UTC_TIMESTAMP(), 0, ?, 'user', ?)",
                   DB_CSTR(o->result_id), DB_STR(o->user));
}

/* --- both ---------------------------------------------------------------------------------------- */

static bool set_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct owning *o = arg;

    if (o->run_id && !(lock_run(c, o, err) && move_run(c, o, err)))
        return false;
    return !o->result_id[0] || move_result(c, o, err);
}

/* To do it again is right whether the COMMIT counted or not. */
static bool set_all(struct db_conn *c, struct owning *o, struct error *err)
{
    if (db_transaction(c, set_tx, NULL, o, err))
        return true;
    if (err->code == ER_DUP_ENTRY)
        return error_set(err, ERROR_CONFLICT, "project %.*s has this run's stream already, as another run",
                         STR_ARG(o->project));
    return false;
}

static bool find_run(struct db_conn *c, const char *sql, struct str key, int64_t *run_id, bool *found,
                     struct error *err)
{
    struct db_value value = DB_STR(key);
    struct db_rows *rows = db_query_one(c, sql, &value, 1, found, err);

    if (!rows)
        return false;
    *run_id = *found && !db_is_null(rows, "run_id") ? db_i64(rows, "run_id") : 0;
    db_close(rows);
    return true;
}

bool owner_set_run(struct db_conn *c, struct str uuid, struct str project, struct str user, struct error *err)
{
    struct owning o = {.project = project, .user = user};
    bool found;

    if (!find_run(c, "SELECT id AS run_id FROM runs WHERE uuid = ?", uuid, &o.run_id, &found, err))
        return false;
    return found ? set_all(c, &o, err)
                 : error_set(err, ERROR_NOT_FOUND, "Run %.*s was not found", STR_ARG(uuid));
}

bool owner_set_result(struct db_conn *c, struct str result_id, struct str project, struct str user,
                      struct error *err)
{
    struct owning o = {.project = project, .user = user};
    bool found;

    if (!find_run(c, "SELECT i.run_id FROM test t LEFT JOIN run_info i ON i.result_id = t.id WHERE t.id = ?",
                  result_id, &o.run_id, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "Result %.*s was not found", STR_ARG(result_id));
    snprintf(o.result_id, sizeof(o.result_id), "%.*s", STR_ARG(result_id));
    return set_all(c, &o, err);
}

bool owner_unowned_runs(struct db_conn *c, int64_t *after, char (*uuids)[UUID_TEXT_SIZE], size_t max,
                        size_t *n, struct error *err)
{
    struct db_rows *rows =
        DB_QUERY(c, err,
                 "SELECT r.id, r.uuid FROM runs r LEFT JOIN run_info i ON i.run_id = r.id"
                 " LEFT JOIN run_trash d ON d.run_id = r.id WHERE r.id > ? AND i.project IS NULL"
                 " AND d.run_id IS NULL AND r.uuid IS NOT NULL ORDER BY r.id LIMIT ?",
                 DB_INT(*after), DB_UINT(max));

    *n = 0;
    if (!rows)
        return false;
    while (*n < max && db_next(rows, err)) {
        *after = db_i64(rows, "id");
        snprintf(uuids[(*n)++], UUID_TEXT_SIZE, "%.*s", STR_ARG(db_str(rows, "uuid")));
    }
    return db_end(rows);
}
