/* tasks.h - /v2/tasks: imports, exports and clones, as their requester sees them. */
#ifndef TALLY_HANDLERS_TASKS_H
#define TALLY_HANDLERS_TASKS_H

#include "base/json.h"
#include "db/tasks.h"
#include "handlers/request.h"

/* POST /v2/tasks: 201 with the task, which a worker carries out. */
bool tasks_post(struct request *r, struct error *err);

/* GET /v2/tasks: a page of the project's tasks; of all for an administrator. */
bool tasks_get_list(struct request *r, struct error *err);

/* GET /v2/tasks/{id}. */
bool tasks_get_one(struct request *r, struct error *err);

/* GET /v2/schemas/task and /v2/schemas/tasks. */
bool tasks_schema(struct request *r, struct error *err);
bool tasks_list_schema(struct request *r, struct error *err);

/* Appends what the two say, for the API's reference. */
void tasks_print_schemas(struct buf *one, struct buf *list);

/* --- for this resource, and for the tasks of an image ------------------------------------------- */

/* A task's details as an object; TASK from tasks_get(). */
void task_write(struct json_writer *w, const struct task *task);

/* A task as it stands in lists: without input, result and message. */
void task_write_listed(struct json_writer *w, const struct task *task);

/* May R's caller see TASK? Its project's that has not expired; an administrator all. */
bool task_is_visible(const struct request *r, const struct task *task);

#endif
