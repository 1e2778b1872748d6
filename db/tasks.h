/* tasks.h - tasks as their owners see them: tasks, task_info, and the queue's rows that are made with them.
 *
 * Here a task is made and looked at. What a worker does with it is task_queue.h's; every way in which it ends
 * (success, failure, cancelled) is task_finish.h's: one transaction that guards the epoch. Lists:
 * tasks_list.h.
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
    bool expired; /* expires_us is not in the future, by the database's clock */
    /* not in lists */
    struct str export_target; /* 32 bytes (task_input.h); not read, only stored */
    struct str input;         /* JSON text */
    struct str result;        /* JSON text */
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

/* The task of ID in ARENA; *FOUND. Deleted and expired ones too: who may see those is the caller's to say. */
bool tasks_get(struct db_conn *c, struct arena *arena, struct str id, struct task *out, bool *found,
               struct error *err);

/* --- for the files of db/ ----------------------------------------------------------------------- */

/* A time as microseconds since 1970, for a SELECT; NULL reads as 0. And such a number as a time. */
#define TASK_US(column) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ")"
#define TASK_TIME "TIMESTAMP '1970-01-01 00:00:00' + INTERVAL ? MICROSECOND"

/* What task_read() takes from a row of "tasks t". */
#define TASK_EXPIRES TASK_US("t.expires_at") " AS expires_us"
#define TASK_CREATED TASK_US("t.created_at") " AS created_us"
#define TASK_UPDATED TASK_US("t.updated_at") " AS updated_us"
#define TASK_EXPIRED "t.expires_at <= UTC_TIMESTAMP(6) AS expired"
#define TASK_COLUMNS                                                                                 \
    "t.id, t.type, t.status, t.owner, t.image_id, t.request_id, t.user_id, t.deleted, " TASK_EXPIRES \
    ", " TASK_CREATED ", " TASK_UPDATED ", " TASK_EXPIRED
void task_read(struct db_rows *rows, struct arena *arena, struct task *out);

#endif
