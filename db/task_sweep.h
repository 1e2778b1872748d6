/* task_sweep.h - what nobody owns any more: found, marked and removed in small steps.
 *
 * Any number of workers may sweep at the same time: each step says in its own WHERE what it relies on. An
 * attempt that is dead stays dead, for a new claim has another epoch.
 */
#ifndef TALLY_DB_TASK_SWEEP_H
#define TALLY_DB_TASK_SWEEP_H

#include "db/db.h"

enum { SWEEP_BATCH = 200 };

/* Tasks whose time to live is over: soft-deleted, SWEEP_BATCH at a time. *N says how many. */
bool sweep_expired_tasks(struct db_conn *c, uint64_t *n, struct error *err);

/* Objects that an attempt was writing which is no more (another epoch, or nobody has the task): dead. Parts
 * of exports live as long as their task is in the queue: the object that a dead attempt left may refer to
 * them until another one has replaced it. */
bool sweep_dead_attempts(struct db_conn *c, uint64_t *n, struct error *err);

/* An export that an administrator made a failure of, and that no worker has cleared away after: EPOCH and
 * those before it may have left its object in the customer's container. */
struct sweep_turn {
    struct str task_id;
    struct str project;
    struct str input; /* JSON text */
    int64_t epoch;
};

/* Up to SWEEP_TURNS of them, in ARENA. */
enum { SWEEP_TURNS = 20 };
bool sweep_dead_turns(struct db_conn *c, struct arena *arena, struct sweep_turn **out, size_t *n,
                      struct error *err);

/* Takes its turn for LEASE seconds. *OURS false: another sweeper has, or another export of the image to that
 * container is under way. sweep_turn_end(), once the object is gone, gives the turn to the next. */
bool sweep_turn_take(struct db_conn *c, const struct sweep_turn *turn, uint64_t lease, bool *ours,
                     struct error *err);
bool sweep_turn_end(struct db_conn *c, const struct sweep_turn *turn, struct error *err);

/* Uploads through tally.fcgi that cannot be at work any more: the object dead, the image queued again. */
bool sweep_dead_uploads(struct db_conn *c, uint64_t *n, struct error *err);

/* A dead object. */
struct sweep_object {
    struct str key;
    struct str container; /* p NULL: the image store */
    struct str project;
    int64_t created_us;
};

/* Up to SWEEP_BATCH dead objects that come after *AFTER (all zero: the first), in ARENA; none that an upload
 * may still be writing. TASK_ID (p NULL: all): those of one task only. */
bool sweep_dead_objects(struct db_conn *c, struct arena *arena, struct str task_id,
                        const struct sweep_object *after, struct sweep_object **out, size_t *n,
                        struct error *err);

/* May the bytes of KEY be removed: is its row dead, or gone? Never true for an image's. */
bool sweep_removable(struct db_conn *c, struct str key, bool *removable, struct error *err);

/* Rows of workers that have not been heard of for a day. */
bool sweep_workers(struct db_conn *c, uint64_t *n, struct error *err);

#endif
