#include "config.h"
#include "db/image_members.h"

#include <string.h>

#define NOW "UTC_TIMESTAMP(6)"
#define EPOCH_US(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ")"
#define COLUMNS                                                                      \
    "image_id, member, status, " EPOCH_US("created_at") " AS created_us, " EPOCH_US( \
        "updated_at") " AS updated_us"

/* --- reading ------------------------------------------------------------------------------------- */

bool image_is_visible(struct db_conn *c, const struct image *image, struct str project, bool *visible,
                      struct error *err)
{
    const struct db_value values[] = {DB_STR(image->id), DB_STR(project)};

    *visible = str_eq_cstr(image->visibility, "public") || str_eq_cstr(image->visibility, "community") ||
               (image->owner.p && project.n && str_eq(image->owner, project));
    if (*visible || !str_eq_cstr(image->visibility, "shared"))
        return true;
    struct db_rows *rows =
        db_query_one(c, "SELECT status FROM image_members WHERE image_id = ? AND member = ? AND deleted = 0",
                     values, 2, visible, err);

    if (!rows)
        return false;
    db_close(rows);
    return true;
}

static void read_member(struct db_rows *rows, struct arena *arena, struct image_member *out)
{
    *out = (struct image_member){
        .image_id = arena_str(arena, db_str(rows, "image_id")),
        .member = arena_str(arena, db_str(rows, "member")),
        .status = arena_str(arena, db_str(rows, "status")),
        .created_us = db_i64(rows, "created_us"),
        .updated_us = db_i64(rows, "updated_us"),
    };
}

bool image_members_list(struct db_conn *c, struct arena *arena, struct str image_id, struct str only,
                        struct image_member **out, size_t *n, struct error *err)
{
    struct db_rows *rows =
        DB_QUERY(c, err,
                 "SELECT " COLUMNS " FROM image_members WHERE image_id = ? AND (? IS NULL OR member = ?)"
                 " AND deleted = 0 ORDER BY member",
                 DB_STR(image_id), DB_STR_OR_NULL(only), DB_STR_OR_NULL(only));
    size_t size = 16;

    if (!rows)
        return false;
    *n = 0;
    *out = arena_calloc(arena, size, sizeof(**out));
    while (db_next(rows, err)) {
        if (*n == size) {
            struct image_member *wider = arena_calloc(arena, size *= 2, sizeof(*wider));

            memcpy(wider, *out, *n * sizeof(*wider));
            *out = wider;
        }
        read_member(rows, arena, *out + (*n)++);
    }
    return db_end(rows);
}

bool image_member_get(struct db_conn *c, struct arena *arena, struct str image_id, struct str member,
                      struct image_member *out, bool *found, struct error *err)
{
    struct image_member *list;
    size_t n;

    if (!image_members_list(c, arena, image_id, member, &list, &n, err))
        return false;
    *found = n > 0;
    if (*found)
        *out = list[0];
    return true;
}

/* --- changing ------------------------------------------------------------------------------------ */

struct change {
    struct str image_id;
    struct str member;
    uint64_t max;
};

/* Locks the image, so that its members are counted by one at a time. */
static bool lock_shared(struct db_conn *c, struct str image_id, struct error *err)
{
    struct db_value id = DB_STR(image_id);
    bool found, shared = false;
    struct db_rows *rows = db_query_one(
        c, "SELECT visibility FROM images WHERE id = ? AND deleted = 0 FOR UPDATE", &id, 1, &found, err);

    if (!rows)
        return false;
    if (found)
        shared = str_eq_cstr(db_str(rows, "visibility"), "shared");
    db_close(rows);
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "Image %.*s not found.", STR_ARG(image_id));
    return shared || error_set(err, ERROR_FORBIDDEN, "Only shared images have members.");
}

static bool check_room(struct db_conn *c, const struct change *m, struct error *err)
{
    const struct db_value values[] = {DB_STR(m->member), DB_STR(m->image_id)};
    uint64_t count = 0;
    bool found, there = false;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT COUNT(*) AS n, COALESCE(MAX(member = ?), 0) AS there"
                                        " FROM image_members WHERE image_id = ? AND deleted = 0",
                                        values, 2, &found, err);

    if (!rows)
        return false;
    if (found) {
        count = db_u64(rows, "n");
        there = db_i64(rows, "there") != 0;
    }
    db_close(rows);
    if (there)
        return error_set(err, ERROR_CONFLICT, "Member %.*s is duplicated for image %.*s", STR_ARG(m->member),
                         STR_ARG(m->image_id));
    return count < m->max ||
           error_set(err, ERROR_TOO_LARGE,
                     "Image member limit exceeded for image %.*s: The limit has been "
                     "exceeded on the number of allowed image members for this image. "
                     "Attempted: %llu, Maximum: %llu",
                     STR_ARG(m->image_id), (unsigned long long)count + 1, (unsigned long long)m->max);
}

static bool add_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct change *m = arg;

    return lock_shared(c, m->image_id, err) && check_room(c, m, err) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO image_members (image_id, member, status, created_at, updated_at, "
                   "image_created_at)"
                   " SELECT i.id, ?, 'pending', " NOW ", " NOW ", i.created_at FROM images i WHERE i.id = ?",
                   DB_STR(m->member), DB_STR(m->image_id));
}

static bool is_added(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct change *m = arg;
    const struct db_value values[] = {DB_STR(m->image_id), DB_STR(m->member)};
    struct db_rows *rows = db_query_one(c, "SELECT id FROM image_members WHERE image_id = ? AND member = ?",
                                        values, 2, done, err);

    if (!rows)
        return false;
    db_close(rows);
    return true;
}

bool image_member_add(struct db_conn *c, struct str image_id, struct str member, uint64_t max,
                      struct error *err)
{
    struct change m = {image_id, member, max};

    return db_transaction(c, add_tx, is_added, &m, err);
}

static bool check_done(const struct db_done *done, struct str image_id, struct str member, struct error *err)
{
    return done->affected == 1 ||
           error_set(err, ERROR_NOT_FOUND, "%.*s not found in the member list of the image %.*s.",
                     STR_ARG(member), STR_ARG(image_id));
}

bool image_member_set_status(struct db_conn *c, struct str image_id, struct str member, const char *status,
                             struct error *err)
{
    struct db_done done;

    return DB_EXEC(c, &done, err,
                   "UPDATE image_members SET status = ?, updated_at = " NOW
                   " WHERE image_id = ? AND member = ? AND deleted = 0",
                   DB_CSTR(status), DB_STR(image_id), DB_STR(member)) &&
           check_done(&done, image_id, member, err);
}

bool image_member_remove(struct db_conn *c, struct str image_id, struct str member, struct error *err)
{
    struct db_done done;

    return DB_EXEC(c, &done, err, "DELETE FROM image_members WHERE image_id = ? AND member = ?",
                   DB_STR(image_id), DB_STR(member)) &&
           check_done(&done, image_id, member, err);
}
