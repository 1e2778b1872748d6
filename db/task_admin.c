#include "config.h"
#include "db/task_admin.h"
#include "base/fault.h"

#include <stdio.h>

enum { PURGE_BATCH = 500 };

static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

#define LEASE_UNTIL TASK_US("l.lease_until") " AS lease_us"
#define NEXT_RUN TASK_US("l.next_run_at") " AS next_us"
#define STARTED TASK_US("l.started_at") " AS started_us"

bool task_lease_get(struct db_conn *c, struct arena *arena, struct str id, struct task_lease *out,
                    bool *found, struct error *err)
{
    static const char sql[] =
        "SELECT l.worker, l.epoch, l.attempts, l.cancel, s.task_id AS secret,"
        " IF(l.worker IS NULL AND o.task_id IS NOT NULL, CONCAT('waits for task ', o.task_id,"
        " ', an export of the same image to the same container'), l.note) AS note,"
        " " LEASE_UNTIL ", " NEXT_RUN ", " STARTED
        " FROM task_leases l LEFT JOIN task_secrets s ON s.task_id = l.task_id"
        " LEFT JOIN task_leases o ON o.export_turn = l.export_target AND o.task_id <> l.task_id"
        " WHERE l.task_id = ?";
    struct db_value value = DB_STR(id);
    struct db_rows *rows = db_query_one(c, sql, &value, 1, found, err);

    if (!rows)
        return false;
    if (*found)
        *out = (struct task_lease){.worker = keep(arena, db_str(rows, "worker")),
                                   .epoch = db_i64(rows, "epoch"),
                                   .attempts = db_i64(rows, "attempts"),
                                   .lease_until_us = db_i64(rows, "lease_us"),
                                   .next_run_us = db_i64(rows, "next_us"),
                                   .started_us = db_i64(rows, "started_us"),
                                   .cancel = db_i64(rows, "cancel") != 0,
                                   .has_secret = !db_is_null(rows, "secret"),
                                   .note = keep(arena, db_str(rows, "note"))};
    db_close(rows);
    return true;
}

/* --- one task ----------------------------------------------------------------------------------- */

struct change {
    struct str id;
    struct str message;
    uint64_t ttl_hours;
};

/* Locks the lease of a task that has not ended. */
static bool lock_lease(struct db_conn *c, struct str id, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found, exists;
    struct db_rows *rows =
        db_query_one(c, "SELECT epoch FROM task_leases WHERE task_id = ? FOR UPDATE", &value, 1, &found, err);

    if (!rows)
        return false;
    db_close(rows);
    rows = db_query_one(c, "SELECT status FROM tasks WHERE id = ?", &value, 1, &exists, err);
    if (!rows)
        return false;
    bool ended = exists && (str_eq_cstr(db_str(rows, "status"), "success") ||
                            str_eq_cstr(db_str(rows, "status"), "failure"));
    db_close(rows);
    if (found && !ended)
        return true;
    return exists ? error_set(err, ERROR_CONFLICT, "task %.*s has ended already", STR_ARG(id))
                  : error_set(err, ERROR_NOT_FOUND, "task %.*s was not found", STR_ARG(id));
}

/* What an attempt has written so far is nobody's. */
static bool bury_objects(struct db_conn *c, struct str id, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET state = 'dead' WHERE task_id = ? AND state = 'writing'",
                   DB_STR(id));
}

/* The lease goes; but where an export was begun, its object may be in the container. The worker that has it
 * may be writing until its lease ends, and then clears away what it wrote: for so long it keeps the turn.
 * After that, or where no worker has it, the sweeper does so. No look at the queue finds such a row. */
static bool end_lease(struct db_conn *c, struct str id, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "UPDATE task_leases SET epoch = epoch + 1, worker = COALESCE(worker, '-'), next_run_at ="
                   " GREATEST(UTC_TIMESTAMP(6), COALESCE(lease_until, UTC_TIMESTAMP(6))), lease_until = NULL"
                   " WHERE task_id = ? AND export_target IS NOT NULL AND epoch > 0",
                   DB_STR(id)) &&
           DB_EXEC(
               c, NULL, err,
               "DELETE FROM task_leases WHERE task_id = ? AND (worker IS NULL OR lease_until IS NOT NULL)",
               DB_STR(id));
}

static bool fail_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *ch = arg;

    return lock_lease(c, ch->id, err) && bury_objects(c, ch->id, err) &&
           DB_EXEC(c, NULL, err,
                   "UPDATE tasks SET status = 'failure', updated_at = UTC_TIMESTAMP(6), expires_at ="
                   " UTC_TIMESTAMP(6) + INTERVAL ? HOUR WHERE id = ?",
                   DB_UINT(ch->ttl_hours), DB_STR(ch->id)) &&
           DB_EXEC(c, NULL, err, "UPDATE task_info SET result = NULL, message = ? WHERE task_id = ?",
                   DB_STR(ch->message), DB_STR(ch->id)) &&
           DB_EXEC(c, NULL, err, "DELETE FROM task_secrets WHERE task_id = ?", DB_STR(ch->id)) &&
           end_lease(c, ch->id, err);
}

bool task_admin_fail(struct db_conn *c, struct str id, struct str message, uint64_t ttl_hours,
                     struct error *err)
{
    struct change ch = {id, message, ttl_hours};

    return db_transaction(c, fail_tx, NULL, &ch, err);
}

static bool requeue_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *ch = arg;

    /* The worker that has an export may be writing until its lease ends: only then it begins anew. */
    return lock_lease(c, ch->id, err) && bury_objects(c, ch->id, err) &&
           DB_EXEC(c, NULL, err,
                   "UPDATE task_leases SET next_run_at = IF(export_turn IS NULL, UTC_TIMESTAMP(6),"
                   " GREATEST(UTC_TIMESTAMP(6), COALESCE(lease_until, next_run_at))),"
                   " worker = NULL, epoch = epoch + 1, lease_until = NULL, attempts = 0, started_at = NULL,"
                   " bytes_done = 0, bytes_total = NULL, cancel = 0, note = NULL WHERE task_id = ?",
                   DB_STR(ch->id)) &&
           DB_EXEC(c, NULL, err,
                   "UPDATE tasks SET status = 'pending', updated_at = UTC_TIMESTAMP(6) WHERE id = ?",
                   DB_STR(ch->id));
}

bool task_admin_requeue(struct db_conn *c, struct str id, struct error *err)
{
    struct change ch = {.id = id};

    return db_transaction(c, requeue_tx, NULL, &ch, err);
}

/* One that waits for its next attempt is to be looked at now. */
static bool cancel_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *ch = arg;

    return lock_lease(c, ch->id, err) &&
           DB_EXEC(c, NULL, err,
                   "UPDATE task_leases SET cancel = 1, next_run_at = IF(export_turn IS NULL,"
                   " LEAST(next_run_at, UTC_TIMESTAMP(6)), next_run_at) WHERE task_id = ?",
                   DB_STR(ch->id));
}

bool task_admin_cancel(struct db_conn *c, struct str id, struct error *err)
{
    struct change ch = {.id = id};

    return db_transaction(c, cancel_tx, NULL, &ch, err);
}

/* --- many ---------------------------------------------------------------------------------------- */

struct batch {
    uint64_t days;
    bool deleted; /* those that the sweeper has seen; then those that it has not */
    char id[PURGE_BATCH][37];
    size_t n;
};

#define EXPIRED                                                                               \
    " FROM tasks t WHERE t.deleted = ? AND t.expires_at <= UTC_TIMESTAMP(6) - INTERVAL ? DAY" \
    " AND NOT EXISTS (SELECT 1 FROM task_leases l WHERE l.task_id = t.id)"

static bool count_expired(struct db_conn *c, uint64_t days, uint64_t *n, struct error *err)
{
    *n = 0;
    for (int deleted = 0; deleted <= 1; deleted++) {
        struct db_value values[] = {DB_INT(deleted), DB_UINT(days)};
        bool found;
        struct db_rows *rows = db_query_one(c, "SELECT COUNT(*) AS n" EXPIRED, values, 2, &found, err);

        if (!rows)
            return false;
        *n += db_u64(rows, "n");
        db_close(rows);
    }
    return true;
}

static bool purge_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct batch *b = arg;
    struct db_rows *rows = DB_QUERY(c, err, "SELECT t.id" EXPIRED " ORDER BY t.expires_at, t.id LIMIT ?",
                                    DB_INT(b->deleted), DB_UINT(b->days), DB_UINT(PURGE_BATCH));

    if (!rows)
        return false;
    b->n = 0;
    while (db_next(rows, err))
        snprintf(b->id[b->n++], sizeof(b->id[0]), "%.*s", STR_ARG(db_str(rows, "id")));
    if (!db_end(rows))
        return false;
    for (size_t i = 0; i < b->n; i++)
        if (!DB_EXEC(c, NULL, err, "DELETE FROM task_info WHERE task_id = ?", DB_CSTR(b->id[i])) ||
            !DB_EXEC(c, NULL, err, "DELETE FROM tasks WHERE id = ?", DB_CSTR(b->id[i])))
            return false;
    return !fault_point("purge.before_commit") ||
           error_set(err, ERROR_UNAVAILABLE, "fault purge.before_commit");
}

bool task_admin_purge(struct db_conn *c, uint64_t days, bool dry_run, uint64_t *n, struct error *err)
{
    struct batch b = {.days = days};

    if (dry_run)
        return count_expired(c, days, n, err);
    *n = 0;
    for (int deleted = 0; deleted <= 1; deleted++) {
        b.deleted = deleted;
        do {
            if (!db_transaction(c, purge_tx, NULL, &b, err))
                return false;
            *n += b.n;
        } while (b.n == PURGE_BATCH);
    }
    return true;
}
