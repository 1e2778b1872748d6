/* task_queue.h - the queue's own side of tasks: who may work on what, and until when.
 *
 * A claim is one guarded UPDATE that raises the row's epoch; it is owned only where the statement said so and
 * did not fail. From then on everything that a worker writes says "AND epoch = ?": once another worker has
 * claimed the task, nothing that the first one does can change a row. No row lock and no GET_LOCK() decides
 * (a Galera cluster replicates neither), and no clock but the database's. Where the tasks of a project are
 * limited, a claim is a transaction that writes the project's row of the quotas, too, before it counts.
 */
#ifndef TALLY_DB_TASK_QUEUE_H
#define TALLY_DB_TASK_QUEUE_H

#include "base/hash.h"
#include "db/db.h"

enum { TASK_ID_SIZE = 37, TASK_WORKER_SIZE = 129, TASK_PROJECT_SIZE = 256, TASK_LOOK_PROJECTS = 64 };

/* A task that could be claimed when it was looked for. */
struct task_candidate {
    char task_id[TASK_ID_SIZE];
    char project[TASK_PROJECT_SIZE];
    int64_t epoch;
    bool expired; /* its worker let its lease run out */
    bool takes_turns;
    unsigned char target[SHA256_SIZE]; /* of an export that takes turns: with whom */
};

/* Where the next look at the queue goes on: projects are passed in the order of their ids, TASK_LOOK_PROJECTS
 * at a time. All zero is the beginning. */
struct task_look {
    char after[TASK_PROJECT_SIZE];
};

/* Up to MAX tasks that may be begun now, in the order in which they are to be tried: those whose lease ran
 * out first, then project by project in turn, the project with the least running ones first. MAX_PER_PROJECT
 * (0: no limit) holds for those that run and those that are given together. Of exports that take turns only
 * the oldest is given, and none while another has the turn. OUT has room for MAX. */
bool task_queue_look(struct db_conn *c, struct task_look *look, uint64_t max_per_project,
                     struct task_candidate *out, size_t max, size_t *n, struct error *err);

/* Who has a task. */
struct task_hold {
    char task_id[TASK_ID_SIZE];
    char worker[TASK_WORKER_SIZE];
    int64_t epoch;
};

/* Takes CANDIDATE for WORKER (a name that no other process ever had) for LEASE seconds: epoch and attempts
 * go up, the task's status is processing; an export has the turn. *OURS says whether it is; *HOLD is then
 * what later calls want. It is not, and nothing was seen to change, where its project would run more than
 * MAX_PER_PROJECT (0: no limit); one that expired is none more. On an error nothing is owned: whoever has
 * lost the answer to his claim gives it back with task_queue_disown(). */
bool task_queue_claim(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                      uint64_t lease, uint64_t max_per_project, struct task_hold *hold, bool *ours,
                      struct error *err);

/* Gives back what a claim whose answer was lost may have taken; nothing where it had not. */
bool task_queue_disown(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                       struct error *err);

/* What a claimed task is; texts live in the arena. */
struct task_work {
    struct str type;
    struct str owner; /* project */
    struct str user_id;
    struct str request_id;
    struct str input;   /* JSON text */
    struct str sealed;  /* p NULL: no secret */
    struct str turn;    /* the target of an export that has the turn; p NULL: none */
    int64_t attempts;   /* this one included */
    int64_t elapsed_us; /* since the first attempt began */
    bool cancel;
};

/* *OURS false: the task is somebody else's by now. */
bool task_queue_read(struct db_conn *c, struct arena *arena, const struct task_hold *hold,
                     struct task_work *out, bool *ours, struct error *err);

/* For an export that has the turn of another target than its own, because its input was changed or an older
 * Tally put it into the queue: it takes that of TARGET. ERROR_TOO_MANY where another has it: a later claim
 * will know. *OURS false: the task is somebody else's by now. */
bool task_queue_take_turn(struct db_conn *c, const struct task_hold *hold,
                          const unsigned char target[SHA256_SIZE], bool *ours, struct error *err);

/* An export that an administrator made a failure of while a worker had it keeps its turn until that worker
 * has cleared away what it wrote: *OURS says whether it is HOLD's to do, within LEASE seconds. When it is
 * done, task_queue_cleared() gives the turn to the next. */
bool task_queue_clear(struct db_conn *c, const struct task_hold *hold, uint64_t lease, bool *ours,
                      struct error *err);
bool task_queue_cleared(struct db_conn *c, const struct task_hold *hold, struct error *err);

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

#endif
