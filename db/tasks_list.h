/* tasks_list.h - pages of tasks, each in the order of an index: what a page costs does not depend on how many
 * tasks there are.
 */
#ifndef TALLY_DB_TASKS_LIST_H
#define TALLY_DB_TASKS_LIST_H

#include "db/tasks.h"

enum task_sort {
    TASK_SORT_CREATED_AT,
    TASK_SORT_UPDATED_AT,
    TASK_SORT_EXPIRES_AT, /* tasks that do not expire (yet) stand last in both directions */
    TASK_SORT_TYPE,
    TASK_SORT_STATUS,
    TASK_SORT_ID,
};

/* What a page is taken from. Views whose p is NULL: any. */
struct task_filter {
    struct str owner;
    struct str type;
    struct str status;
    struct str image_id; /* sorted by created_at only */
    bool deleted;        /* only soft-deleted ones; else only the others */
    bool hide_expired;
    bool only_expired;   /* sorted by expires_at only */
    enum task_sort sort; /* ties by id, in the same direction */
    bool ascending;
    struct str marker; /* a task's id: the page begins after it */
    uint64_t limit;
};

/* The page in ARENA; *MORE: there are others behind it. ERROR_BAD_REQUEST where the marker is no task, or not
 * one of the owner's. */
bool tasks_list(struct db_conn *c, struct arena *arena, const struct task_filter *filter, struct task **out,
                size_t *n, bool *more, struct error *err);

#endif
