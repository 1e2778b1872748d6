/* Results as somebody sees them. */
#include "config.h"
#include "db/results.h"
#include "db/sql.h"

#include <string.h>

/* shared is RefStack's: metadata of that name that says something. */
#define SELECT_RESULT                                                                                     \
    "SELECT t.id, t.cpid, t.created_at, t.product_version_id, t.duration_seconds, t.verification_status," \
    " o.project, o.user, COALESCE(o.anonymous, 0) AS anonymous, EXISTS (SELECT 1 FROM meta m"             \
    " WHERE m.test_id = t.id AND m.meta_key = 'shared' AND m.value <> '') AS shared"                      \
    " FROM test t LEFT JOIN result_info o ON o.result_id = t.id WHERE t.id "

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

/* "IN (?, ?, ...)": of few lengths, so that the statement is prepared once; the last id fills up. */
static void add_ids(struct sql *q, const struct result *results, size_t n)
{
    size_t size = n <= 1 ? 1 : n <= 8 ? 8 : n <= 64 ? 64 : RESULTS_MAX;

    for (size_t i = 0; i < size; i++)
        sql_value(q, i ? ", ?" : "IN (?", DB_STR(results[i < n ? i : n - 1].id));
    sql_add(q, ")");
}

/* A single one was asked for as a client writes it, which the database may take for the same. */
static struct result *find(struct result *results, size_t n, struct str id)
{
    for (size_t i = 0; i < n; i++)
        if (n == 1 || str_eq(results[i].id, id))
            return &results[i];
    return NULL;
}

static bool read_rows(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                      struct result *results, size_t n, struct error *err)
{
    struct db_rows *rows;
    struct sql q;

    sql_begin(&q, arena);
    sql_add(&q, SELECT_RESULT);
    add_ids(&q, results, n);
    if (!(rows = sql_query(&q, c, err)))
        return false;
    while (db_next(rows, err)) {
        struct result *out = find(results, n, db_str(rows, "id"));

        if (!out)
            continue;
        out->cpid = arena_str(arena, db_str(rows, "cpid"));
        out->created_at = arena_str(arena, db_str(rows, "created_at"));
        out->product_version_id = keep(arena, db_str(rows, "product_version_id"));
        out->duration_seconds = db_i64(rows, "duration_seconds");
        out->verification_status = db_i64(rows, "verification_status");
        out->role = role_of_row(caller, rows);
    }
    return db_end(rows);
}

static bool read_meta(struct db_conn *c, struct arena *arena, struct result *results, size_t n,
                      struct error *err)
{
    struct result *out = NULL;
    struct result_meta *meta = NULL;
    struct db_rows *rows;
    struct sql q;

    sql_begin(&q, arena);
    sql_add(&q, "SELECT test_id, meta_key, value FROM meta WHERE test_id ");
    add_ids(&q, results, n);
    sql_add(&q, " ORDER BY test_id, meta_key");
    if (!(rows = sql_query(&q, c, err)))
        return false;
    while (db_next(rows, err)) {
        struct str id = db_str(rows, "test_id"), key = db_str(rows, "meta_key");

        if (!out || !str_eq(out->id, id)) {
            out = find(results, n, id);
            meta = arena_calloc(arena, META_MAX, sizeof(*meta));
        }
        if (!out || out->n_meta == META_MAX || (out->role == RESULT_USER && !result_meta_is_open(key)))
            continue;
        meta[out->n_meta].key = arena_str(arena, key);
        meta[out->n_meta++].value = keep(arena, db_str(rows, "value"));
        out->meta = meta;
    }
    return db_end(rows);
}

bool results_get_page(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                      const struct str *ids, size_t n_ids, struct result *out, size_t *n, struct error *err)
{
    *n = 0;
    for (size_t i = 0; i < n_ids; i++)
        out[i] = (struct result){.id = ids[i], .role = RESULT_NOBODY};
    if (n_ids == 0)
        return true;
    if (!read_rows(c, arena, caller, out, n_ids, err))
        return false;
    for (size_t i = 0; i < n_ids; i++)
        if (out[i].role != RESULT_NOBODY)
            out[(*n)++] = out[i];
    return *n == 0 || read_meta(c, arena, out, *n, err);
}

bool result_get(struct db_conn *c, struct arena *arena, const struct result_caller *caller, struct str id,
                struct result *out, struct error *err)
{
    size_t n;

    return results_get_page(c, arena, caller, &id, 1, out, &n, err) && (n == 1 || not_found(id, err));
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
    rows = found ? db_query_one(c, SELECT_RESULT "= ?", &value, 1, &found, err) : NULL;
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
