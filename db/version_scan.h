/* version_scan.h - the version tables that are in the database, and whose revisions they hold. */
#ifndef TALLY_DB_VERSION_SCAN_H
#define TALLY_DB_VERSION_SCAN_H

#include "db/version_tables.h"

enum { VERSION_MAX_ROWS = 8 };

struct version_row {
    char revision[REVISION_MAX + 33];
    int family; /* an enum family, or -1: nobody's that we know */
    int at;
};

struct version_table {
    char name[TABLE_NAME_MAX + 1];
    struct version_row rows[VERSION_MAX_ROWS];
    size_t n; /* rows; VERSION_MAX_ROWS may mean more */
};

struct version_scan {
    struct version_table *tables; /* in the arena given */
    size_t n;
};

/* Whose REVISION is, and the how-manieth; -1 where nobody's. */
int version_family_of(struct str revision, int *at);

/* Every table whose only column is version_num, with its rows, all of one moment. A table that goes away
 * meanwhile is an error (code 1146): scan again. */
bool version_scan(struct db_conn *c, struct arena *arena, struct version_scan *scan, struct error *err);

struct version_table *version_scan_find(const struct version_scan *scan, const char *name);

/* The row of FAMILY in TABLE, or NULL. */
const struct version_row *version_row_of(const struct version_table *table, enum family family);

#endif
