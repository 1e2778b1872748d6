/* clock.h - the one source of time, and times as text.
 *
 * Times are UTC microseconds since 1970 in an int64_t. Tests move the clock with the environment variable
 * TALLY_TEST_CLOCK_OFFSET (seconds), which only builds with --enable-faults read.
 */
#ifndef TALLY_BASE_CLOCK_H
#define TALLY_BASE_CLOCK_H

#include "base/str.h"

enum { CLOCK_ISO_SIZE = 32 };

/* Wall clock, microseconds since the epoch. */
int64_t clock_now_us(void);

/* Monotonic, for durations and deadlines. */
int64_t clock_mono_us(void);

/* "YYYY-MM-DDTHH:MM:SSZ" (whole seconds, truncated towards the past). Years outside 0000-9999 are clamped. */
const char *clock_iso(int64_t us, char out[CLOCK_ISO_SIZE]);
/* "YYYY-MM-DDTHH:MM:SS.ffffffZ". */
const char *clock_iso_us(int64_t us, char out[CLOCK_ISO_SIZE]);
/* MySQL's "YYYY-MM-DD HH:MM:SS", truncated towards the past. */
const char *clock_sql(int64_t us, char out[CLOCK_ISO_SIZE]);

/* Reads "YYYY-MM-DD", optionally followed by 'T' or a blank and "HH:MM:SS", optionally ".f" of 1 to 6 digits
 * and "Z" or
 * "+HH:MM". No zone means UTC. False for anything else, or a date that does not exist. */
bool clock_parse(struct str s, int64_t *us);

#endif
