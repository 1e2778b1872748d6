/* schema_check.h - is the database what it must be?
 *
 * The schema is compared as text, a line a thing, so that MySQL's and MariaDB's spellings meet:
 *
 *   table NAME ENGINE COLLATION
 *   column TABLE.NAME TYPE [COLLATION] null|not null [default X] [auto_increment|generated|virtual]
 *   index TABLE.NAME [unique ](COLUMN[(PREFIX)],...)
 *   foreign key TABLE.NAME (COLUMN,...) references TABLE (COLUMN,...)[ on delete RULE]
 */
#ifndef TALLY_DB_SCHEMA_CHECK_H
#define TALLY_DB_SCHEMA_CHECK_H

#include "db/version_tables.h"

/* The lines of the tables that are here, sorted; version tables and tables of others are left out. *N of
 * them, in ARENA; NULL on error. */
const char **schema_list(struct db_conn *c, struct arena *arena, size_t *n, struct error *err);

/* Says each difference between the live schema and head; adds their number to *DIFFERENCES. False on error.
 */
bool schema_check(struct db_conn *c, version_say_fn say, void *arg, uint64_t *differences, struct error *err);

/* The same for what is kept twice: counters of runs and of tests, the names' keys. Reads everything. */
bool schema_check_counts(struct db_conn *c, version_say_fn say, void *arg, uint64_t *differences,
                         struct error *err);

#endif
