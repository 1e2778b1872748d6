/* duration.h - a test_run's duration in SQL: seconds with microseconds, 0 where a time is missing. */
#ifndef TALLY_DB_DURATION_H
#define TALLY_DB_DURATION_H

#define SQL_SECONDS                                         \
    "COALESCE(TIMESTAMPDIFF(SECOND, start_time, stop_time)" \
    " + (COALESCE(stop_time_microsecond, 0) - COALESCE(start_time_microsecond, 0)) / 1e6, 0)"

#endif
