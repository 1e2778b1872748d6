/* What a project may have: images, bytes, and how many may be on their way in. */
#include "config.h"
#include "db/images.h"
#include "base/conf_options.h"

struct image_quota image_quota_of(const struct conf *conf)
{
    return (struct image_quota){.max_images = conf->image.project_max_images,
                                .max_bytes = conf->image.project_max_bytes,
                                .max_in_flight = conf->image.project_max_in_flight};
}

/* A row that each of them writes, for Galera replicates no row locks: there the second one fails at COMMIT
 * and is run again. */
bool images_quota_lock(struct db_conn *c, struct str project, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO image_quota_locks (project, changes) VALUES (?, 1)"
                   " ON DUPLICATE KEY UPDATE changes = changes + 1",
                   DB_STR(project));
}

static bool one_number(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
                       uint64_t *out, struct error *err)
{
    bool found;
    struct db_rows *rows = db_query_one(c, sql, values, n, &found, err);

    if (!rows)
        return false;
    *out = found ? db_u64(rows, "n") : 0;
    db_close(rows);
    return true;
}

static bool check_count(struct db_conn *c, struct str project, const char *sql, uint64_t max,
                        const char *what, struct error *err)
{
    uint64_t count;

    if (!one_number(c, sql, (const struct db_value[]){DB_STR(project)}, 1, &count, err))
        return false;
    return count < max || error_set(err, ERROR_TOO_LARGE, "The project has %llu images%s; its quota is %llu",
                                    (unsigned long long)count, what, (unsigned long long)max);
}

static bool check_bytes(struct db_conn *c, struct str project, struct str except_key, uint64_t bytes,
                        uint64_t max, struct error *err)
{
    const struct db_value values[] = {DB_STR(project), DB_STR(except_key.p ? except_key : STR(""))};
    uint64_t used;

    if (!one_number(c,
                    "SELECT CAST(COALESCE(SUM(size), 0) AS UNSIGNED) AS n FROM store_objects"
                    " WHERE project = ? AND container IS NULL AND object_key <> ?",
                    values, 2, &used, err))
        return false;
    return (used < max && bytes <= max - used) ||
           error_set(err, ERROR_TOO_LARGE,
                     "Image exceeds the storage quota: The size of the data %llu will exceed the limit. "
                     "%llu bytes remaining.",
                     (unsigned long long)bytes, (unsigned long long)(used < max ? max - used : 0));
}

bool images_quota_check(struct db_conn *c, struct str project, const struct image_quota *quota,
                        const struct image_need *need, struct error *err)
{
    bool count = need->image && quota->max_images, flight = need->in_flight && quota->max_in_flight;
    bool bytes = need->bytes_known && quota->max_bytes;

    if (!count && !flight && !bytes)
        return true;
    return images_quota_lock(c, project, err) &&
           (!count ||
            check_count(c, project, "SELECT COUNT(*) AS n FROM images WHERE owner = ? AND deleted = 0",
                        quota->max_images, "", err)) &&
           (!flight || check_count(c, project,
                                   "SELECT COUNT(*) AS n FROM store_objects WHERE project = ?"
                                   " AND container IS NULL AND state = 'writing'"
                                   " AND (writer_until IS NULL OR writer_until > UTC_TIMESTAMP(6))",
                                   quota->max_in_flight, " on their way in", err)) &&
           (!bytes || check_bytes(c, project, need->except_key, need->bytes, quota->max_bytes, err));
}

bool images_quota_enter(struct db_conn *c, struct str project, const struct image_quota *quota,
                        struct error *err)
{
    return !(quota->max_images || quota->max_bytes || quota->max_in_flight) ||
           images_quota_lock(c, project, err);
}
