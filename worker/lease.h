/* lease.h - the tasks that this worker holds, and the thread that says so every few seconds.
 *
 * The heartbeat has a connection of its own, so that no transfer can hold it up. A lease that could not be
 * renewed for three heartbeats, one that another worker has, a cancelled task, one whose time is over: each
 * becomes a reason to stop, which whoever moves bytes asks for between two blocks. Time is this machine's
 * monotonic clock, taken before the renewal was sent: a process that was stopped finds out when it is woken.
 */
#ifndef TALLY_WORKER_LEASE_H
#define TALLY_WORKER_LEASE_H

#include "base/conf_options.h"
#include "db/task_queue.h"

#include <pthread.h>
#include <stdatomic.h>

enum lease_stop {
    LEASE_HELD,      /* go on */
    LEASE_LOST,      /* somebody else may have the task by now: write nothing more */
    LEASE_CANCELLED, /* an administrator wants it to end */
    LEASE_OVERDUE,   /* the task's time is over */
    LEASE_DRAINED,   /* this worker ends: hand it back */
};

/* What one slot holds. */
struct lease {
    struct task_hold hold;
    bool active;              /* these two: of the table's lock */
    uint64_t generation;      /* grows with each task of the slot */
    int64_t beat_due_us;      /* the heartbeat thread's */
    int64_t beat_bytes;       /* what it said last; its own */
    _Atomic int64_t alive_us; /* when the last renewal that counted was sent */
    _Atomic int64_t deadline_us;
    _Atomic int64_t bytes_done;
    _Atomic int64_t bytes_total; /* -1: not known */
    atomic_int stop;             /* enum lease_stop */
    int64_t patience_us;         /* without a renewal */
};

struct lease_table {
    struct lease *lease;
    unsigned n;
    uint64_t lease_s;
    int64_t beat_us;
    const char *worker;
    char host[256];
    struct db *db; /* of one connection */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool ending;
    bool draining;
    enum lease_stop later; /* what a task that a slot begins with now is told at once */
};

/* Starts the thread. WORKER is this process's name among all that ever were; it is referenced. */
bool lease_table_start(struct lease_table *t, const struct conf *conf, const char *worker, struct error *err);

/* Ends the thread and takes the worker's row away. */
void lease_table_end(struct lease_table *t);

/* Shows in the workers' table that no new tasks are taken. */
void lease_table_drain(struct lease_table *t);

/* Slot N holds HOLD from now on; CLAIMED_US is the monotonic time before the claim was sent. */
struct lease *lease_begin(struct lease_table *t, unsigned n, const struct task_hold *hold,
                          int64_t claimed_us);
void lease_end(struct lease_table *t, struct lease *l);

/* Is there a reason to stop? Safe from every thread; what it said once, it goes on saying. */
enum lease_stop lease_check(struct lease *l);

/* Gives the slot a reason, if it has none yet. */
void lease_stop_for(struct lease *l, enum lease_stop why);

/* Every slot that holds a task gets it, and every one that has claimed one and begins it later; returns how
 * many hold one now. */
unsigned lease_stop_all(struct lease_table *t, enum lease_stop why);
unsigned lease_count(struct lease_table *t);

#endif
