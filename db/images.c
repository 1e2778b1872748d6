#include "config.h"
#include "db/images.h"
#include "db/images_rows.h"

/* --- reading ------------------------------------------------------------------------------------ */

bool images_get(struct db_conn *c, struct arena *arena, struct str id, bool deleted_too, struct image *out,
                bool *found, struct error *err)
{
    struct db_value value = DB_STR(id);
    struct db_rows *rows =
        db_query_one(c, "SELECT " IMAGES_COLUMNS " FROM images i WHERE i.id = ?", &value, 1, found, err);

    if (!rows)
        return false;
    if (*found) {
        images_read_row(rows, arena, out);
        *found = deleted_too || !out->deleted;
    }
    db_close(rows);
    return !*found || images_read_details(c, arena, out, 1, err);
}

bool images_location(struct db_conn *c, struct arena *arena, struct str id, struct str *key,
                     struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows = db_query_one(
        c, "SELECT value FROM image_locations WHERE image_id = ? AND deleted = 0", &value, 1, &found, err);

    if (!rows)
        return false;
    *key = found ? arena_str(arena, db_str(rows, "value")) : (struct str){NULL, 0};
    db_close(rows);
    return true;
}

/* --- writing ------------------------------------------------------------------------------------ */

static bool now(struct db_conn *c, int64_t *us, struct error *err)
{
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT " IMAGES_US("UTC_TIMESTAMP(6)") " AS now_us", NULL, 0, &found, err);

    if (!rows)
        return false;
    *us = db_i64(rows, "now_us");
    db_close(rows);
    return true;
}

static bool add_tag(struct db_conn *c, const struct image *image, struct str tag, struct error *err)
{
    return DB_EXEC(
        c, NULL, err,
        "INSERT INTO image_tags (image_id, value, created_at, updated_at) VALUES (?, ?, " IMAGES_TIME
        ", " IMAGES_TIME ")",
        DB_STR(image->id), DB_STR(tag), DB_INT(image->updated_us), DB_INT(image->updated_us));
}

static bool put_property(struct db_conn *c, const struct image *image, const struct image_property *p,
                         struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO image_properties (image_id, name, value, created_at, updated_at)"
                   " VALUES (?, ?, ?, " IMAGES_TIME ", " IMAGES_TIME ")"
                   " ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = VALUES(updated_at)",
                   DB_STR(image->id), DB_STR(p->name), DB_STR_OR_NULL(p->value), DB_INT(image->updated_us),
                   DB_INT(image->updated_us));
}

static struct db_value number_or_null(int64_t n)
{
    return n < 0 ? DB_NULL_VALUE : DB_INT(n);
}

static bool insert_row(struct db_conn *c, const struct image *image, struct error *err)
{
    bool ok = DB_EXEC(
        c, NULL, err,
        "INSERT INTO images (id, name, size, status, created_at, updated_at, disk_format, container_format,"
        " checksum, owner, min_disk, min_ram, protected, virtual_size, visibility, os_hidden, os_hash_algo,"
        " os_hash_value) VALUES (?, ?, ?, ?, " IMAGES_TIME ", " IMAGES_TIME
        ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        DB_STR(image->id), DB_STR_OR_NULL(image->name), number_or_null(image->size), DB_STR(image->status),
        DB_INT(image->created_us), DB_INT(image->updated_us), DB_STR_OR_NULL(image->disk_format),
        DB_STR_OR_NULL(image->container_format), DB_STR_OR_NULL(image->checksum),
        DB_STR_OR_NULL(image->owner), DB_INT(image->min_disk), DB_INT(image->min_ram),
        DB_INT(image->is_protected), number_or_null(image->virtual_size), DB_STR(image->visibility),
        DB_INT(image->os_hidden), DB_STR_OR_NULL(image->os_hash_algo), DB_STR_OR_NULL(image->os_hash_value));

    if (!ok && err->code == 1062)
        return error_set(err, ERROR_CONFLICT, "Image ID %.*s already exists!", STR_ARG(image->id));
    return ok;
}

bool images_insert(struct db_conn *c, const struct image *image, const struct image_quota *quota,
                   struct error *err)
{
    const struct image_need need = {.image = true};
    struct image made = *image;

    if (image->owner.p && !images_quota_check(c, image->owner, quota, &need, err))
        return false;
    if (!now(c, &made.created_us, err))
        return false;
    made.updated_us = made.created_us;
    if (!insert_row(c, &made, err))
        return false;
    for (size_t i = 0; i < made.n_tags; i++)
        if (!add_tag(c, &made, made.tags[i], err))
            return false;
    for (size_t i = 0; i < made.n_properties; i++)
        if (!put_property(c, &made, &made.properties[i], err))
            return false;
    return true;
}

/* --- changing ----------------------------------------------------------------------------------- */

bool images_lock(struct db_conn *c, struct str id, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT id FROM images WHERE id = ? FOR UPDATE", &value, 1, &found, err);

    db_close(rows);
    return rows != NULL;
}

static bool gone_on(struct error *err)
{
    return error_set(err, ERROR_CONFLICT, "The image was changed by another request meanwhile");
}

static bool update_row(struct db_conn *c, const struct image *before, const struct image *after,
                       struct error *err)
{
    struct db_done done;

    if (!DB_EXEC(
            c, &done, err,
            "UPDATE images SET name = ?, visibility = ?, owner = ?, disk_format = ?, container_format = ?,"
            " min_disk = ?, min_ram = ?, protected = ?, os_hidden = ?, updated_at = " IMAGES_TIME
            " WHERE id = ? AND deleted = 0 AND status = ? AND updated_at = " IMAGES_TIME,
            DB_STR_OR_NULL(after->name), DB_STR(after->visibility), DB_STR_OR_NULL(after->owner),
            DB_STR_OR_NULL(after->disk_format), DB_STR_OR_NULL(after->container_format),
            DB_INT(after->min_disk), DB_INT(after->min_ram), DB_INT(after->is_protected),
            DB_INT(after->os_hidden), DB_INT(after->updated_us), DB_STR(before->id), DB_STR(before->status),
            DB_INT(before->updated_us)))
        return false;
    return done.affected == 1 || gone_on(err);
}

/* Both lists are sorted: what only BEFORE has goes, what only AFTER has comes. */
static bool update_tags(struct db_conn *c, const struct image *before, const struct image *after,
                        struct error *err)
{
    for (size_t b = 0, a = 0; b < before->n_tags || a < after->n_tags;) {
        int order = b == before->n_tags  ? 1
                    : a == after->n_tags ? -1
                                         : str_cmp(before->tags[b], after->tags[a]);

        if (order < 0 && !DB_EXEC(c, NULL, err, "DELETE FROM image_tags WHERE image_id = ? AND value = ?",
                                  DB_STR(before->id), DB_STR(before->tags[b])))
            return false;
        if (order > 0 && !add_tag(c, after, after->tags[a], err))
            return false;
        b += order <= 0;
        a += order >= 0;
    }
    return true;
}

static bool same_value(struct str a, struct str b)
{
    return (a.p == NULL) == (b.p == NULL) && str_eq(a, b);
}

static bool update_properties(struct db_conn *c, const struct image *before, const struct image *after,
                              struct error *err)
{
    for (size_t b = 0, a = 0; b < before->n_properties || a < after->n_properties;) {
        const struct image_property *old = &before->properties[b], *new = &after->properties[a];
        int order = b == before->n_properties  ? 1
                    : a == after->n_properties ? -1
                                               : str_cmp(old->name, new->name);

        if (order < 0 &&
            !DB_EXEC(c, NULL, err, "DELETE FROM image_properties WHERE image_id = ? AND name = ?",
                     DB_STR(before->id), DB_STR(old->name)))
            return false;
        if ((order > 0 || (order == 0 && !same_value(old->value, new->value))) &&
            !put_property(c, after, new, err))
            return false;
        b += order <= 0;
        a += order >= 0;
    }
    return true;
}

/* Bytes count against the quota of whose they are; of an image that is nobody's, against none. What a task
 * wrote of it into a container stays who it was written for. */
static bool update_bytes(struct db_conn *c, const struct image *before, const struct image *after,
                         struct error *err)
{
    return same_value(before->owner, after->owner) ||
           DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET project = ? WHERE image_id = ? AND container IS NULL",
                   DB_STR(after->owner.p ? after->owner : STR("")), DB_STR(before->id));
}

bool images_update(struct db_conn *c, const struct image *before, struct image *after, struct error *err)
{
    if (!now(c, &after->updated_us, err))
        return false;
    /* Two changes never have one time, so that updated_at tells every state from every other. */
    if (after->updated_us <= before->updated_us)
        after->updated_us = before->updated_us + 1;
    return update_row(c, before, after, err) && update_tags(c, before, after, err) &&
           update_properties(c, before, after, err) && update_bytes(c, before, after, err);
}
