#include "config.h"
#include "db/task_finish.h"
#include "base/fault.h"

#include <mysqld_error.h>

#define HOLD_KEY(hold) DB_CSTR((hold)->task_id), DB_INT((hold)->epoch), DB_CSTR((hold)->worker)

static const struct str none = {NULL, 0};

/* --- objects -------------------------------------------------------------------------------------- */

struct beginning {
    const struct task_hold *hold;
    const struct task_object *object;
    bool ours;
};

static bool begin_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct beginning *b = arg;
    const struct task_object *o = b->object;
    struct db_done done;

    b->ours = false;
    if (o->quota) {
        struct image_need room = {.image = true, .bytes_known = true, .bytes = o->size};
        struct image_need turn = {.in_flight = true};

        if (!images_quota_check(c, o->project, o->quota, &room, err))
            return false;
        if (!images_quota_check(c, o->project, o->quota, &turn, err)) {
            if (err->kind == ERROR_TOO_LARGE)
                err->kind = ERROR_TOO_MANY;
            return false;
        }
    }
    /* The lease and the row in one statement: it replaces the row of a record whose answer was lost. */
    if (!DB_EXEC(c, &done, err,
                 "INSERT INTO store_objects (object_key, container, project, image_id, task_id, epoch, state,"
                 " size, created_at) SELECT ?, ?, ?, ?, task_id, epoch, 'writing', ?, NOW(6) FROM task_leases"
                 " WHERE task_id = ? AND epoch = ? AND worker = ?"
                 " ON DUPLICATE KEY UPDATE created_at = VALUES(created_at)",
                 DB_STR(o->key), DB_STR_OR_NULL(o->container), DB_STR(o->project),
                 DB_STR_OR_NULL(o->image_id), DB_UINT(o->container.p ? 0 : o->size), HOLD_KEY(b->hold)))
        return false;
    b->ours = done.affected > 0;
    return true;
}

bool task_object_begin(struct db_conn *c, const struct task_hold *hold, const struct task_object *object,
                       bool *ours, struct error *err)
{
    struct beginning b = {hold, object, false};
    const struct image_quota *q = object->quota;
    /* Without limits it is one statement, which needs no transaction around it. */
    bool ok = q && (q->max_images || q->max_bytes || q->max_in_flight)
                  ? db_transaction(c, begin_tx, NULL, &b, err)
                  : begin_tx(c, &b, err);

    *ours = b.ours;
    return ok;
}

/* --- what all ends share -------------------------------------------------------------------------- */

struct finish {
    const struct task_end *end;
    const struct task_image *image;
    const unsigned char *source_sha256;
    struct str image_id; /* source of a clone or export */
    struct str project;
    struct str sha512;
    struct str message;
    bool ours;
};

/* The lease, locked, is still this attempt's; and the input is what the work was done for. */
static bool check_hold(struct db_conn *c, struct finish *f, struct error *err)
{
    const struct db_value key[] = {HOLD_KEY(f->end->hold)};
    struct db_rows *rows = db_query_one(c,
                                        "SELECT i.input FROM task_leases l JOIN task_info i"
                                        " ON i.task_id = l.task_id WHERE l.task_id = ? AND l.epoch = ?"
                                        " AND l.worker = ? FOR UPDATE",
                                        key, 3, &f->ours, err);

    if (!rows)
        return false;
    bool same = !f->ours || !f->end->input.p || str_eq(db_str(rows, "input"), f->end->input);
    db_close(rows);
    if (!f->ours)
        return error_set(err, ERROR_ABORTED, "the task is another attempt's");
    if (!same) {
        error_set(err, ERROR_CONFLICT, "The task's input was changed while it was carried out");
        err->code = TASK_INPUT_CHANGED;
    }
    return same;
}

/* The task's row and the end of its lease and secret. */
static bool end_task(struct db_conn *c, const struct finish *f, const char *status, struct str image_id,
                     struct error *err)
{
    const struct task_hold *hold = f->end->hold;
    struct db_done done;

    if (!DB_EXEC(c, NULL, err,
                 "UPDATE tasks t JOIN task_info i ON i.task_id = t.id SET t.status = ?,"
                 " t.image_id = COALESCE(?, t.image_id), t.updated_at = NOW(6),"
                 " t.expires_at = NOW(6) + INTERVAL ? HOUR, i.result = ?, i.message = ? WHERE t.id = ?",
                 DB_CSTR(status), DB_STR_OR_NULL(image_id), DB_UINT(f->end->ttl_hours),
                 DB_STR_OR_NULL(f->end->result), DB_STR(f->message), DB_CSTR(hold->task_id)))
        return false;
    if (!DB_EXEC(c, NULL, err, "DELETE FROM task_secrets WHERE task_id = ?", DB_CSTR(hold->task_id)))
        return false;
    if (!DB_EXEC(c, &done, err, "DELETE FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = ?",
                 HOLD_KEY(hold)))
        return false;
    return done.affected == 1 || error_set(err, ERROR_ABORTED, "the task is another attempt's");
}

/* Objects that this task's attempts began and that did not become anybody's. */
static bool bury_objects(struct db_conn *c, const struct finish *f, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET state = 'dead' WHERE task_id = ? AND state = 'writing'",
                   DB_CSTR(f->end->hold->task_id));
}

/* After a COMMIT without an answer: did the task end as we said? */
static bool confirm(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct finish *f = arg;
    struct db_value id = DB_CSTR(f->end->hold->task_id);
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT t.status, i.result, i.message FROM tasks t JOIN task_info i"
                                        " ON i.task_id = t.id WHERE t.id = ?",
                                        &id, 1, &found, err);

    *done = false;
    if (!rows)
        return false;
    if (found && f->end->result.p)
        *done =
            str_eq_cstr(db_str(rows, "status"), "success") && str_eq(db_str(rows, "result"), f->end->result);
    else if (found)
        *done = str_eq_cstr(db_str(rows, "status"), "failure") && str_eq(db_str(rows, "message"), f->message);
    db_close(rows);
    return true;
}

/* False from the transaction because the lease is gone is no failure of the caller's. */
static bool run(struct db_conn *c, db_tx_fn fn, struct finish *f, bool *ours, struct error *err)
{
    bool ok = db_transaction(c, fn, confirm, f, err);

    *ours = f->ours;
    /* The lease is gone: it may be an earlier call of ours, whose answer was lost, that ended the task. */
    if (!ok && err->kind == ERROR_ABORTED)
        return confirm(c, f, ours, err);
    return ok;
}

static bool add_image(struct db_conn *c, const struct task_image *image, struct error *err)
{
    return images_insert(c, image->image, image->quota, err) &&
           images_activate(c, image->image->id, image->key, image->data, image->quota, err);
}

/* --- import --------------------------------------------------------------------------------------- */

/* Says which image it is that PROJECT has imported already; false where there is none, or on error. */
static bool name_import(struct db_conn *c, struct str project, const char *sql, struct db_value value,
                        struct error *err)
{
    const struct db_value values[] = {DB_STR(project), value};
    bool found;
    struct db_rows *rows = db_query_one(c, sql, values, 2, &found, err);

    if (!rows)
        return false;
    if (found)
        error_set(err, ERROR_CONFLICT, "This image has been imported already. Image: %.*s (task %.*s)",
                  STR_ARG(db_str(rows, "image_id")), STR_ARG(db_str(rows, "task_id")));
    db_close(rows);
    return !found;
}

static bool never_exported(struct db_conn *c, struct str project, struct str sha512, struct error *err)
{
    const struct db_value values[] = {DB_STR(project), DB_STR(sha512)};
    bool found;
    struct db_rows *rows = db_query_one(
        c, "SELECT task_id FROM exported_contents WHERE project = ? AND content_sha512 = UNHEX(?)", values, 2,
        &found, err);

    if (!rows)
        return false;
    if (found)
        error_set(err, ERROR_CONFLICT,
                  "An exported image cannot be imported again: this content was exported by task %.*s",
                  STR_ARG(db_str(rows, "task_id")));
    db_close(rows);
    return !found;
}

static struct db_value bytes_of(const unsigned char *sha256)
{
    return sha256 ? DB_BYTES(((struct str){(const char *)sha256, TASK_SOURCE_SIZE})) : DB_NULL_VALUE;
}

bool task_import_allowed(struct db_conn *c, struct str project, const unsigned char *source_sha256,
                         struct str sha512, struct error *err)
{
    if (source_sha256 && !name_import(c, project,
                                      "SELECT image_id, task_id FROM import_sources WHERE project = ?"
                                      " AND source_sha256 = ?",
                                      bytes_of(source_sha256), err))
        return false;
    if (!sha512.p)
        return true;
    return never_exported(c, project, sha512, err) &&
           name_import(c, project,
                       "SELECT image_id, task_id FROM import_sources WHERE project = ?"
                       " AND content_sha512 = UNHEX(?)",
                       DB_STR(sha512), err);
}

static bool import_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct finish *f = arg;
    const struct image *image = f->image->image;
    struct str sha512 = f->image->data->os_hash_value;

    if (!check_hold(c, f, err) || !never_exported(c, image->owner, sha512, err) ||
        !add_image(c, f->image, err))
        return false;
    /* Two at the same moment: the second waits here for the first, and finds it there. */
    if (!DB_EXEC(c, NULL, err,
                 "INSERT INTO import_sources (image_id, task_id, project, source_sha256, content_sha512)"
                 " VALUES (?, ?, ?, ?, UNHEX(?))",
                 DB_STR(image->id), DB_CSTR(f->end->hold->task_id), DB_STR(image->owner),
                 bytes_of(f->source_sha256), DB_STR(sha512))) {
        struct error named;

        if (err->code == ER_DUP_ENTRY &&
            !task_import_allowed(c, image->owner, f->source_sha256, sha512, &named))
            *err = named;
        return false;
    }
    return end_task(c, f, "success", image->id, err) && bury_objects(c, f, err);
}

bool task_finish_import(struct db_conn *c, const struct task_end *end, const struct task_image *image,
                        const unsigned char *source_sha256, bool *ours, struct error *err)
{
    struct finish f = {.end = end, .image = image, .source_sha256 = source_sha256, .message = STR("")};

    return run(c, import_tx, &f, ours, err);
}

/* --- clone and export ----------------------------------------------------------------------------- */

/* The image that the work was about is still there; it cannot be deleted before we commit. */
static bool source_holds(struct db_conn *c, struct str id, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT status FROM images WHERE id = ? AND deleted = 0 LOCK IN SHARE MODE", &value,
                     1, &found, err);

    if (!rows)
        return false;
    if (!found)
        error_set(err, ERROR_NOT_FOUND, "Image not found. Image: %.*s", STR_ARG(id));
    bool ok = found && str_eq_cstr(db_str(rows, "status"), "active");
    if (found && !ok)
        error_set(err, ERROR_CONFLICT, "The image is not active any more. Image: %.*s", STR_ARG(id));
    db_close(rows);
    return ok;
}

static bool clone_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct finish *f = arg;

    /* The task goes on naming its source; the new image stands in the result. */
    return check_hold(c, f, err) && source_holds(c, f->image_id, err) && add_image(c, f->image, err) &&
           end_task(c, f, "success", none, err) && bury_objects(c, f, err);
}

bool task_finish_clone(struct db_conn *c, const struct task_end *end, const struct task_image *image,
                       struct str source_id, bool *ours, struct error *err)
{
    struct finish f = {.end = end, .image = image, .image_id = source_id, .message = STR("")};

    return run(c, clone_tx, &f, ours, err);
}

/* Segments of this attempt are the customer's object now; those of earlier ones are nobody's. */
static bool hand_over_segments(struct db_conn *c, const struct finish *f, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "DELETE FROM store_objects WHERE task_id = ? AND epoch = ? AND container IS NOT NULL",
                   DB_CSTR(f->end->hold->task_id), DB_INT(f->end->hold->epoch)) &&
           bury_objects(c, f, err);
}

static bool export_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct finish *f = arg;

    return check_hold(c, f, err) && source_holds(c, f->image_id, err) && hand_over_segments(c, f, err) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO exported_contents (project, content_sha512, task_id, exported_at)"
                   " VALUES (?, UNHEX(?), ?, NOW(6)) ON DUPLICATE KEY UPDATE exported_at = exported_at",
                   DB_STR(f->project), DB_STR(f->sha512), DB_CSTR(f->end->hold->task_id)) &&
           end_task(c, f, "success", none, err);
}

bool task_finish_export(struct db_conn *c, const struct task_end *end, struct str project,
                        struct str image_id, struct str sha512, bool *ours, struct error *err)
{
    struct finish f = {
        .end = end, .image_id = image_id, .project = project, .sha512 = sha512, .message = STR("")};

    return run(c, export_tx, &f, ours, err);
}

/* --- failure -------------------------------------------------------------------------------------- */

static bool failure_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct finish *f = arg;

    return check_hold(c, f, err) && bury_objects(c, f, err) && end_task(c, f, "failure", none, err);
}

bool task_finish_failure(struct db_conn *c, const struct task_end *end, struct str message, bool *ours,
                         struct error *err)
{
    struct task_end plain = {.hold = end->hold, .ttl_hours = end->ttl_hours};
    struct finish f = {.end = &plain, .message = message};

    return run(c, failure_tx, &f, ours, err);
}
