/* Metadata that the viewer's runs have, and the tree of their tests' names. */
#include "config.h"
#include "db/stats.h"
#include "db/sql.h"

/* --- metadata ------------------------------------------------------------------------------------ */

/* Staff's rows are those of all projects, the same word side by side. */
static void add_source(struct sql *q, const struct viewer *viewer)
{
    sql_add(q, " FROM project_run_metadata FORCE INDEX (");
    sql_add(q,
            viewer->staff ? "ix_project_run_metadata_key) WHERE 1 = 1" : "ix_project_run_metadata_project)");
    if (!viewer->staff)
        sql_value(q, " WHERE project = ?", DB_STR(viewer->project));
}

bool stats_count_values(struct db_conn *c, const struct viewer *viewer, struct str key, int64_t *n,
                        struct error *err)
{
    struct arena *arena = arena_new(0);
    struct db_rows *rows;
    struct sql q;

    *n = 0;
    sql_begin(&q, arena);
    sql_add(&q, viewer->staff ? "SELECT COUNT(*) AS n FROM (SELECT DISTINCT value"
                              : "SELECT COUNT(*) AS n FROM (SELECT value");
    add_source(&q, viewer);
    sql_value(&q, " AND `key` = ?", DB_BYTES(key));
    sql_value(&q, " LIMIT ?) d", DB_INT(STATS_VALUES_MAX));
    rows = sql_query(&q, c, err);
    if (rows && db_next(rows, err))
        *n = db_i64(rows, "n");
    bool ok = rows && db_end(rows);
    arena_free(arena);
    return ok;
}

bool stats_keys(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str after,
                uint64_t limit, stats_word_fn fn, void *arg, bool *more, struct error *err)
{
    struct str *keys = arena_calloc(arena, limit + 1, sizeof(*keys));
    struct db_rows *rows;
    struct sql q;
    size_t n = 0;

    sql_begin(&q, arena);
    sql_add(&q, "SELECT DISTINCT `key`");
    add_source(&q, viewer);
    if (after.p)
        sql_value(&q, " AND `key` > ?", DB_BYTES(after));
    sql_value(&q, " ORDER BY `key` LIMIT ?", DB_UINT(limit + 1));
    if (!(rows = sql_query(&q, c, err)))
        return false;
    while (n <= limit && db_next(rows, err))
        keys[n++] = arena_str(arena, db_str(rows, "key"));
    if (!db_end(rows))
        return false;
    *more = n > limit;
    for (size_t i = 0; i < n && i < limit; i++) {
        int64_t values;

        if (!stats_count_values(c, viewer, keys[i], &values, err) || !fn(arg, keys[i], values, err))
            return false;
    }
    return true;
}

bool stats_values(struct db_conn *c, const struct viewer *viewer, struct str key, struct str after,
                  uint64_t limit, stats_word_fn fn, void *arg, bool *more, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct db_rows *rows;
    struct sql q;
    uint64_t n = 0;
    bool ok = true;

    sql_begin(&q, arena);
    sql_add(&q, viewer->staff ? "SELECT value, CAST(SUM(runs) AS SIGNED) AS runs" : "SELECT value, runs");
    add_source(&q, viewer);
    sql_value(&q, " AND `key` = ?", DB_BYTES(key));
    if (after.p)
        sql_value(&q, " AND value > ?", DB_BYTES(after));
    if (viewer->staff)
        sql_add(&q, " GROUP BY value");
    sql_value(&q, " ORDER BY value LIMIT ?", DB_UINT(limit + 1));
    rows = sql_query(&q, c, err);
    while (rows && ok && db_next(rows, err))
        if (n++ < limit)
            ok = fn(arg, db_str(rows, "value"), db_i64(rows, "runs"), err);
    *more = n > limit;
    ok = rows && db_end(rows) && ok;
    arena_free(arena);
    return ok;
}

/* --- the tree of names --------------------------------------------------------------------------- */

/* Behind every name that begins with a text. */
static const char behind_all[] = "\xf4\x8f\xbf\xbf";

static void add_names(struct sql *q, const struct viewer *viewer, const char *what)
{
    sql_add(q, what);
    sql_add(q, " FROM tests t FORCE INDEX (ix_tests_test_id_head)");
    if (!viewer->staff)
        sql_value(q, " STRAIGHT_JOIN project_test_stats s ON s.tests_id = t.id AND s.project = ?",
                  DB_STR(viewer->project));
}

struct place {
    struct str from;
    bool after; /* FROM itself does not count */
};

/* The first name from a place up to END; p NULL: there is none. */
static bool find_name(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                      const struct place *place, struct str end, struct str *name, int64_t *id,
                      struct error *err)
{
    struct db_rows *rows;
    struct sql q;

    *name = (struct str){NULL, 0};
    sql_begin(&q, arena);
    add_names(&q, viewer, "SELECT t.id, t.test_id_head");
    sql_value(&q, place->after ? " WHERE t.test_id_head > ?" : " WHERE t.test_id_head >= ?",
              DB_STR(place->from));
    sql_value(&q, " AND t.test_id_head <= ? ORDER BY t.test_id_head, t.id LIMIT 1", DB_STR(end));
    if (!(rows = sql_query(&q, c, err)))
        return false;
    if (db_next(rows, err)) {
        *name = arena_str(arena, db_str(rows, "test_id_head"));
        *id = db_i64(rows, "id");
    }
    return db_end(rows);
}

static bool count_names(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str first,
                        struct str behind, int64_t *n, struct error *err)
{
    struct db_rows *rows;
    struct sql q;

    *n = 0;
    sql_begin(&q, arena);
    add_names(&q, viewer, "SELECT COUNT(*) AS n FROM (SELECT t.id");
    sql_value(&q, " WHERE t.test_id_head >= ?", DB_STR(first));
    sql_value(&q, " AND t.test_id_head < ?", DB_STR(behind));
    sql_value(&q, " LIMIT ?) d", DB_INT(STATS_TESTS_MAX));
    if (!(rows = sql_query(&q, c, err)))
        return false;
    if (db_next(rows, err))
        *n = db_i64(rows, "n");
    return db_end(rows);
}

/* What NAME says about the tree below the first BELOW bytes of it, and where to look next: '/' follows on
 * '.'. */
static bool read_prefix(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str name,
                        size_t below, struct stats_prefix *out, struct place *next, struct error *err)
{
    size_t dot = below < name.n ? below : name.n;

    while (dot < name.n && name.p[dot] != '.')
        dot++;
    if (dot == name.n) {
        *next = (struct place){name, true};
        out->prefix = name;
        out->tests = 1;
        return true;
    }
    out->prefix = (struct str){name.p, dot};
    out->tests_id = 0;
    *next = (struct place){str_of(arena_printf(arena, "%.*s/", (int)dot, name.p)), false};
    return count_names(c, arena, viewer, (struct str){name.p, dot + 1}, next->from, &out->tests, err);
}

bool stats_prefixes(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str prefix,
                    struct str from, uint64_t limit, stats_prefix_fn fn, void *arg, struct str *next,
                    struct error *err)
{
    struct str below = prefix.n ? str_of(arena_printf(arena, "%.*s.", STR_ARG(prefix))) : STR("");
    struct str end = str_of(arena_printf(arena, "%.*s%s", STR_ARG(below), behind_all));
    struct place place = {from.p ? from : below, false};

    for (uint64_t n = 0;; n++) {
        struct stats_prefix one;

        if (!find_name(c, arena, viewer, &place, end, next, &one.tests_id, err))
            return false;
        if (!next->p || n == limit)
            return true;
        if (!read_prefix(c, arena, viewer, *next, below.n, &one, &place, err) || !fn(arg, &one, err))
            return false;
    }
}
