/* owner.h - whose runs and results are: what an administrator sets right. */
#ifndef TALLY_DB_OWNER_H
#define TALLY_DB_OWNER_H

#include "base/uuid.h"
#include "db/db.h"

/* Gives the run of this uuid to PROJECT and USER, and the result that it is linked to: in one transaction,
 * counts of the project's tests included. A run without run_info, which another tool loaded, gets one.
 * ERROR_NOT_FOUND; ERROR_CONFLICT where the project has the same stream already. */
bool owner_set_run(struct db_conn *c, struct str uuid, struct str project, struct str user,
                   struct error *err);

/* The same of a result and the run that is linked to it. */
bool owner_set_result(struct db_conn *c, struct str result_id, struct str project, struct str user,
                      struct error *err);

/* Up to MAX uuids of runs that no project owns, with run id behind *AFTER, which moves on. */
bool owner_unowned_runs(struct db_conn *c, int64_t *after, char (*uuids)[UUID_TEXT_SIZE], size_t max,
                        size_t *n, struct error *err);

#endif
