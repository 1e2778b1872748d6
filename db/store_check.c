#include "config.h"
#include "db/store_check.h"

bool store_check_known(struct db_conn *c, struct str key, bool *known, struct error *err)
{
    struct db_value values[] = {DB_STR(key)};
    struct db_rows *rows =
        db_query_one(c, "SELECT object_key FROM store_objects WHERE object_key = ? AND container IS NULL",
                     values, 1, known, err);

    db_close(rows);
    return rows != NULL;
}

bool store_check_images(struct db_conn *c, struct arena *arena, struct str after, size_t max,
                        struct store_check_image *out, size_t *n, struct error *err)
{
    struct db_rows *rows = DB_QUERY(
        c, err,
        "SELECT images.id AS id, images.size AS size, image_locations.value AS object_key FROM images"
        " LEFT JOIN image_locations ON image_locations.image_id = images.id AND image_locations.deleted = 0"
        " WHERE images.id > ? AND images.deleted = 0 AND images.status IN ('active', 'deactivated')"
        " ORDER BY images.id LIMIT ?",
        DB_STR(after), DB_UINT(max));

    *n = 0;
    if (!rows)
        return false;
    while (*n < max && db_next(rows, err)) {
        struct str key = db_str(rows, "object_key");

        out[(*n)++] = (struct store_check_image){.id = arena_str(arena, db_str(rows, "id")),
                                                 .key = key.p ? arena_str(arena, key) : key,
                                                 .size = db_u64(rows, "size")};
    }
    return db_end(rows);
}

bool store_check_needed(struct db_conn *c, const struct store_check_image *image, bool *needed,
                        struct error *err)
{
    struct db_value values[] = {DB_STR(image->id), DB_STR_OR_NULL(image->key)};
    struct db_rows *rows =
        db_query_one(c,
                     "SELECT images.id AS id FROM images LEFT JOIN image_locations"
                     " ON image_locations.image_id = images.id AND image_locations.deleted = 0"
                     " WHERE images.id = ? AND images.deleted = 0"
                     " AND images.status IN ('active', 'deactivated') AND image_locations.value <=> ?",
                     values, 2, needed, err);

    db_close(rows);
    return rows != NULL;
}
