#include "config.h"
#include "db/image_tags.h"

#define NOW "UTC_TIMESTAMP(6)"

struct change {
    struct str image_id;
    struct str tag;
    uint64_t max;
    bool deactivated;
};

/* Locks the image; its status in STATUS where that is wanted. */
static bool lock_image(struct db_conn *c, struct str image_id, struct arena *arena, struct str *status,
                       struct error *err)
{
    struct db_value id = DB_STR(image_id);
    bool found;
    struct db_rows *rows = db_query_one(
        c, "SELECT status FROM images WHERE id = ? AND deleted = 0 FOR UPDATE", &id, 1, &found, err);

    if (!rows)
        return false;
    if (found && status)
        *status = arena_str(arena, db_str(rows, "status"));
    db_close(rows);
    return found || error_set(err, ERROR_NOT_FOUND, "Image %.*s not found.", STR_ARG(image_id));
}

static bool touch(struct db_conn *c, struct str image_id, struct error *err)
{
    return DB_EXEC(c, NULL, err, "UPDATE images SET updated_at = " NOW " WHERE id = ?", DB_STR(image_id));
}

static bool count_tags(struct db_conn *c, const struct change *t, uint64_t *count, bool *there,
                       struct error *err)
{
    const struct db_value values[] = {DB_STR(t->tag), DB_STR(t->image_id)};
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT COUNT(*) AS n, COALESCE(MAX(value = ?), 0) AS there"
                                        " FROM image_tags WHERE image_id = ? AND deleted = 0",
                                        values, 2, &found, err);

    if (!rows)
        return false;
    *count = found ? db_u64(rows, "n") : 0;
    *there = found && db_i64(rows, "there") != 0;
    db_close(rows);
    return true;
}

static bool add_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *t = arg;
    uint64_t count;
    bool there;

    if (!lock_image(c, t->image_id, NULL, NULL, err) || !count_tags(c, t, &count, &there, err))
        return false;
    if (there)
        return true;
    if (count >= t->max)
        return error_set(err, ERROR_TOO_LARGE,
                         "Image tag limit exceeded for image %.*s: The limit has been exceeded on the number "
                         "of allowed image tags. Attempted: %llu, Maximum: %llu",
                         STR_ARG(t->image_id), (unsigned long long)count + 1, (unsigned long long)t->max);
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO image_tags (image_id, value, created_at) VALUES (?, ?, " NOW ")",
                   DB_STR(t->image_id), DB_STR(t->tag)) &&
           touch(c, t->image_id, err);
}

static bool remove_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *t = arg;
    struct db_done done;

    if (!lock_image(c, t->image_id, NULL, NULL, err) ||
        !DB_EXEC(c, &done, err, "DELETE FROM image_tags WHERE image_id = ? AND value = ?",
                 DB_STR(t->image_id), DB_STR(t->tag)))
        return false;
    if (done.affected != 1)
        return error_set(err, ERROR_NOT_FOUND, "Image %.*s has no tag %.*s", STR_ARG(t->image_id),
                         STR_ARG(t->tag));
    return touch(c, t->image_id, err);
}

static bool tag_there(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    uint64_t count;

    return count_tags(c, arg, &count, done, err);
}

static bool tag_gone(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    bool there;

    if (!tag_there(c, arg, &there, err))
        return false;
    *done = !there;
    return true;
}

bool image_tag_add(struct db_conn *c, struct str image_id, struct str tag, uint64_t max, struct error *err)
{
    struct change t = {.image_id = image_id, .tag = tag, .max = max};

    return db_transaction(c, add_tx, tag_there, &t, err);
}

bool image_tag_remove(struct db_conn *c, struct str image_id, struct str tag, struct error *err)
{
    struct change t = {.image_id = image_id, .tag = tag};

    return db_transaction(c, remove_tx, tag_gone, &t, err);
}

static bool deactivate_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *t = arg;
    const char *from = t->deactivated ? "active" : "deactivated";
    const char *to = t->deactivated ? "deactivated" : "active";
    struct arena *arena = arena_new(0);
    struct str status;
    bool ok = lock_image(c, t->image_id, arena, &status, err);

    if (ok && str_eq_cstr(status, from))
        ok = DB_EXEC(c, NULL, err, "UPDATE images SET status = ?, updated_at = " NOW " WHERE id = ?",
                     DB_CSTR(to), DB_STR(t->image_id));
    else if (ok && !str_eq_cstr(status, to))
        ok = error_set(err, ERROR_FORBIDDEN, "Not allowed to %s image in status '%.*s'",
                       t->deactivated ? "deactivate" : "reactivate", STR_ARG(status));
    arena_free(arena);
    return ok;
}

bool image_set_deactivated(struct db_conn *c, struct str image_id, bool deactivated, struct error *err)
{
    struct change t = {.image_id = image_id, .deactivated = deactivated};

    return db_transaction(c, deactivate_tx, NULL, &t, err);
}
