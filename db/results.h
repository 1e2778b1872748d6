/* results.h - RefStack results, as far as evidence is linked to them. */
#ifndef TALLY_DB_RESULTS_H
#define TALLY_DB_RESULTS_H

#include "db/runs.h"
#include "db/spool.h"

/* May the viewer link a run to this result? ERROR_NOT_FOUND where it is not there or not the viewer's (an
 * anonymous one is staff's), ERROR_FORBIDDEN for a verified one, ERROR_CONFLICT where it has a run, whose
 * uuid goes to RUN_UUID. *PROJECT, in ARENA, is whose the result is, and so will be the run that staff links
 * to it; p NULL: nobody's. */
bool result_check_link(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str result_id, char run_uuid[UUID_TEXT_SIZE], struct str *project,
                       struct error *err);

enum { RESULT_DIFFERENCES = 20 };

struct result_difference {
    struct str only_in_stream[RESULT_DIFFERENCES]; /* passed there, not among the result's tests */
    struct str only_in_result[RESULT_DIFFERENCES];
    uint64_t n_only_in_stream; /* all of them; the lists hold the first */
    uint64_t n_only_in_result;
};

/* Compares the tests that passed in the stream (success alone, as refstack-client counts) with the result's
 * tests. */
bool result_compare(struct db_conn *c, struct arena *arena, struct str result_id, struct spool *spool,
                    struct result_difference *out, struct error *err);

#endif
