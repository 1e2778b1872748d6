/* duration.h - how long a test_run took, as subunit2sql counts it.
 *
 * It writes a negative difference as "whole seconds towards the past, a point, the microseconds that remain",
 * so that -9.75 s reads as -10.25. Averages and sums that it and Tally both add to are only right if both
 * count alike.
 */
#ifndef TALLY_DB_DURATION_H
#define TALLY_DB_DURATION_H

#include <stdint.h>

static inline int64_t duration_us(int64_t start_us, int64_t stop_us)
{
    int64_t us = stop_us - start_us;
    int64_t floor_us = us / 1000000 * 1000000 - (us % 1000000 ? 1000000 : 0);

    return us >= 0 ? us : 2 * floor_us - us;
}

#define SQL_DURATION_US                                                                       \
    "(TIMESTAMPDIFF(MICROSECOND, start_time, stop_time) + COALESCE(stop_time_microsecond, 0)" \
    " - COALESCE(start_time_microsecond, 0))"

/* Seconds of a row of test_runs, NULL where a time is missing. */
#define SQL_SECONDS                                                                       \
    "(IF(" SQL_DURATION_US " >= 0, " SQL_DURATION_US ", 2000000 * FLOOR(" SQL_DURATION_US \
    " / 1000000) - " SQL_DURATION_US ") / 1e6)"

/* The outcomes of one run that count (its id is the parameter): test_id, passed (1 or 0), seconds; in the
 * order of test_id, so that two who count meet the rows of tests in the same order. MORE narrows the rows.
 * MySQL keeps an ORDER BY in a derived table only with a LIMIT. */
#define SQL_OUTCOMES_OF_RUN(more)                                                                   \
    "(SELECT test_id, status IN ('success', 'xfail') AS passed, " SQL_SECONDS " AS seconds"         \
    " FROM test_runs WHERE run_id = ? AND status IN ('success', 'xfail', 'fail', 'uxsuccess')" more \
    " ORDER BY test_id LIMIT 18446744073709551615)"

#endif
