/* tests.h - tests over all runs that a viewer may see, and what became of one in each of them. */
#ifndef TALLY_DB_TESTS_H
#define TALLY_DB_TESTS_H

#include "db/runs.h"

/* Counts of a test over the viewer's runs; staff get the counters that subunit2sql's tools share. */
struct test_row {
    int64_t id;
    struct str name;
    int64_t runs;      /* of any outcome; for staff as run_count */
    int64_t run_count; /* success + failure */
    int64_t success;   /* xfail counts */
    int64_t failure;   /* uxsuccess counts */
    double run_time;   /* average seconds of those that passed; 0 where none did */
};
typedef bool (*test_fn)(void *arg, const struct test_row *test, struct error *err);

/* The tests whose names begin with PREFIX ("": all), by the first 255 characters of the name, then by id.
 * MARKER: a test's id, the page begins after it; 0: at the first. Calls FN for up to LIMIT tests; *MORE:
 * there are others. ERROR_BAD_REQUEST for a marker that is no test. */
bool tests_list(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str prefix,
                uint64_t marker, uint64_t limit, test_fn fn, void *arg, bool *more, struct error *err);

/* The test of this id, or of this name where ID is 0. ERROR_NOT_FOUND where none of the viewer's runs has it.
 * In ARENA. */
bool tests_get(struct db_conn *c, struct arena *arena, const struct viewer *viewer, uint64_t id,
               struct str name, struct test_row *out, struct error *err);

/* One run's word on a test. */
struct test_outcome {
    struct str run_uuid;
    struct str run_at; /* "YYYY-MM-DD HH:MM:SS.ffffff" */
    struct str result_id;
    struct str cpid;
    struct str status;
    double seconds; /* negative where a time is missing */
};
typedef bool (*test_outcome_fn)(void *arg, const struct test_outcome *outcome, struct error *err);

/* The runs that have TEST (as tests_get() gave it), newest first; MARKER: a run's uuid, as in run_list(). */
bool tests_history(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                   const struct test_row *test, struct str marker, uint64_t limit, test_outcome_fn fn,
                   void *arg, bool *more, struct error *err);

#endif
