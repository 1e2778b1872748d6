/* migrate_guard.h - what is in the database, asked of information_schema. */
#ifndef TALLY_DB_MIGRATE_GUARD_H
#define TALLY_DB_MIGRATE_GUARD_H

#include "db/db.h"
#include "db/migrate_text.h"

/* *HOLDS: are all conditions of STEP met, so that it is to run? False on error. */
bool migrate_guards_hold(struct db_conn *c, const struct migrate_step *step, bool *holds, struct error *err);

bool migrate_has_table(struct db_conn *c, struct str table, bool *found, struct error *err);

/* STEP's statement with "@collation@" replaced, in ARENA. p is NULL on error. */
struct str migrate_sql(struct db_conn *c, struct arena *arena, const struct migrate_step *step,
                       struct error *err);

#endif
