#include "config.h"
#include "db/migrate_guard.h"
#include "base/buf.h"

#include <string.h>

static bool ask(struct db_conn *c, const char *sql, const struct db_value *values, size_t n, bool *found,
                struct error *err)
{
    struct db_rows *rows = db_query_one(c, sql, values, n, found, err);

    if (!rows)
        return false;
    db_close(rows);
    return true;
}

bool migrate_has_table(struct db_conn *c, struct str table, bool *found, struct error *err)
{
    const struct db_value values[] = {DB_STR(table)};

    return ask(c,
               "SELECT 1 AS found FROM information_schema.tables "
               "WHERE table_schema = DATABASE() AND table_name = ? LIMIT 1",
               values, 1, found, err);
}

static bool is_there(struct db_conn *c, const struct migrate_guard *g, bool *found, struct error *err)
{
    static const char *const sql[] = {
        [MIGRATE_COLUMN] = "SELECT 1 AS found FROM information_schema.columns "
                           "WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ? LIMIT 1",
        [MIGRATE_INDEX] = "SELECT 1 AS found FROM information_schema.statistics "
                          "WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? LIMIT 1",
        [MIGRATE_FOREIGN_KEY] = "SELECT 1 AS found FROM information_schema.table_constraints "
                                "WHERE table_schema = DATABASE() AND table_name = ? AND constraint_name = ? "
                                "AND constraint_type = 'FOREIGN KEY' LIMIT 1",
    };
    const struct db_value values[] = {DB_STR(g->table), DB_STR(g->name)};

    if (g->object == MIGRATE_TABLE)
        return migrate_has_table(c, g->table, found, err);
    return ask(c, sql[g->object], values, 2, found, err);
}

bool migrate_guards_hold(struct db_conn *c, const struct migrate_step *step, bool *holds, struct error *err)
{
    *holds = true;
    for (size_t i = 0; *holds && i < step->n_guards; i++) {
        bool found;

        if (!is_there(c, &step->guards[i], &found, err))
            return false;
        *holds = found == step->guards[i].wanted;
    }
    return true;
}

/* "CHARACTER SET x COLLATE y" of the column that the step names. */
static const char *collation_of(struct db_conn *c, struct arena *arena, const struct migrate_step *step,
                                struct error *err)
{
    const struct db_value values[] = {DB_STR(step->collation_table), DB_STR(step->collation_column)};
    const char *text = NULL;
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT character_set_name AS cs, collation_name AS co "
                                        "FROM information_schema.columns WHERE table_schema = DATABASE() "
                                        "AND table_name = ? AND column_name = ?",
                                        values, 2, &found, err);

    if (!rows)
        return NULL;
    if (found && !db_is_null(rows, "co")) {
        struct str cs = db_str(rows, "cs"), co = db_str(rows, "co");

        text = arena_printf(arena, "CHARACTER SET %.*s COLLATE %.*s", STR_ARG(cs), STR_ARG(co));
    } else {
        error_set(err, ERROR_INTERNAL, "database: column %.*s.%.*s is not there, or holds no text",
                  STR_ARG(step->collation_table), STR_ARG(step->collation_column));
    }
    db_close(rows);
    return text;
}

struct str migrate_sql(struct db_conn *c, struct arena *arena, const struct migrate_step *step,
                       struct error *err)
{
    static const char token[] = "@collation@";
    struct str rest = step->sql;
    const char *collation, *at;
    struct buf out;

    if (step->collation_table.n == 0)
        return step->sql;
    collation = collation_of(c, arena, step, err);
    if (!collation)
        return (struct str){NULL, 0};
    buf_init(&out, 1 << 20);
    while ((at = memmem(rest.p, rest.n, token, sizeof(token) - 1))) {
        size_t before = (size_t)(at - rest.p);

        buf_add(&out, rest.p, before);
        buf_add_cstr(&out, collation);
        rest = (struct str){at + sizeof(token) - 1, rest.n - before - (sizeof(token) - 1)};
    }
    buf_add_str(&out, rest);
    struct str sql = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return sql;
}
