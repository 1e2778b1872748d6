/* migrate_claim.h - one migrates at a time.
 *
 * The claim is a row that is taken by one guarded UPDATE which raises its epoch: that holds on one server and
 * over a Galera cluster, which replicates neither row locks nor GET_LOCK. It is the holder's as long as his
 * connection lives, where we are on the same server and may see it, and else until a lease runs out by the
 * database's clock. Who takes it over ends the old holder's connection if it is still there, and every write
 * of progress names the epoch: a holder that wakes up late can write nothing more.
 *
 * The same row says which revision is in work and how many of its statements are done.
 */
#ifndef TALLY_DB_MIGRATE_CLAIM_H
#define TALLY_DB_MIGRATE_CLAIM_H

#include "db/db.h"

/* Makes the row where it is not there yet, and takes it; waits up to SECONDS (ERROR_UNAVAILABLE that names
 * the holder). */
bool migrate_claim_take(struct db_conn *c, uint64_t seconds, uint64_t *epoch, struct error *err);

/* Says that we are alive; false where the claim is another's now (ERROR_CONFLICT). */
bool migrate_claim_renew(struct db_conn *c, uint64_t epoch, struct error *err);

/* Lets it go; what fails here is settled by the next one. */
void migrate_claim_release(struct db_conn *c, uint64_t epoch);

/* How many statements of REVISION of FAMILY are done; 0 where another or none is in work. STARTED tells
 * whether it is in work. A database without the row has nothing in work. */
bool migrate_progress_get(struct db_conn *c, const char *family, const char *revision, uint64_t *done,
                          bool *started, struct error *err);

/* REVISION is in work now and DONE statements of it are done; an empty REVISION: none is. */
bool migrate_progress_set(struct db_conn *c, uint64_t epoch, const char *family, const char *revision,
                          uint64_t done, struct error *err);

#endif
