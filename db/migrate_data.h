/* migrate_data.h - the migrations as they are built into the binary (db/embed-migrations). */
#ifndef TALLY_DB_MIGRATE_DATA_H
#define TALLY_DB_MIGRATE_DATA_H

#include <stddef.h>

/* In the order in which they are upgraded: what Tally adds builds on the other two. */
enum family { FAMILY_SUBUNIT2SQL, FAMILY_REFSTACK, FAMILY_TALLY, FAMILY_COUNT };

enum { REVISION_MAX = 32 }; /* what alembic's version_num holds */

struct migration {
    const char *revision;
    const char *sql;
};

struct migration_family {
    const char *name;
    const char *first_table; /* made by the first revision: there without a revision, something is wrong */
    const struct migration *migrations; /* oldest first */
    size_t n;
};

extern const struct migration_family migration_families[FAMILY_COUNT];

/* The schema at head, a line a table, column, index and foreign key (schema_check.h). */
extern const char migration_head[];

#endif
