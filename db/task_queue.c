/* Holding a task: claimed, read, kept alive, handed back, under one epoch. */
#include "config.h"
#include "db/task_queue.h"
#include "base/fault.h"
#include "db/images.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

struct claiming {
    const struct task_candidate *candidate;
    const char *worker;
    uint64_t lease, max_per_project;
    bool ours;
};

/* Both tables in one statement: a task is never claimed without being seen as processing. The turn of an
 * export is a unique key: who is second, on whichever node of a cluster, has not claimed. */
static bool take(struct db_conn *c, struct claiming *k, struct error *err)
{
    struct db_done done;

    k->ours = false;
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases l JOIN tasks t ON t.id = l.task_id"
                 " SET l.worker = ?, l.epoch = l.epoch + 1, l.attempts = l.attempts + 1,"
                 " l.lease_until = NOW(6) + INTERVAL ? SECOND, l.started_at = COALESCE(l.started_at, NOW(6)),"
                 " l.bytes_done = 0, l.bytes_total = NULL, l.note = NULL, l.export_turn = l.export_target,"
                 " t.status = 'processing', t.updated_at = NOW(6)"
                 " WHERE l.task_id = ? AND l.epoch = ? AND t.status IN ('pending', 'processing')"
                 " AND IF(?, l.lease_until < NOW(6), l.worker IS NULL AND l.next_run_at <= NOW(6))",
                 DB_CSTR(k->worker), DB_UINT(k->lease), DB_CSTR(k->candidate->task_id),
                 DB_INT(k->candidate->epoch), DB_INT(k->candidate->expired)))
        return false;
    k->ours = done.affected > 0;
    return true;
}

/* How many its project runs is counted in its own turn and before anybody else sees the claim, so that of two
 * workers at the same moment the second one counts the first one's, on whichever node of a cluster. */
static bool take_within_limit(struct db_conn *c, void *arg, struct error *err)
{
    struct claiming *k = arg;
    struct db_value project = DB_CSTR(k->candidate->project);
    struct db_rows *rows;
    bool found;

    if (!take(c, k, err))
        return false;
    if (!k->ours)
        return true;
    if (!images_quota_lock(c, str_of(k->candidate->project), err))
        return false;
    rows = db_query_one(c,
                        "SELECT COUNT(*) AS running FROM task_leases"
                        " WHERE project = ? AND worker IS NOT NULL AND lease_until IS NOT NULL",
                        &project, 1, &found, err);
    if (!rows)
        return false;
    k->ours = found && db_u64(rows, "running") <= k->max_per_project;
    db_close(rows);
    return k->ours || error_set(err, ERROR_TOO_MANY, "the project runs as many tasks as it may");
}

bool task_queue_claim(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                      uint64_t lease, uint64_t max_per_project, struct task_hold *hold, bool *ours,
                      struct error *err)
{
    struct claiming k = {candidate, worker, lease, max_per_project, false};
    /* what goes on under another worker makes no more of them */
    bool ok = max_per_project && !candidate->expired ? db_transaction(c, take_within_limit, NULL, &k, err)
                                                     : take(c, &k, err);

    *ours = ok && k.ours;
    if (!ok)
        return err->code == ER_DUP_ENTRY || err->kind == ERROR_TOO_MANY;
    if (!*ours)
        return true;
    memcpy(hold->task_id, candidate->task_id, sizeof(hold->task_id));
    snprintf(hold->worker, sizeof(hold->worker), "%s", worker);
    hold->epoch = candidate->epoch + 1;
    return true;
}

bool task_queue_disown(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                       struct error *err)
{
    struct task_hold hold;
    bool ours;

    memcpy(hold.task_id, candidate->task_id, sizeof(hold.task_id));
    snprintf(hold.worker, sizeof(hold.worker), "%s", worker);
    hold.epoch = candidate->epoch + 1;
    return task_queue_release(c, &hold, TASK_HAND_BACK, 0, (struct str){NULL, 0}, &ours, err);
}

bool task_queue_read(struct db_conn *c, struct arena *arena, const struct task_hold *hold,
                     struct task_work *out, bool *ours, struct error *err)
{
    const struct db_value values[] = {DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)};
    struct db_rows *rows = db_query_one(
        c,
        "SELECT t.type, t.owner, t.user_id, t.request_id, i.input, s.sealed, l.attempts, l.cancel,"
        " l.export_turn, TIMESTAMPDIFF(MICROSECOND, l.started_at, NOW(6)) AS elapsed_us"
        " FROM task_leases l JOIN tasks t ON t.id = l.task_id LEFT JOIN task_info i ON i.task_id = l.task_id"
        " LEFT JOIN task_secrets s ON s.task_id = l.task_id"
        " WHERE l.task_id = ? AND l.epoch = ? AND l.worker = ?",
        values, 3, ours, err);

    if (!rows)
        return false;
    if (*ours) {
        out->type = arena_str(arena, db_str(rows, "type"));
        out->owner = arena_str(arena, db_str(rows, "owner"));
        out->user_id = arena_str(arena, db_str(rows, "user_id"));
        out->request_id = arena_str(arena, db_str(rows, "request_id"));
        out->input = arena_str(arena, db_str(rows, "input"));
        out->sealed = out->turn = (struct str){NULL, 0};
        if (!db_is_null(rows, "sealed"))
            out->sealed = arena_str(arena, db_str(rows, "sealed"));
        if (!db_is_null(rows, "export_turn"))
            out->turn = arena_str(arena, db_str(rows, "export_turn"));
        out->attempts = db_i64(rows, "attempts");
        out->elapsed_us = db_i64(rows, "elapsed_us");
        out->cancel = db_i64(rows, "cancel") != 0;
    }
    db_close(rows);
    return true;
}

bool task_queue_beat(struct db_conn *c, const struct task_hold *hold, uint64_t lease, int64_t bytes_done,
                     int64_t bytes_total, bool *ours, bool *cancel, struct error *err)
{
    const struct db_value key[] = {DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)};
    struct db_done done;
    struct db_rows *rows;

    *ours = *cancel = false;
    if (fault_point("lease.beat"))
        return error_set(err, ERROR_UNAVAILABLE, "fault point lease.beat");
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases SET lease_until = NOW(6) + INTERVAL ? SECOND, bytes_done = ?,"
                 " bytes_total = ? WHERE task_id = ? AND epoch = ? AND worker = ?",
                 DB_UINT(lease), DB_INT(bytes_done), bytes_total < 0 ? DB_NULL_VALUE : DB_INT(bytes_total),
                 key[0], key[1], key[2]))
        return false;
    if (done.affected == 0)
        return true;
    rows = db_query_one(c, "SELECT cancel FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = ?",
                        key, 3, ours, err);
    if (!rows)
        return false;
    *cancel = *ours && db_i64(rows, "cancel") != 0;
    db_close(rows);
    return true;
}

/* --- turns ---------------------------------------------------------------------------------------- */

bool task_queue_take_turn(struct db_conn *c, const struct task_hold *hold,
                          const unsigned char target[SHA256_SIZE], bool *ours, struct error *err)
{
    const struct db_value key = DB_BYTES(((struct str){(const char *)target, SHA256_SIZE}));
    struct db_done done;

    /* Each alone: what stays of it is where the next claim looks. */
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases SET export_target = ?, export_turn = NULL"
                 " WHERE task_id = ? AND epoch = ? AND worker = ?",
                 key, DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)))
        return false;
    *ours = done.affected > 0;
    if (!*ours || DB_EXEC(c, NULL, err,
                          "UPDATE task_leases SET export_turn = export_target"
                          " WHERE task_id = ? AND epoch = ? AND worker = ?",
                          DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)))
        return true;
    return err->code == ER_DUP_ENTRY
               ? error_set(err, ERROR_TOO_MANY, "Another export of the image to that container is under way")
               : false;
}

bool task_queue_clear(struct db_conn *c, const struct task_hold *hold, uint64_t lease, bool *ours,
                      struct error *err)
{
    struct db_done done = {0};
    bool ok = DB_EXEC(c, &done, err,
                      "UPDATE task_leases SET next_run_at = NOW(6) + INTERVAL ? SECOND WHERE task_id = ?"
                      " AND epoch = ? + 1 AND worker = ? AND lease_until IS NULL AND next_run_at > NOW(6)",
                      DB_UINT(lease), DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker));

    *ours = ok && done.affected > 0;
    return ok;
}

bool task_queue_cleared(struct db_conn *c, const struct task_hold *hold, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "DELETE FROM task_leases WHERE task_id = ? AND epoch = ? + 1 AND worker = ?"
                   " AND lease_until IS NULL",
                   DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker));
}

/* --- letting go ------------------------------------------------------------------------------------ */

struct release {
    const struct task_hold *hold;
    enum task_release how;
    int64_t delay_us;
    struct str note;
    bool ours;
};

static bool release_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct release *r = arg;
    struct db_done done;

    r->ours = false;
    /* A statement of its own, for in the next one nothing says whether "attempts" is the old or the new
     * value. */
    if (r->how == TASK_HAND_BACK &&
        !DB_EXEC(c, NULL, err,
                 "UPDATE task_leases SET started_at = NULL WHERE task_id = ? AND epoch = ? AND worker = ?"
                 " AND attempts <= 1",
                 DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch), DB_CSTR(r->hold->worker)))
        return false;
    if (!DB_EXEC(
            c, &done, err,
            "UPDATE task_leases l JOIN tasks t ON t.id = l.task_id"
            " SET l.worker = NULL, l.lease_until = NULL, l.export_turn = NULL, l.attempts = l.attempts - ?,"
            " l.next_run_at = NOW(6) + INTERVAL ? MICROSECOND, l.note = ?,"
            " l.bytes_done = 0, l.bytes_total = NULL, t.status = 'pending', t.updated_at = NOW(6)"
            " WHERE l.task_id = ? AND l.epoch = ? AND l.worker = ?",
            DB_INT(r->how == TASK_HAND_BACK ? 1 : 0), DB_INT(r->delay_us), DB_STR_OR_NULL(r->note),
            DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch), DB_CSTR(r->hold->worker)))
        return false;
    if (done.affected == 0)
        return true;
    r->ours = true;
    /* Parts of an export stay until the task's end: an object may be made of them although nobody heard so.
     */
    return DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET state = 'dead' WHERE task_id = ? AND epoch = ?"
                   " AND state = 'writing' AND container IS NULL",
                   DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch));
}

/* After a COMMIT without an answer: a lease that is not held under this epoch any more was let go of. */
static bool release_confirm(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct release *r = arg;
    const struct db_value key[] = {DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch),
                                   DB_CSTR(r->hold->worker)};
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT epoch FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = ?", key,
                     3, &found, err);

    db_close(rows);
    *done = rows && !found;
    return rows != NULL;
}

bool task_queue_release(struct db_conn *c, const struct task_hold *hold, enum task_release how,
                        int64_t delay_us, struct str note, bool *ours, struct error *err)
{
    struct release r = {hold, how, delay_us, note, false};

    if (note.n > 255) {
        size_t n = 252;

        while (n > 0 && ((unsigned char)note.p[n] & 0xc0) == 0x80)
            n--;
        r.note.n = n;
    }
    bool ok = db_transaction(c, release_tx, release_confirm, &r, err);
    *ours = r.ours;
    return ok;
}
