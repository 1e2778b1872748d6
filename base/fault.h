/* fault.h - places at which tests make the process die or an operation fail.
 *
 * Only builds with --enable-faults have them. The environment variable TALLY_FAULT names one, with an action
 * and optionally the count at which it trips: "ingest.before_commit=kill", "db.statement=kill:17",
 * "spool.write=fail", "ingest.before_commit=stop" (SIGSTOP), "...=sleep:500" (milliseconds).
 */
#ifndef TALLY_BASE_FAULT_H
#define TALLY_BASE_FAULT_H

#include <stdbool.h>

#ifdef TALLY_FAULTS
/* True when the operation named NAME must fail now. */
bool fault_point(const char *name);

/* Appends a line, the program's name and TEXT, to the file that the environment variable TALLY_STATEMENTS
 * names: tests know by it each statement that some process has prepared. */
void fault_note(const char *text);
#else
static inline bool fault_point(const char *name)
{
    (void)name;
    return false;
}

static inline void fault_note(const char *text)
{
    (void)text;
}
#endif

#endif
