/* runs_expire.h - runs whose time is over. */
#ifndef TALLY_DB_RUNS_EXPIRE_H
#define TALLY_DB_RUNS_EXPIRE_H

#include "db/db.h"

struct expiry {
    struct str before; /* "YYYY-MM-DD HH:MM:SS", UTC: runs from before it go */
    bool dry_run;      /* count only */
    /* What came of it. */
    uint64_t deleted;
    uint64_t spared; /* the evidence of a verified result */
};

/* Finishes deletions that were begun, then deletes, one after the other, the runs that are older than
 * EXPIRY->before and have no metadata key `keep`. The age of an adopted run without a time is that of its
 * adoption. Can be stopped and run again at any time. */
bool runs_expire(struct db_conn *c, struct expiry *expiry, struct error *err);

#endif
