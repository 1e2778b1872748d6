/* One result as somebody sees it. */
#include "config.h"
#include "db/results.h"

#include <string.h>

/* shared is RefStack's: metadata of that name that says something. */
#define SQL_RESULT                                                                                  \
    "SELECT t.cpid, t.created_at, t.product_version_id, t.duration_seconds, t.verification_status," \
    " o.project, o.user, COALESCE(o.anonymous, 0) AS anonymous, EXISTS (SELECT 1 FROM meta m"       \
    " WHERE m.test_id = t.id AND m.meta_key = 'shared' AND m.value <> '') AS shared"                \
    " FROM test t LEFT JOIN result_info o ON o.result_id = t.id WHERE t.id = ?"

const char *result_role_name(enum result_role role)
{
    static const char *const names[] = {"nobody", "user", "owner", "foundation"};

    return names[role];
}

enum result_role result_role(const struct result_caller *caller, struct str project, struct str user,
                             bool anonymous, bool shared)
{
    if (caller->staff)
        return RESULT_FOUNDATION;
    if (caller->project.p && project.p && str_eq(project, caller->project))
        return RESULT_OWNER;
    if (caller->user.p && !project.p && user.p && str_eq(user, caller->user))
        return RESULT_OWNER;
    return anonymous || shared ? RESULT_USER : RESULT_NOBODY;
}

bool result_meta_is_open(struct str key)
{
    return str_eq_cstr(key, "shared") || str_eq_cstr(key, "guideline") || str_eq_cstr(key, "target");
}

static bool not_found(struct str id, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "Test result %.*s not found", STR_ARG(id));
}

static enum result_role role_of_row(const struct result_caller *caller, struct db_rows *rows)
{
    return result_role(caller, db_str(rows, "project"), db_str(rows, "user"), db_i64(rows, "anonymous") != 0,
                       db_i64(rows, "shared") != 0);
}

static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

/* RefStack has a handful of keys; nobody but its own tools can add others. */
enum { META_MAX = 64 };

static bool read_meta(struct db_conn *c, struct arena *arena, struct result *out, struct error *err)
{
    struct result_meta *meta = arena_calloc(arena, META_MAX, sizeof(*meta));
    struct db_rows *rows =
        DB_QUERY(c, err, "SELECT meta_key, value FROM meta WHERE test_id = ? ORDER BY meta_key LIMIT ?",
                 DB_STR(out->id), DB_UINT(META_MAX));

    out->meta = meta;
    out->n_meta = 0;
    if (!rows)
        return false;
    while (db_next(rows, err)) {
        struct str key = db_str(rows, "meta_key");

        if (out->role == RESULT_USER && !result_meta_is_open(key))
            continue;
        meta[out->n_meta].key = arena_str(arena, key);
        meta[out->n_meta++].value = keep(arena, db_str(rows, "value"));
    }
    return db_end(rows);
}

bool result_get(struct db_conn *c, struct arena *arena, const struct result_caller *caller, struct str id,
                struct result *out, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows = db_query_one(c, SQL_RESULT, &value, 1, &found, err);

    if (!rows)
        return false;
    *out = (struct result){.id = id, .role = RESULT_NOBODY};
    if (found) {
        out->cpid = arena_str(arena, db_str(rows, "cpid"));
        out->created_at = arena_str(arena, db_str(rows, "created_at"));
        out->product_version_id = keep(arena, db_str(rows, "product_version_id"));
        out->duration_seconds = db_i64(rows, "duration_seconds");
        out->verification_status = db_i64(rows, "verification_status");
        out->role = role_of_row(caller, rows);
    }
    db_close(rows);
    return out->role == RESULT_NOBODY ? not_found(id, err) : read_meta(c, arena, out, err);
}

struct db_rows *result_names(struct db_conn *c, struct str id, struct error *err)
{
    return DB_QUERY(c, err, "SELECT name FROM results WHERE test_id = ? ORDER BY _id", DB_STR(id));
}

bool result_lock(struct db_conn *c, const struct result_caller *caller, struct str id, enum result_role *role,
                 bool *verified, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT id FROM test WHERE id = ? FOR UPDATE", &value, 1, &found, err);

    *role = RESULT_NOBODY;
    db_close(rows);
    if (!rows)
        return false;
    rows = found ? db_query_one(c, SQL_RESULT, &value, 1, &found, err) : NULL;
    if (rows && found) {
        *role = role_of_row(caller, rows);
        *verified = db_i64(rows, "verification_status") != 0;
    }
    db_close(rows);
    if (found && !rows)
        return false;
    if (*role == RESULT_NOBODY)
        return not_found(id, err);
    return *role >= RESULT_OWNER ||
           error_set(err, ERROR_FORBIDDEN, "Test result %.*s is not yours to change", STR_ARG(id));
}
