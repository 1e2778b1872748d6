/* stats.h - what a viewer's runs and tests come to: series over time, counts, metadata, recent failures, and
 * the tree of test names. */
#ifndef TALLY_DB_STATS_H
#define TALLY_DB_STATS_H

#include "db/run_lists.h"
#include "db/tests.h"

enum stats_group { STATS_HOUR, STATS_DAY, STATS_WEEK, STATS_MONTH, STATS_GROUPS };

/* Runs that began in one hour, day, week (from Monday) or month. */
struct stats_bucket {
    struct str date;  /* its first second, ISO 8601; p NULL in a sum over all */
    struct str value; /* of the metadata that the series is split by; p NULL: it is not */
    int64_t runs;
    int64_t passed_runs; /* as RUN_PASSED */
    int64_t failed_runs; /* as RUN_FAILED */
    int64_t passes;      /* of tests */
    int64_t fails;
    int64_t skips;
    double run_time; /* seconds, the average of the runs that passed; negative where none did */
};
typedef bool (*stats_bucket_fn)(void *arg, const struct stats_bucket *bucket, struct error *err);

/* Calls FN for each bucket that has a run, in their order. BY: a key of metadata, a bucket then for each of
 * its values; p NULL: none. PICK has both dates. Reads the runs between them, and nothing but an index unless
 * BY. */
bool stats_series(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                  const struct run_pick *pick, enum stats_group group, struct str by, stats_bucket_fn fn,
                  void *arg, struct error *err);

/* The sum over PICK's runs, or with a TESTS_ID over those that have this test: its outcomes then. */
bool stats_counts(struct db_conn *c, const struct viewer *viewer, const struct run_pick *pick,
                  uint64_t tests_id, struct stats_bucket *out, struct error *err);

/* --- metadata ------------------------------------------------------------------------------------- */

enum { STATS_VALUES_MAX = 1000 };

/* A key or a value, and how many values or runs it has. */
typedef bool (*stats_word_fn)(void *arg, struct str word, int64_t n, struct error *err);

/* The keys behind AFTER (p NULL: from the first), by their bytes; at most LIMIT. More values than
 * STATS_VALUES_MAX are not counted. */
bool stats_keys(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str after,
                uint64_t limit, stats_word_fn fn, void *arg, bool *more, struct error *err);
/* The values of KEY in the same way, with the number of runs that have them. */
bool stats_values(struct db_conn *c, const struct viewer *viewer, struct str key, struct str after,
                  uint64_t limit, stats_word_fn fn, void *arg, bool *more, struct error *err);
/* How many values KEY has, at most STATS_VALUES_MAX. */
bool stats_count_values(struct db_conn *c, const struct viewer *viewer, struct str key, int64_t *n,
                        struct error *err);

/* --- failures ------------------------------------------------------------------------------------- */

struct stats_failure {
    int64_t id; /* test_runs.id */
    int64_t tests_id;
    struct str name;
    struct str status;
    const struct run *run;
};
typedef bool (*stats_failure_fn)(void *arg, const struct stats_failure *failure, struct error *err);

/* The tests that failed, those of the newest run first. FILTER's runs, whose status and limit are set here;
 * MARKER: the page begins after this test_run; 0: after the filter's marker, or at the newest.
 * ERROR_BAD_REQUEST where the viewer has none such. *NEXT, in ARENA, is where the next page begins, a
 * test_run or a run's uuid; p NULL: there is none. A page may have fewer than LIMIT, even none, and one after
 * it. */
bool stats_failures(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                    const struct run_filter *filter, uint64_t marker, uint64_t limit, stats_failure_fn fn,
                    void *arg, struct str *next, struct error *err);

/* --- names ---------------------------------------------------------------------------------------- */

enum { STATS_TESTS_MAX = 10000 };

/* A name up to a '.', and how many tests begin so (STATS_TESTS_MAX are counted), or a test's whole name, and
 * its id. */
struct stats_prefix {
    struct str prefix;
    int64_t tests;
    int64_t tests_id; /* 0: it is no test */
};
typedef bool (*stats_prefix_fn)(void *arg, const struct stats_prefix *prefix, struct error *err);

/* What follows on PREFIX ("": nothing; else it ends before a '.'), by names of which 255 characters are
 * looked at. FROM: where the page begins, p NULL: at the first; *NEXT: where the next one does, p NULL: there
 * is none. Reads the names that it tells of, and counts. */
bool stats_prefixes(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str prefix,
                    struct str from, uint64_t limit, stats_prefix_fn fn, void *arg, struct str *next,
                    struct error *err);

#endif
