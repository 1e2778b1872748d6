#include "config.h"
#include "db/version_scan.h"

#include <stdio.h>
#include <string.h>

enum { ER_NO_SUCH = 1146, MAX_TABLES = 256 };

int version_family_of(struct str revision, int *at)
{
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (size_t i = 0; i < migration_families[f].n; i++)
            if (str_eq_cstr(revision, migration_families[f].migrations[i].revision)) {
                *at = (int)i;
                return f;
            }
    *at = -1;
    return -1;
}

static bool read_rows(struct db_conn *c, struct arena *arena, struct version_table *t, struct error *err)
{
    const char *sql = arena_printf(arena, "SELECT version_num AS revision FROM %s LIMIT %d",
                                   db_quote_name(arena, str_of(t->name)), VERSION_MAX_ROWS);
    struct db_rows *rows = db_query(c, sql, NULL, 0, err);

    if (!rows)
        return false;
    while (t->n < VERSION_MAX_ROWS && db_next(rows, err)) {
        struct version_row *row = &t->rows[t->n++];
        struct str revision = db_str(rows, "revision");

        snprintf(row->revision, sizeof(row->revision), "%.*s", STR_ARG(revision));
        row->family = version_family_of(revision, &row->at);
    }
    bool ok = t->n == VERSION_MAX_ROWS || err->kind == ERROR_NONE;
    db_close(rows);
    return ok;
}

static bool list_tables(struct db_conn *c, struct version_scan *scan, struct error *err)
{
    struct db_rows *rows = db_query(c,
                                    "SELECT table_name AS name FROM information_schema.columns "
                                    "WHERE table_schema = DATABASE() GROUP BY table_name "
                                    "HAVING COUNT(*) = 1 AND MAX(column_name) = 'version_num' "
                                    "ORDER BY table_name",
                                    NULL, 0, err);

    if (!rows)
        return false;
    while (scan->n < MAX_TABLES && db_next(rows, err)) {
        struct version_table *t = &scan->tables[scan->n++];

        snprintf(t->name, sizeof(t->name), "%.*s", STR_ARG(db_str(rows, "name")));
    }
    bool ok = scan->n == MAX_TABLES || err->kind == ERROR_NONE;
    db_close(rows);
    return ok;
}

bool version_scan(struct db_conn *c, struct arena *arena, struct version_scan *scan, struct error *err)
{
    size_t kept = 0;

    scan->n = 0;
    scan->tables = arena_calloc(arena, MAX_TABLES, sizeof(*scan->tables));
    if (!list_tables(c, scan, err))
        return false;
    for (size_t i = 0; i < scan->n; i++) {
        struct version_table *t = &scan->tables[i];

        if (!read_rows(c, arena, t, err)) {
            if (err->code != ER_NO_SUCH)
                return false;
            continue;
        }
        scan->tables[kept++] = *t;
    }
    scan->n = kept;
    error_clear(err);
    return true;
}

struct version_table *version_scan_find(const struct version_scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->n; i++)
        if (strcmp(scan->tables[i].name, name) == 0)
            return &scan->tables[i];
    return NULL;
}

const struct version_row *version_row_of(const struct version_table *table, enum family family)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].family == (int)family)
            return &table->rows[i];
    return NULL;
}
