/* sweep.h - the thread that looks now and then for what nobody owns any more. */
#ifndef TALLY_WORKER_SWEEP_H
#define TALLY_WORKER_SWEEP_H

#include "db/db.h"
#include "worker/tools.h"

struct sweeper {
    struct db *db;
    struct toolbox *box;
    int64_t every_us;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool ending;
};

/* Starts the thread; a round each EVERY_S seconds, the first soon. DB and BOX are referenced. */
bool sweeper_start(struct sweeper *s, struct db *db, struct toolbox *box, uint64_t every_s,
                   struct error *err);

/* Ends it, after the object that it is at. */
void sweeper_end(struct sweeper *s);

#endif
