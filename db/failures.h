/* failures.h - failures that are alike, in a run and over runs, and tests that fail now and then.
 *
 * What a failure is at its core (base/failure.h) is written down once, when it comes; here rows of
 * test_run_failures are counted. The work is bounded: FAILURES_RUNS runs, newest first, as long as they have
 * FAILURES_TESTS failures together; for an average, AVERAGE_PASSES tests that passed.
 */
#ifndef TALLY_DB_FAILURES_H
#define TALLY_DB_FAILURES_H

#include "base/failure.h"
#include "db/runs.h"

enum { FAILURES_RUNS = 500, FAILURES_TESTS = 200000, FAILURES_SHOWN = 20, AVERAGE_PASSES = 2000000 };

/* Runs that are looked at, newest first. */
struct failure_runs {
    int64_t id[FAILURES_RUNS];
    int64_t passes[FAILURES_RUNS];
    size_t n;
};

/* The last LAST runs (at most FAILURES_RUNS) that VIEWER may see and FILTER's first piece of metadata lets
 * through, less those behind the bound. */
bool failure_runs_find(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       const struct run_filter *filter, uint64_t last, struct failure_runs *out,
                       struct error *err);

/* test_id (a name) and seconds: the average time of each test that passed in RUNS, by name; from the newest
 * on as many runs as the bound allows, one at least. */
struct db_rows *failure_runs_average(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                                     struct error *err);

struct failure_test {
    int64_t id;
    struct str name;
    struct str status;
};

struct failure_group {
    unsigned char signature[FAILURE_SIGNATURE_SIZE];
    struct str message;
    int64_t count; /* failures */
    int64_t runs;  /* that have one */
    int64_t first; /* a test_run that has it */
    struct failure_test tests[FAILURES_SHOWN];
    size_t n_tests;
};

/* A page of the groups, the largest first, behind that of signature MARKER (NULL: from the first one on).
 * LIMIT groups in ARENA. ERROR_BAD_REQUEST for a marker that no failure has. */
bool failures_list(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                   const unsigned char *marker, uint64_t limit, struct failure_group **out, size_t *n,
                   bool *more, struct error *err);

struct flaky_test {
    int64_t id;
    struct str name; /* p NULL until flaky_names() */
    unsigned runs;   /* in which it passed or failed */
    unsigned fails;
    unsigned passes;
    unsigned flips; /* from one run to the next */
};

enum { FLAKY_LOOKS = 500000 };

/* Tests that both passed and failed in RUNS, most flips first, then most failures; in ARENA. Of the tests
 * that failed in some runs only the ones with the most failures are looked at: as many as FLAKY_LOOKS looks
 * at a run's outcome allow. */
bool flaky_find(struct db_conn *c, struct arena *arena, const struct failure_runs *runs,
                struct flaky_test **out, size_t *n, struct error *err);
/* Fills the names of N (at most 1,000) of them. */
bool flaky_names(struct db_conn *c, struct arena *arena, struct flaky_test *tests, size_t n,
                 struct error *err);

/* Writes down what is missing of a run's failures, some hundred tests a transaction; adds their number to
 * *FILLED. */
bool failures_fill(struct db_conn *c, int64_t run_id, uint64_t *filled, struct error *err);
/* The same for all runs that have failures and none written down. Can be stopped and run again at any time.
 */
bool failures_fill_all(struct db_conn *c, uint64_t *runs, uint64_t *tests, struct error *err);

#endif
