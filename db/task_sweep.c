#include "config.h"
#include "db/task_sweep.h"
#include "db/images.h"

#include <mysqld_error.h>

bool sweep_expired_tasks(struct db_conn *c, uint64_t *n, struct error *err)
{
    struct db_done done = {0};
    bool ok = DB_EXEC(c, &done, err,
                      "UPDATE tasks SET deleted = 1, deleted_at = NOW(6) WHERE deleted = 0"
                      " AND expires_at <= NOW(6) ORDER BY expires_at, id LIMIT ?",
                      DB_UINT(SWEEP_BATCH));

    *n = done.affected;
    return ok;
}

/* Found by a plain read: it sees objects and leases of one moment, and what is dead in it stays dead. An
 * UPDATE with this condition would read the objects as they are now and the leases as they were when it
 * began, and take an attempt that began between the two for a dead one. */
bool sweep_dead_attempts(struct db_conn *c, uint64_t *n, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct str found[SWEEP_BATCH];
    struct db_rows *rows = DB_QUERY(
        c, err,
        "SELECT o.object_key FROM store_objects o WHERE o.state = 'writing' AND o.task_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM task_leases l WHERE l.task_id = o.task_id"
        " AND (o.container IS NOT NULL OR (l.epoch = o.epoch AND l.worker IS NOT NULL)))"
        " ORDER BY o.created_at LIMIT ?",
        DB_UINT(SWEEP_BATCH));
    size_t n_found = 0;
    bool ok = rows != NULL;

    *n = 0;
    while (ok && n_found < SWEEP_BATCH && db_next(rows, err))
        found[n_found++] = arena_str(arena, db_str(rows, "object_key"));
    ok = ok && db_end(rows);
    for (size_t i = 0; ok && i < n_found; i++) {
        struct db_done done = {0};

        ok = DB_EXEC(c, &done, err,
                     "UPDATE store_objects SET state = 'dead' WHERE object_key = ? AND state = 'writing'",
                     DB_STR(found[i]));
        *n += done.affected;
    }
    arena_free(arena);
    return ok;
}

/* Those that run are read, and they are no more than the slots of all workers; none is locked for it. */
bool sweep_dead_turns(struct db_conn *c, struct arena *arena, struct sweep_turn **out, size_t *n,
                      struct error *err)
{
    struct db_rows *rows = DB_QUERY(c, err,
                                    "SELECT l.task_id, l.epoch, l.project, i.input FROM task_leases l"
                                    " LEFT JOIN task_info i ON i.task_id = l.task_id WHERE l.worker > ''"
                                    " AND l.lease_until IS NULL AND l.next_run_at < NOW(6) LIMIT ?",
                                    DB_UINT(SWEEP_TURNS));

    *out = arena_calloc(arena, SWEEP_TURNS, sizeof(**out));
    *n = 0;
    if (!rows)
        return false;
    while (*n < SWEEP_TURNS && db_next(rows, err))
        (*out)[(*n)++] = (struct sweep_turn){.task_id = arena_str(arena, db_str(rows, "task_id")),
                                             .project = arena_str(arena, db_str(rows, "project")),
                                             .input = arena_str(arena, db_str(rows, "input")),
                                             .epoch = db_i64(rows, "epoch")};
    return db_end(rows);
}

bool sweep_turn_take(struct db_conn *c, const struct sweep_turn *turn, uint64_t lease, bool *ours,
                     struct error *err)
{
    struct db_done done = {0};
    bool ok = DB_EXEC(c, &done, err,
                      "UPDATE task_leases SET worker = '-', export_turn = export_target,"
                      " next_run_at = NOW(6) + INTERVAL ? SECOND WHERE task_id = ? AND epoch = ?"
                      " AND worker IS NOT NULL AND lease_until IS NULL AND next_run_at < NOW(6)",
                      DB_UINT(lease), DB_STR(turn->task_id), DB_INT(turn->epoch));

    *ours = ok && done.affected > 0;
    return ok || err->code == ER_DUP_ENTRY; /* another export has the turn: later, then */
}

bool sweep_turn_end(struct db_conn *c, const struct sweep_turn *turn, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "DELETE FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = '-'"
                   " AND lease_until IS NULL",
                   DB_STR(turn->task_id), DB_INT(turn->epoch));
}

bool sweep_dead_uploads(struct db_conn *c, uint64_t *n, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct {
        struct str id, key;
    } found[SWEEP_BATCH];
    struct db_rows *rows = DB_QUERY(c, err,
                                    "SELECT object_key, image_id FROM store_objects WHERE state = 'writing'"
                                    " AND task_id IS NULL AND writer_until < NOW(6)"
                                    " ORDER BY created_at LIMIT ?",
                                    DB_UINT(SWEEP_BATCH));
    size_t n_found = 0;
    bool ok = rows != NULL;

    *n = 0;
    while (ok && n_found < SWEEP_BATCH && db_next(rows, err)) {
        found[n_found].id = arena_str(arena, db_str(rows, "image_id"));
        found[n_found++].key = arena_str(arena, db_str(rows, "object_key"));
    }
    ok = ok && db_end(rows);
    for (size_t i = 0; ok && i < n_found; i++) {
        ok = images_upload_abort(c, found[i].id, found[i].key, err);
        (*n)++;
    }
    arena_free(arena);
    return ok;
}

/* An upload whose image was deleted goes on until its end, and then removes what it wrote. Its row is taken
 * away by nobody else as long as it may write: were it killed, no row would tell of its bytes. */
#define WRITER_OVER "(writer_until IS NULL OR writer_until < NOW(6))"

bool sweep_dead_objects(struct db_conn *c, struct arena *arena, struct str task_id,
                        const struct sweep_object *after, struct sweep_object **out, size_t *n,
                        struct error *err)
{
    struct db_rows *rows;

    *out = arena_calloc(arena, SWEEP_BATCH, sizeof(**out));
    *n = 0;
    if (task_id.p)
        rows =
            DB_QUERY(c, err,
                     "SELECT object_key, container, project, 0 AS created_us FROM store_objects"
                     " WHERE task_id = ? AND state = 'dead' AND " WRITER_OVER " ORDER BY object_key LIMIT ?",
                     DB_STR(task_id), DB_UINT(SWEEP_BATCH));
    else
        rows = DB_QUERY(
            c, err,
            "SELECT object_key, container, project,"
            " TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at) AS created_us"
            " FROM store_objects WHERE state = 'dead' AND " WRITER_OVER " AND (created_at, object_key) >"
            " ('1970-01-01' + INTERVAL ? MICROSECOND, ?)"
            " ORDER BY created_at, object_key LIMIT ?",
            DB_INT(after->created_us), DB_STR(after->key.p ? after->key : STR("")), DB_UINT(SWEEP_BATCH));
    if (!rows)
        return false;
    while (*n < SWEEP_BATCH && db_next(rows, err)) {
        struct sweep_object *o = &(*out)[(*n)++];

        o->key = arena_str(arena, db_str(rows, "object_key"));
        if (!db_is_null(rows, "container"))
            o->container = arena_str(arena, db_str(rows, "container"));
        o->project = arena_str(arena, db_str(rows, "project"));
        o->created_us = db_i64(rows, "created_us");
    }
    return db_end(rows);
}

bool sweep_removable(struct db_conn *c, struct str key, bool *removable, struct error *err)
{
    struct db_value value = DB_STR(key);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT state FROM store_objects WHERE object_key = ?", &value, 1, &found, err);

    if (!rows)
        return false;
    *removable = !found || str_eq_cstr(db_str(rows, "state"), "dead");
    db_close(rows);
    return true;
}

bool sweep_workers(struct db_conn *c, uint64_t *n, struct error *err)
{
    struct db_done done = {0};
    bool ok =
        db_exec(c, "DELETE FROM workers WHERE heartbeat_at < NOW(6) - INTERVAL 1 DAY", NULL, 0, &done, err);

    *n = done.affected;
    return ok;
}
