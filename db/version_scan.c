#include "config.h"
#include "db/version_scan.h"
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TABLES = 256 };

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
    return db_end(rows);
}

/* One statement reads them all: read one by one, a table that is being renamed would be seen twice, or never.
 */
static const char *rows_sql(struct arena *arena, const struct version_scan *scan)
{
    struct buf b;

    buf_init(&b, 1 << 18);
    for (size_t i = 0; i < scan->n; i++)
        buf_printf(&b, "%s(SELECT %zu AS t, CAST(version_num AS BINARY) AS revision FROM %s LIMIT %d)",
                   i ? " UNION ALL " : "", i, db_quote_name(arena, str_of(scan->tables[i].name)),
                   VERSION_MAX_ROWS);
    const char *sql = arena_str(arena, buf_str(&b)).p;
    buf_free(&b);
    return sql;
}

static bool read_rows(struct db_conn *c, struct arena *arena, struct version_scan *scan, struct error *err)
{
    struct db_rows *rows = db_query(c, rows_sql(arena, scan), NULL, 0, err);

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        struct version_table *t = &scan->tables[db_u64(rows, "t")];
        struct version_row *row = &t->rows[t->n++];
        struct str revision = db_str(rows, "revision");

        snprintf(row->revision, sizeof(row->revision), "%.*s", STR_ARG(revision));
        row->family = version_family_of(revision, &row->at);
    }
    return db_end(rows);
}

bool version_scan(struct db_conn *c, struct arena *arena, struct version_scan *scan, struct error *err)
{
    scan->n = 0;
    scan->tables = arena_calloc(arena, MAX_TABLES, sizeof(*scan->tables));
    return list_tables(c, scan, err) && (scan->n == 0 || read_rows(c, arena, scan, err));
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
