#include "config.h"
#include "cli/retry.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { LONGEST = 60, LONGEST_ASKED = 300 }; /* seconds */

/* Milliseconds until the next attempt. Many clients that failed together do not come back together. */
static unsigned pause_ms(unsigned n, struct str after)
{
    uint64_t seconds;
    unsigned ms;

    if (str_to_u64(after, LONGEST_ASKED, &seconds) && seconds > 0)
        return (unsigned)seconds * 1000;
    ms = n < 7 ? 1000U << (n - 1) : LONGEST * 1000U;
    ms = ms > LONGEST * 1000U ? LONGEST * 1000U : ms;
    return ms - ms / 4 + (unsigned)(random() % (ms / 2));
}

static bool sleep_ms(unsigned ms)
{
    struct timespec until, now;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    for (;;) {
        int left;

        clock_gettime(CLOCK_MONOTONIC, &now);
        left = (int)((until.tv_sec - now.tv_sec) * 1000 + (until.tv_nsec - now.tv_nsec) / 1000000);
        if (cli_interrupted(NULL))
            return false;
        if (left <= 0)
            return true;
        poll(NULL, 0, left < 100 ? left : 100);
    }
}

bool retry_wait(struct cli *cli, struct retry *r, struct str after, struct error *why)
{
    unsigned ms;

    if (why->kind == ERROR_ABORTED || r->n >= cli->retries)
        return false;
    ms = pause_ms(++r->n, after);
    cli_note(cli, "%s; trying again in %.1f s (%u of %u)", why->message, ms / 1000.0, r->n, cli->retries);
    return sleep_ms(ms) || error_set(why, ERROR_ABORTED, "interrupted");
}
