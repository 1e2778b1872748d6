/* retry.h - trying again: pauses that double, with some chance in them, or as long as the service asks for.
 */
#ifndef TALLY_CLI_RETRY_H
#define TALLY_CLI_RETRY_H

#include "cli/cli.h"

/* Begins as {0}. */
struct retry {
    unsigned n; /* so many attempts have failed */
};

/* After an attempt that failed for WHY: says so on stderr, waits, and is true; false where the attempts are
 * used up (or interrupted: WHY is then ERROR_ABORTED). AFTER is the value of a Retry-After, empty for none.
 */
bool retry_wait(struct cli *cli, struct retry *r, struct str after, struct error *why);

#endif
