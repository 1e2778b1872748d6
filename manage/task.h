/* task.h - tally-manage task: what its commands share. */
#ifndef TALLY_MANAGE_TASK_H
#define TALLY_MANAGE_TASK_H

#include "db/tasks.h"
#include "manage/manage.h"

/* A connection to a database whose tables are ours; NULL with ERR. */
struct db_conn *task_connect(struct manage *m, struct error *err);

/* One line of a list, and the line above the first. */
void task_print_head(void);
void task_print_line(const struct task *task);

/* Prints S with every control character as \xNN: a customer's text must not steer a terminal. "-" where its p
 * is NULL. */
void task_print_text(struct str s);

/* Prints a time in microseconds as ISO 8601, "-" for 0. */
void task_print_time(int64_t us);

#endif
