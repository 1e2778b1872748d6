/* task_admin.h - what an administrator may do to tasks, whoever works on them.
 *
 * Each is one transaction that locks the task's lease first, as its worker does: of two at the same moment
 * the second finds what the first has left. ERROR_NOT_FOUND where there is no such task, ERROR_CONFLICT where
 * it has ended already.
 */
#ifndef TALLY_DB_TASK_ADMIN_H
#define TALLY_DB_TASK_ADMIN_H

#include "db/tasks.h"

/* The queue's row of a task that has not ended. */
struct task_lease {
    struct str worker; /* p NULL: nobody has it */
    int64_t epoch;
    int64_t attempts;
    int64_t lease_until_us; /* 0: none */
    int64_t next_run_us;
    int64_t started_us; /* 0: not yet */
    bool cancel;
    bool has_secret;
    struct str note;
};

/* *FOUND false: the task has ended, or never was. */
bool task_lease_get(struct db_conn *c, struct arena *arena, struct str id, struct task_lease *out,
                    bool *found, struct error *err);

/* Ends it in failure with MESSAGE, which its owner sees, now; it expires TTL_HOURS later. A worker that has
 * it is fenced off: it finds its lease gone and commits nothing. What it was writing is dead. */
bool task_admin_fail(struct db_conn *c, struct str id, struct str message, uint64_t ttl_hours,
                     struct error *err);

/* As if it had just been made: nobody has it, its attempts and its deadline begin anew, the epoch goes up, so
 * that a worker that had it is fenced off. */
bool task_admin_requeue(struct db_conn *c, struct str id, struct error *err);

/* Asks for its end: the worker that has it, or takes it next, lets it fail as cancelled. */
bool task_admin_cancel(struct db_conn *c, struct str id, struct error *err);

/* Removes the rows of tasks that expired more than DAYS days ago, in batches of a transaction each; with
 * DRY_RUN counts them only. *N is right on failure too. */
bool task_admin_purge(struct db_conn *c, uint64_t days, bool dry_run, uint64_t *n, struct error *err);

#endif
