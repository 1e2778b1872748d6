/* task.h - one attempt at one task, from its claim to its end. */
#ifndef TALLY_WORKER_TASK_H
#define TALLY_WORKER_TASK_H

#include "db/task_finish.h"
#include "image/task_input.h"
#include "image/task_secret.h"
#include "worker/lease.h"
#include "worker/tools.h"

struct task_run {
    struct db *db;
    struct lease *lease;
    struct tools *tools;
    const char *workspace; /* a folder for files; NULL: none */
    struct arena *arena;
    struct task_work work;
    struct task_secret secret;
    enum task_type type;
    struct task_input input;
    /* what may have to be cleared away after an attempt that came to nothing */
    struct str object_key; /* in the image store; p NULL: none was begun */
    bool may_have_exported;
};

/* Carries out the task that LEASE holds: whatever happens, it has ended, waits in the queue again, or is
 * somebody else's when this returns. DB and BOX are used; ARENA is reset. */
void task_carry_out(struct db *db, struct toolbox *box, struct lease *lease, struct arena *arena);

/* --- for the pipelines ---------------------------------------------------------------------------- */

/* A store_caller's stop(): is there a reason to stop? CTX is the lease. */
bool task_stop(void *ctx);

/* The requester, with the token that came with his task; or ourselves. */
struct store_caller task_requester(const struct task_run *r);
struct store_caller task_ourselves(const struct task_run *r);

/* False with ERROR_ABORTED where there is a reason to stop. */
bool task_go_on(const struct task_run *r, struct error *err);

/* A connection; errors of db/ become ones for customers by task_db_error(), which logs them. Returns OK. */
struct db_conn *task_db(const struct task_run *r, struct error *err);
bool task_db_error(const struct task_run *r, bool ok, struct error *err);

/* Records an object before its first byte; ERROR_ABORTED where the lease is gone. */
bool task_begin_object(struct task_run *r, const struct task_object *object, struct error *err);

/* Lets progress be seen at once, not only with the next heartbeat. */
void task_show_progress(const struct task_run *r);

/* Is the task still ours, and its input what it was? A changed one fails with what is wrong with it. */
bool task_recheck(const struct task_run *r, struct error *err);

/* Ends the task by FN, one of task_finish.h's: again and again while the database is away and the lease
 * holds. ERROR_ABORTED where the lease was lost. */
typedef bool (*task_end_fn)(struct db_conn *c, const struct task_end *end, void *arg, bool *ours,
                            struct error *err);
bool task_end(struct task_run *r, struct str result, task_end_fn fn, void *arg, struct error *err);

/* May the requester do this to a property? */
bool task_may(const struct task_run *r, enum property_right right, struct str property);

/* The three of them; false with ERR. */
bool task_import(struct task_run *r, struct error *err);
bool task_export(struct task_run *r, struct error *err);
bool task_clone(struct task_run *r, struct error *err);

/* Removes what an attempt of this task may have left in the customer's container. */
bool task_export_clean(struct task_run *r, struct error *err);

#endif
