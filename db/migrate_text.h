/* migrate_text.h - a migration's text as steps.
 *
 * A step is a statement that ends in a semicolon at a line's end, with what the comment lines before it say:
 *
 *   -- unless: table T | column T.C | index T.I | foreign key T.N     run it only where that is not there
 *   -- when: ...                                                      run it only where that is there
 *   -- collation: T.C        "@collation@" in it stands for that column's character set and collation
 *   -- without foreign key checks
 *
 * Any other comment line is for people.
 */
#ifndef TALLY_DB_MIGRATE_TEXT_H
#define TALLY_DB_MIGRATE_TEXT_H

#include "base/arena.h"
#include "base/error.h"

enum { MIGRATE_MAX_GUARDS = 4 };

enum migrate_object { MIGRATE_TABLE, MIGRATE_COLUMN, MIGRATE_INDEX, MIGRATE_FOREIGN_KEY };

struct migrate_guard {
    enum migrate_object object;
    bool wanted; /* when, not unless */
    struct str table;
    struct str name; /* of the column, index or key */
};

struct migrate_step {
    struct str sql; /* without the semicolon */
    struct migrate_guard guards[MIGRATE_MAX_GUARDS];
    size_t n_guards;
    struct str collation_table, collation_column; /* empty: none */
    bool without_foreign_keys;
    bool is_data; /* INSERT, UPDATE or DELETE: can share a transaction with its progress */
};

/* Cuts SQL into *N steps in ARENA. NULL where the text is not as above (ERROR_INTERNAL). */
struct migrate_step *migrate_text_split(struct arena *arena, const char *sql, size_t *n, struct error *err);

#endif
