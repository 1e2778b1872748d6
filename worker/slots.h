/* slots.h - the threads that carry out tasks, one at a time each. */
#ifndef TALLY_WORKER_SLOTS_H
#define TALLY_WORKER_SLOTS_H

#include "worker/claim.h"
#include "worker/lease.h"

struct slot {
    struct slots *slots;
    unsigned n;
    pthread_t thread;
    bool started;
};

struct slots {
    struct slot *slot;
    unsigned n;
    struct db *db;
    struct toolbox *box;
    struct lease_table *leases;
    struct claimer *claimer;
};

/* Starts N threads; all that is given is referenced. */
bool slots_start(struct slots *s, unsigned n, struct db *db, struct toolbox *box, struct lease_table *leases,
                 struct claimer *claimer, struct error *err);

/* Waits up to SECONDS for all to end, after claimer_drain(). False: some have not. */
bool slots_join(struct slots *s, unsigned seconds);

#endif
