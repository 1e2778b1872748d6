/* migrate.h - brings the three families of tables to head (docs/schema.md).
 *
 * MySQL commits at each DDL statement, so a migration can stop anywhere: after each statement it is written
 * down how many are done, and a statement whose effect is there already is not run again. Data changes share
 * a transaction with that note.
 */
#ifndef TALLY_DB_MIGRATE_H
#define TALLY_DB_MIGRATE_H

#include "db/version_tables.h"

struct migrate_options {
    bool dry_run;       /* say what would be done, change nothing */
    uint64_t wait;      /* seconds for another migration to end */
    version_say_fn say; /* each thing done; NULL: the log is told */
    void *arg;
};

/* Settles the version tables and runs every revision that is missing. On a database at head it writes
 * nothing. The connection's session settings are changed: give it to nobody afterwards. */
bool migrate_sync(struct db_conn *c, const struct version_names *names, const struct migrate_options *options,
                  struct error *err);

#endif
