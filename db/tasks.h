/* tasks.h - tasks as their owners see them: tasks, task_info, and the queue's rows that are made with them.
 * The queue's own side is task_queue.h.
 */
#ifndef TALLY_DB_TASKS_H
#define TALLY_DB_TASKS_H

#include "db/db.h"

/* Views whose p is NULL, and times of 0, are null. */
struct task {
    struct str id;
    struct str type;
    struct str status;
    struct str owner; /* project id */
    struct str image_id;
    struct str request_id;
    struct str user_id;
    int64_t expires_us;
    int64_t created_us;
    int64_t updated_us;
    bool deleted;
    /* not in lists */
    struct str input;  /* JSON text */
    struct str result; /* JSON text */
    struct str message;
    /* of task_leases, while it has not ended */
    bool queued;
    int64_t bytes_done;
    int64_t bytes_total; /* -1: not known */
    int64_t attempts;
    struct str note;
};

/* tasks, task_info, task_leases and task_secrets (SEALED) in one transaction. Sets the times. ERROR_TOO_MANY
 * where the project has MAX_PENDING (0: no limit) tasks that have not ended. */
bool tasks_insert(struct db_conn *c, struct task *task, struct str sealed, uint64_t max_pending,
                  struct error *err);

/* The task of ID in ARENA; *FOUND. */
bool tasks_get(struct db_conn *c, struct arena *arena, struct str id, struct task *out, bool *found,
               struct error *err);

#endif
