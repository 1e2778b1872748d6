/* run_compare.h - what differs between two runs, test by test. */
#ifndef TALLY_DB_RUN_COMPARE_H
#define TALLY_DB_RUN_COMPARE_H

#include "db/db.h"

enum compare_kind {
    COMPARE_NEWLY_FAILING, /* fails now, did not before */
    COMPARE_FIXED,         /* failed before, passes now */
    COMPARE_STILL_FAILING,
    COMPARE_SLOWER, /* passes in both, takes over THRESHOLD times as long and a second longer */
    COMPARE_ONLY_IN_NEW,
    COMPARE_ONLY_IN_BASE,
    COMPARE_KINDS
};

/* The member of the reply. */
const char *compare_kind_name(enum compare_kind kind);

struct compare_row {
    enum compare_kind kind;
    int64_t test_id;
    struct str name;
    struct str status, base_status; /* p NULL where the run has it not */
    double seconds, base_seconds;   /* negative where a time is missing */
};
/* Views live until it returns. */
typedef bool (*compare_fn)(void *arg, const struct compare_row *row, struct error *err);

/* Calls FN for each test that differs, kind by kind in the order above, failing ones first, then by name. */
bool run_compare(struct db_conn *c, int64_t run_id, int64_t base_id, double threshold, compare_fn fn,
                 void *arg, struct error *err);

#endif
