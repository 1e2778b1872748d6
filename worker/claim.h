/* claim.h - which task next: one look at the queue serves all slots of this process.
 *
 * Candidates are found by plain reads, a batch at a time, and taken one by one; a batch is thrown away when
 * it is older than a quarter of a second, so that a project that came later does not wait behind it. While
 * there is nothing to do one slot looks, at growing intervals, and a datagram of a tally.fcgi makes it look
 * at once.
 */
#ifndef TALLY_WORKER_CLAIM_H
#define TALLY_WORKER_CLAIM_H

#include "db/task_queue.h"
#include "worker/tools.h"

enum { CLAIM_BATCH = 64 };

struct claimer {
    struct db *db;
    struct toolbox *box;
    const char *worker;
    uint64_t lease_s;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task_look look;
    struct task_candidate batch[CLAIM_BATCH];
    size_t next, n;
    int64_t looked_us; /* when the batch was found */
    int64_t next_look_us;
    int64_t pause_us;
    bool looking; /* a slot is at it */
    bool woken;
    bool draining;
    int64_t complained_us;
};

/* DB, BOX and WORKER are referenced. */
void claimer_init(struct claimer *k, struct db *db, struct toolbox *box, const char *worker,
                  uint64_t lease_s);
void claimer_free(struct claimer *k);

/* There may be something to do: the next look is now. */
void claimer_wake(struct claimer *k);

/* No more tasks: every waiting slot returns. */
void claimer_drain(struct claimer *k);

/* Waits for a task and takes it. *CLAIMED_US is the monotonic time before the claim was sent. False:
 * draining. */
bool claim_next(struct claimer *k, struct task_hold *hold, int64_t *claimed_us);

#endif
