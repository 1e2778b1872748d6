/* The life of an image's bytes: recorded before the first, live with the image, dead before they are removed.
 *
 * Locks are always taken in one order: the task's rows (the worker's), the project's quota, the image, its
 * objects.
 */
#include "config.h"
#include "db/images.h"

#include <string.h>

#define NOW "UTC_TIMESTAMP(6)"

/* --- objects ------------------------------------------------------------------------------------- */

bool images_object_begin(struct db_conn *c, const struct image_object *object, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO store_objects (object_key, project, image_id, task_id, epoch, state, size,"
                   " created_at, writer_until) VALUES (?, ?, ?, ?, ?, 'writing', ?, " NOW ", IF(? > 0, " NOW
                   " + INTERVAL ? SECOND, NULL))",
                   DB_STR(object->key), DB_STR(object->project), DB_STR_OR_NULL(object->image_id),
                   DB_STR_OR_NULL(object->task_id), DB_INT(object->epoch), DB_INT(object->size),
                   DB_INT(object->writer_seconds), DB_INT(object->writer_seconds));
}

bool images_object_gone(struct db_conn *c, struct str key, struct error *err)
{
    return DB_EXEC(c, NULL, err, "DELETE FROM store_objects WHERE object_key = ? AND state <> 'live'",
                   DB_STR(key));
}

enum { OBJECT_ABSENT, OBJECT_WRITING, OBJECT_LIVE, OBJECT_DEAD };

/* The state of KEY, its row locked if LOCK. */
static bool object_state(struct db_conn *c, struct str key, bool lock, int *state, struct error *err)
{
    static const char plain[] = "SELECT state FROM store_objects WHERE object_key = ?";
    static const char locking[] = "SELECT state FROM store_objects WHERE object_key = ? FOR UPDATE";
    struct db_value value = DB_STR(key);
    bool found;
    struct db_rows *rows = db_query_one(c, lock ? locking : plain, &value, 1, &found, err);

    if (!rows)
        return false;
    struct str text = found ? db_str(rows, "state") : (struct str){NULL, 0};
    *state = !found                         ? OBJECT_ABSENT
             : str_eq(text, STR("writing")) ? OBJECT_WRITING
             : str_eq(text, STR("live"))    ? OBJECT_LIVE
                                            : OBJECT_DEAD;
    db_close(rows);
    return true;
}

/* --- image states -------------------------------------------------------------------------------- */

/* Locks the image. ERROR_NOT_FOUND where there is none or it is deleted; ERROR_CONFLICT where its status is
 * not FROM. */
static bool lock_image(struct db_conn *c, struct str id, const char *from, const char *to, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found, fits = false;
    struct db_rows *rows = db_query_one(
        c, "SELECT status FROM images WHERE id = ? AND deleted = 0 FOR UPDATE", &value, 1, &found, err);

    if (!rows)
        return false;
    if (found) {
        struct str status = db_str(rows, "status");

        fits = str_eq_cstr(status, from);
        if (!fits)
            error_set(err, ERROR_CONFLICT, "Image status transition from %.*s to %s is not allowed",
                      STR_ARG(status), to);
    }
    db_close(rows);
    return fits ||
           (!found ? error_set(err, ERROR_NOT_FOUND, "No image found with ID %.*s", STR_ARG(id)) : false);
}

struct upload {
    const struct image_object *object;
    const struct image_quota *quota;
};

static bool upload_begin_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct upload *u = arg;
    const struct image_object *o = u->object;
    struct image_need need = {
        .in_flight = true, .bytes_known = true, .bytes = o->size > 0 ? (uint64_t)o->size : 0};
    struct db_done done;

    if (!images_quota_check(c, o->project, u->quota, &need, err) ||
        !lock_image(c, o->image_id, "queued", "saving", err) ||
        !DB_EXEC(c, &done, err,
                 "UPDATE images SET status = 'saving', updated_at = " NOW
                 " WHERE id = ? AND (owner IS NULL OR owner = ?)",
                 DB_STR(o->image_id), DB_STR(o->project)))
        return false;
    /* the quota that was asked is no longer the owner's */
    return done.affected == 1 ? images_object_begin(c, o, err)
                              : error_set(err, ERROR_CONFLICT, "The image has another owner by now");
}

static bool upload_begun(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct upload *u = arg;
    int state;

    if (!object_state(c, u->object->key, false, &state, err))
        return false;
    *done = state != OBJECT_ABSENT;
    return true;
}

bool images_upload_begin(struct db_conn *c, const struct image_object *object,
                         const struct image_quota *quota, struct error *err)
{
    struct upload u = {object, quota};

    return db_transaction(c, upload_begin_tx, upload_begun, &u, err);
}

static bool set_active(struct db_conn *c, struct str id, const struct image_data *data, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "UPDATE images SET status = 'active', size = ?, virtual_size = ?, checksum = ?,"
                   " os_hash_algo = ?, os_hash_value = ?, updated_at = " NOW " WHERE id = ?",
                   DB_UINT(data->size), data->virtual_size < 0 ? DB_NULL_VALUE : DB_INT(data->virtual_size),
                   DB_STR_OR_NULL(data->checksum), DB_STR_OR_NULL(data->os_hash_algo),
                   DB_STR_OR_NULL(data->os_hash_value), DB_STR(id));
}

static bool owner_of(struct db_conn *c, struct arena *arena, struct str key, struct str *project,
                     struct error *err)
{
    struct db_value value = DB_STR(key);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT project FROM store_objects WHERE object_key = ?", &value, 1, &found, err);

    if (!rows)
        return false;
    *project = found ? arena_str(arena, db_str(rows, "project")) : (struct str){NULL, 0};
    db_close(rows);
    return found || error_set(err, ERROR_CONFLICT, "The image's data is no longer being written");
}

/* Is there room for SIZE bytes of object KEY, whatever it was counted as so far? */
static bool check_size(struct db_conn *c, struct str key, uint64_t size, const struct image_quota *quota,
                       struct error *err)
{
    struct image_need need = {.bytes_known = true, .bytes = size, .except_key = key};
    struct str project;

    if (!quota->max_bytes)
        return true;
    struct arena *arena = arena_new(0);
    bool ok = owner_of(c, arena, key, &project, err) && images_quota_check(c, project, quota, &need, err);

    arena_free(arena);
    return ok;
}

enum { COUNT_EVERY = 16 << 20 };

static bool grow_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct image_growth *g = arg;

    return check_size(c, g->key, g->counted, g->quota, err) &&
           DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET size = ? WHERE object_key = ? AND state = 'writing'",
                   DB_UINT(g->counted), DB_STR(g->key));
}

bool images_object_grown(struct db *db, struct image_growth *growth, uint64_t size, struct error *err)
{
    struct db_conn *c;
    bool ok;

    if (!growth->quota->max_bytes || size < growth->counted + COUNT_EVERY)
        return true;
    growth->counted = size;
    c = db_acquire(db, err);
    /* Whether a COMMIT without an answer took place does not matter: the same again is the same. */
    ok = c && db_transaction(c, grow_tx, NULL, growth, err);
    db_release(c);
    return ok || err->kind != ERROR_TOO_LARGE;
}

bool images_activate(struct db_conn *c, struct str id, struct str key, const struct image_data *data,
                     const struct image_quota *quota, struct error *err)
{
    struct db_done done;

    if (!check_size(c, key, data->size, quota, err) || !lock_image(c, id, "saving", "active", err) ||
        !DB_EXEC(c, &done, err,
                 "UPDATE store_objects SET state = 'live', size = ?, writer_until = NULL"
                 " WHERE object_key = ? AND image_id = ? AND state = 'writing'",
                 DB_UINT(data->size), DB_STR(key), DB_STR(id)))
        return false;
    if (done.affected != 1)
        return error_set(err, ERROR_CONFLICT, "The image's data is no longer being written");
    return set_active(c, id, data, err) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO image_locations (image_id, value, created_at) VALUES (?, ?, " NOW ")",
                   DB_STR(id), DB_STR(key));
}

struct ending {
    struct str id;
    struct str key;
    const struct image_data *data;
    const struct image_quota *quota;
};

static bool upload_end_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct ending *e = arg;

    return images_activate(c, e->id, e->key, e->data, e->quota, err);
}

static bool upload_ended(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct ending *e = arg;
    int state;

    if (!object_state(c, e->key, false, &state, err))
        return false;
    *done = state == OBJECT_LIVE;
    return true;
}

bool images_upload_end(struct db_conn *c, struct str id, struct str key, const struct image_data *data,
                       const struct image_quota *quota, struct error *err)
{
    struct ending e = {id, key, data, quota};

    return db_transaction(c, upload_end_tx, upload_ended, &e, err);
}

static bool abort_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct ending *e = arg;
    int state;

    /* Only the writer's own image: another upload may have begun after this one was given up. */
    if (!DB_EXEC(c, NULL, err,
                 "UPDATE images SET status = 'queued', size = NULL, virtual_size = NULL, updated_at = " NOW
                 " WHERE id = ? AND deleted = 0 AND status = 'saving' AND EXISTS"
                 " (SELECT 1 FROM store_objects WHERE object_key = ? AND state = 'writing')",
                 DB_STR(e->id), DB_STR(e->key)) ||
        !object_state(c, e->key, true, &state, err))
        return false;
    if (state == OBJECT_LIVE)
        return error_set(err, ERROR_CONFLICT, "The image has its data already");
    /* Nobody writes it any more. */
    return DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET state = 'dead', writer_until = NULL WHERE object_key = ?",
                   DB_STR(e->key));
}

bool images_upload_abort(struct db_conn *c, struct str id, struct str key, struct error *err)
{
    struct ending e = {.id = id, .key = key};

    return db_transaction(c, abort_tx, NULL, &e, err);
}

/* --- deletion ------------------------------------------------------------------------------------ */

struct deletion {
    struct arena *arena;
    struct str id;
    struct str *keys;
    size_t n_keys;
};

static bool lock_for_deletion(struct db_conn *c, struct str id, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found, is_protected = false;
    struct db_rows *rows = db_query_one(
        c, "SELECT protected FROM images WHERE id = ? AND deleted = 0 FOR UPDATE", &value, 1, &found, err);

    if (!rows)
        return false;
    if (found)
        is_protected = db_i64(rows, "protected") != 0;
    db_close(rows);
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "Failed to find image %.*s to delete", STR_ARG(id));
    return !is_protected ||
           error_set(err, ERROR_FORBIDDEN, "Image %.*s is protected and cannot be deleted.", STR_ARG(id));
}

/* Objects that are whole; one that is being written is for its writer to remove, who finds it dead. */
static bool collect_live(struct db_conn *c, struct deletion *d, struct error *err)
{
    struct db_rows *rows = DB_QUERY(c, err,
                                    "SELECT object_key FROM store_objects WHERE image_id = ?"
                                    " AND container IS NULL AND state = 'live' FOR UPDATE",
                                    DB_STR(d->id));
    size_t size = 1;

    if (!rows)
        return false;
    d->n_keys = 0;
    d->keys = arena_calloc(d->arena, size, sizeof(*d->keys));
    while (db_next(rows, err)) {
        if (d->n_keys == size) { /* an image has one as a rule */
            struct str *wider = arena_calloc(d->arena, size *= 2, sizeof(*wider));

            memcpy(wider, d->keys, d->n_keys * sizeof(*wider));
            d->keys = wider;
        }
        d->keys[d->n_keys++] = arena_str(d->arena, db_str(rows, "object_key"));
    }
    return db_end(rows);
}

static bool delete_tx(struct db_conn *c, void *arg, struct error *err)
{
    static const char *const statements[] = {
        "UPDATE store_objects SET state = 'dead' WHERE image_id = ? AND container IS NULL",
        "DELETE FROM image_properties WHERE image_id = ?",
        "DELETE FROM image_tags WHERE image_id = ?",
        "DELETE FROM image_members WHERE image_id = ?",
        "DELETE FROM image_locations WHERE image_id = ?",
        "DELETE FROM import_sources WHERE image_id = ?",
        "UPDATE images SET status = 'deleted', deleted = 1, deleted_at = " NOW ", updated_at = " NOW
        " WHERE id = ?",
    };
    struct deletion *d = arg;

    if (!lock_for_deletion(c, d->id, err) || !collect_live(c, d, err))
        return false;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_STR(d->id)))
            return false;
    return true;
}

static bool is_deleted(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct deletion *d = arg;
    struct db_value value = DB_STR(d->id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT id FROM images WHERE id = ? AND deleted = 0", &value, 1, &found, err);

    if (!rows)
        return false;
    db_close(rows);
    *done = !found;
    return true;
}

bool images_delete(struct db_conn *c, struct arena *arena, struct str id, struct str **keys, size_t *n_keys,
                   struct error *err)
{
    struct deletion d = {.arena = arena, .id = id};
    bool ok = db_transaction(c, delete_tx, is_deleted, &d, err);

    *keys = d.keys;
    *n_keys = ok ? d.n_keys : 0;
    return ok;
}
