#include "config.h"
#include "db/tasks.h"

static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

void task_read(struct db_rows *rows, struct arena *arena, struct task *out)
{
    *out = (struct task){
        .id = keep(arena, db_str(rows, "id")),
        .type = keep(arena, db_str(rows, "type")),
        .status = keep(arena, db_str(rows, "status")),
        .owner = keep(arena, db_str(rows, "owner")),
        .image_id = keep(arena, db_str(rows, "image_id")),
        .request_id = keep(arena, db_str(rows, "request_id")),
        .user_id = keep(arena, db_str(rows, "user_id")),
        .expires_us = db_i64(rows, "expires_us"),
        .created_us = db_i64(rows, "created_us"),
        .updated_us = db_i64(rows, "updated_us"),
        .deleted = db_i64(rows, "deleted") != 0,
        .expired = db_i64(rows, "expired") != 0,
        .bytes_total = -1,
    };
}

/* --- making one --------------------------------------------------------------------------------- */

struct insert {
    struct task *task;
    struct str sealed;
    uint64_t max_pending;
};

/* The database's time, and whether the project's tasks that have not ended leave room for another. Two
 * requests at the same moment may both find the last place free: the limit is there against thousands. */
static bool check_room(struct db_conn *c, const struct insert *in, int64_t *now_us, struct error *err)
{
    struct db_value values[] = {DB_STR(in->task->owner), DB_UINT(in->max_pending)};
    bool found;
    struct db_rows *rows = db_query_one(
        c,
        "SELECT " TASK_US("UTC_TIMESTAMP(6)") " AS now_us, (SELECT COUNT(*) FROM (SELECT 1 FROM"
                                              " task_leases WHERE project = ? LIMIT ?) AS pending) AS n",
        values, 2, &found, err);
    uint64_t n;

    if (!rows)
        return false;
    *now_us = db_i64(rows, "now_us");
    n = db_u64(rows, "n");
    db_close(rows);
    return in->max_pending == 0 || n < in->max_pending ||
           error_set(err, ERROR_TOO_MANY, "the project has %llu tasks that have not ended; no more are taken",
                     (unsigned long long)n);
}

static bool insert_rows(struct db_conn *c, void *arg, struct error *err)
{
    const struct insert *in = arg;
    struct task *t = in->task;
    int64_t now_us;

    if (!check_room(c, in, &now_us, err))
        return false;
    t->created_us = t->updated_us = now_us;
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO tasks (id, type, status, owner, created_at, updated_at, image_id, request_id,"
                   " user_id) VALUES (?, ?, ?, ?, " TASK_TIME ", " TASK_TIME ", ?, ?, ?)",
                   DB_STR(t->id), DB_STR(t->type), DB_STR(t->status), DB_STR(t->owner), DB_INT(now_us),
                   DB_INT(now_us), DB_STR_OR_NULL(t->image_id), DB_STR_OR_NULL(t->request_id),
                   DB_STR_OR_NULL(t->user_id)) &&
           DB_EXEC(c, NULL, err, "INSERT INTO task_info (task_id, input) VALUES (?, ?)", DB_STR(t->id),
                   DB_STR(t->input)) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO task_leases (task_id, project, export_target, next_run_at)"
                   " VALUES (?, ?, ?, " TASK_TIME ")",
                   DB_STR(t->id), DB_STR(t->owner),
                   t->export_target.p ? DB_BYTES(t->export_target) : DB_NULL_VALUE, DB_INT(now_us)) &&
           DB_EXEC(c, NULL, err, "INSERT INTO task_secrets (task_id, sealed) VALUES (?, ?)", DB_STR(t->id),
                   DB_BYTES(in->sealed));
}

/* The connection went in COMMIT: the row says whether it took place. */
static bool is_inserted(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct insert *in = arg;
    struct db_value id = DB_STR(in->task->id);
    struct db_rows *rows = db_query_one(c, "SELECT id FROM tasks WHERE id = ?", &id, 1, done, err);

    if (!rows)
        return false;
    db_close(rows);
    return true;
}

bool tasks_insert(struct db_conn *c, struct task *task, struct str sealed, uint64_t max_pending,
                  struct error *err)
{
    struct insert in = {task, sealed, max_pending};

    task->status = STR("pending");
    return db_transaction(c, insert_rows, is_inserted, &in, err);
}

/* --- looking at one ----------------------------------------------------------------------------- */

bool tasks_get(struct db_conn *c, struct arena *arena, struct str id, struct task *out, bool *found,
               struct error *err)
{
    struct db_value value = DB_STR(id);
    struct db_rows *rows = db_query_one(
        c,
        "SELECT " TASK_COLUMNS ", i.input, i.result, i.message, l.task_id AS lease, l.bytes_done,"
        " l.bytes_total, l.attempts, l.note FROM tasks t LEFT JOIN task_info i ON i.task_id = t.id"
        " LEFT JOIN task_leases l ON l.task_id = t.id WHERE t.id = ?",
        &value, 1, found, err);

    if (!rows)
        return false;
    if (*found) {
        task_read(rows, arena, out);
        out->input = keep(arena, db_str(rows, "input"));
        out->result = keep(arena, db_str(rows, "result"));
        out->message = keep(arena, db_str(rows, "message"));
        out->queued = !db_is_null(rows, "lease");
        out->bytes_done = db_i64(rows, "bytes_done");
        out->bytes_total = db_is_null(rows, "bytes_total") ? -1 : db_i64(rows, "bytes_total");
        out->attempts = db_i64(rows, "attempts");
        out->note = keep(arena, db_str(rows, "note"));
    }
    db_close(rows);
    return true;
}
