/* task_queue.h - the queue's own side of tasks: who may work on what, and until when.
 *
 * A claim is one guarded UPDATE that raises the row's epoch; it is owned only where the statement said so and
 * did not fail. From then on everything that a worker writes says "AND epoch = ?": once another worker has
 * claimed the task, nothing that the first one does can change a row. No row lock and no GET_LOCK() decides
 * (a Galera cluster replicates neither), and no clock but the database's.
 */
#ifndef TALLY_DB_TASK_QUEUE_H
#define TALLY_DB_TASK_QUEUE_H

#include "db/db.h"

enum { TASK_ID_SIZE = 37, TASK_WORKER_SIZE = 129, TASK_PROJECT_SIZE = 256, TASK_LOOK_PROJECTS = 64 };

/* A task that could be claimed when it was looked for. */
struct task_candidate {
    char task_id[TASK_ID_SIZE];
    char project[TASK_PROJECT_SIZE];
    int64_t epoch;
};

/* Where the next look at the queue goes on: projects are passed in the order of their ids, TASK_LOOK_PROJECTS
 * at a time. All zero is the beginning. */
struct task_look {
    char after[TASK_PROJECT_SIZE];
};

/* Up to MAX tasks that may be begun now, in the order in which they are to be tried: those whose lease ran
 * out first, then project by project in turn, the project with the least running ones first. MAX_PER_PROJECT
 * (0: no limit) holds for those that run and those that are given together. OUT has room for MAX. */
bool task_queue_look(struct db_conn *c, struct task_look *look, uint64_t max_per_project,
                     struct task_candidate *out, size_t max, size_t *n, struct error *err);

/* Who has a task. */
struct task_hold {
    char task_id[TASK_ID_SIZE];
    char worker[TASK_WORKER_SIZE];
    int64_t epoch;
};

/* Takes CANDIDATE for WORKER (a name that no other process ever had) for LEASE seconds: epoch and attempts
 * go up, the task's status is processing. *OURS says whether it is; *HOLD is then what later calls want. On
 * an error nothing is owned: whoever has lost the answer to his claim gives it back with
 * task_queue_disown(). */
bool task_queue_claim(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                      uint64_t lease, struct task_hold *hold, bool *ours, struct error *err);

/* Gives back what a claim whose answer was lost may have taken; nothing where it had not. */
bool task_queue_disown(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                       struct error *err);

/* Does its project run more than MAX_PER_PROJECT tasks, this one included? Two workers that looked at the
 * same moment find out here. */
bool task_queue_crowded(struct db_conn *c, const struct task_hold *hold, uint64_t max_per_project,
                        bool *crowded, struct error *err);

/* The inputs, in ARENA, of exports of IMAGE_ID that run in the same project and were begun before this task.
 */
enum { TASK_RIVALS_MAX = 64 };
bool task_queue_rivals(struct db_conn *c, struct arena *arena, const struct task_hold *hold,
                       struct str image_id, struct str input[TASK_RIVALS_MAX], size_t *n, struct error *err);

/* What a claimed task is; texts live in the arena. */
struct task_work {
    struct str type;
    struct str owner; /* project */
    struct str user_id;
    struct str request_id;
    struct str input;   /* JSON text */
    struct str sealed;  /* p NULL: no secret */
    int64_t attempts;   /* this one included */
    int64_t elapsed_us; /* since the first attempt began */
    bool cancel;
};

/* *OURS false: the task is somebody else's by now. */
bool task_queue_read(struct db_conn *c, struct arena *arena, const struct task_hold *hold,
                     struct task_work *out, bool *ours, struct error *err);

/* A sign of life: the lease begins anew. BYTES_TOTAL -1: not known. *OURS; *CANCEL: an administrator wants it
 * to end. */
bool task_queue_beat(struct db_conn *c, const struct task_hold *hold, uint64_t lease, int64_t bytes_done,
                     int64_t bytes_total, bool *ours, bool *cancel, struct error *err);

enum task_release {
    /* As if it had not been begun: the attempt does not count; nor does its time, if it was the first. */
    TASK_HAND_BACK,
    TASK_RETRY, /* not before DELAY_US, for the reason in NOTE; the attempt counts */
};

/* Lets go of a task that has not ended: pending again, what it was writing into the image store dead. One
 * transaction. *OURS false: it was not ours any more, nothing was changed. */
bool task_queue_release(struct db_conn *c, const struct task_hold *hold, enum task_release how,
                        int64_t delay_us, struct str note, bool *ours, struct error *err);

/* --- workers -------------------------------------------------------------------------------------- */

struct worker_row {
    struct str name;
    struct str host;
    int64_t pid;
    int64_t slots;
    bool draining;
    int64_t started_us; /* not read by worker_beat() */
    int64_t beat_us;
    int64_t age_us; /* since its last sign of life, by the database's clock */
};

/* Writes the row of a worker that lives. */
bool worker_beat(struct db_conn *c, const struct worker_row *row, struct error *err);

/* A worker that ends takes its row with it. */
bool worker_gone(struct db_conn *c, struct str name, struct error *err);

/* Every worker with the tasks that it holds: EACH is called with TASK NULL for a worker that holds none. */
struct worker_task {
    struct str task_id;
    struct str type;
    struct str project;
    int64_t epoch;
    int64_t attempts;
    int64_t lease_us; /* until its end; negative: it ran out */
    int64_t bytes_done;
    int64_t bytes_total; /* -1: not known */
};
typedef bool (*worker_each_fn)(void *arg, const struct worker_row *row, const struct worker_task *task,
                               struct error *err);
bool worker_list(struct db_conn *c, worker_each_fn each, void *arg, struct error *err);

#endif
