#include "config.h"
#include "db/workers.h"

bool worker_beat(struct db_conn *c, const struct worker_row *row, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO workers (name, host, pid, slots, draining, started_at, heartbeat_at)"
                   " VALUES (?, ?, ?, ?, ?, NOW(6), NOW(6))"
                   " ON DUPLICATE KEY UPDATE slots = VALUES(slots), draining = VALUES(draining),"
                   " heartbeat_at = VALUES(heartbeat_at)",
                   DB_STR(row->name), DB_STR(row->host), DB_INT(row->pid), DB_INT(row->slots),
                   DB_INT(row->draining));
}

bool worker_gone(struct db_conn *c, struct str name, struct error *err)
{
    return DB_EXEC(c, NULL, err, "DELETE FROM workers WHERE name = ?", DB_STR(name));
}

static void read_worker(struct db_rows *rows, struct worker_row *w)
{
    w->name = db_str(rows, "name");
    w->host = db_str(rows, "host");
    w->pid = db_i64(rows, "pid");
    w->slots = db_i64(rows, "slots");
    w->draining = db_i64(rows, "draining") != 0;
    w->started_us = db_i64(rows, "started_us");
    w->beat_us = db_i64(rows, "beat_us");
    w->age_us = db_i64(rows, "age_us");
}

static void read_task(struct db_rows *rows, struct worker_task *t)
{
    t->task_id = db_str(rows, "task_id");
    t->type = db_str(rows, "type");
    t->project = db_str(rows, "project");
    t->epoch = db_i64(rows, "epoch");
    t->attempts = db_i64(rows, "attempts");
    t->lease_us = db_i64(rows, "lease_us");
    t->bytes_done = db_i64(rows, "bytes_done");
    t->bytes_total = db_is_null(rows, "bytes_total") ? -1 : db_i64(rows, "bytes_total");
}

bool worker_list(struct db_conn *c, worker_each_fn each, void *arg, struct error *err)
{
    /* A lease whose worker has no row any more is shown too. */
    struct db_rows *rows = db_query(
        c,
        "SELECT n.name, COALESCE(w.host, '') AS host, COALESCE(w.pid, 0) AS pid, COALESCE(w.slots, "
        "0) AS slots,"
        " COALESCE(w.draining, 0) AS draining,"
        " CAST(UNIX_TIMESTAMP(w.started_at) * 1000000 AS SIGNED) AS started_us,"
        " CAST(UNIX_TIMESTAMP(w.heartbeat_at) * 1000000 AS SIGNED) AS beat_us,"
        " TIMESTAMPDIFF(MICROSECOND, w.heartbeat_at, NOW(6)) AS age_us, l.task_id, t.type, "
        "l.project, l.epoch,"
        " l.attempts, TIMESTAMPDIFF(MICROSECOND, NOW(6), l.lease_until) AS lease_us, l.bytes_done,"
        " l.bytes_total FROM (SELECT name FROM workers UNION SELECT worker FROM task_leases"
        " WHERE worker IS NOT NULL AND lease_until IS NOT NULL) n LEFT JOIN workers w ON w.name = n.name"
        " LEFT JOIN task_leases l ON l.worker = n.name AND l.lease_until IS NOT NULL LEFT JOIN tasks t ON "
        "t.id = l.task_id"
        " ORDER BY n.name, l.task_id",
        NULL, 0, err);
    bool ok = true;

    if (!rows)
        return false;
    while (ok && db_next(rows, err)) {
        struct worker_row w;
        struct worker_task t;
        bool busy = !db_is_null(rows, "task_id");

        read_worker(rows, &w);
        if (busy)
            read_task(rows, &t);
        ok = each(arg, &w, busy ? &t : NULL, err);
    }
    return db_end(rows) && ok;
}

bool workers_last_seen(struct db_conn *c, int64_t *seconds, struct error *err)
{
    bool found;
    struct db_rows *rows = db_query_one(
        c, "SELECT TIMESTAMPDIFF(SECOND, MAX(heartbeat_at), UTC_TIMESTAMP(6)) AS seconds FROM workers", NULL,
        0, &found, err);

    if (!rows)
        return false;
    *seconds = found && !db_is_null(rows, "seconds") ? db_i64(rows, "seconds") : -1;
    db_close(rows);
    return true;
}
