/* mark.h - the mark that an exported object carries in its metadata, so that it is never imported again. */
#ifndef TALLY_WORKER_MARK_H
#define TALLY_WORKER_MARK_H

#include "worker/task.h"

/* "TASKID.EPOCH" of the attempt: what the object's parts are named by, too. In the task's arena. */
const char *mark_attempt(const struct task_run *r);

/* Mark, image id, format and checksums: all that an exported object says of its image. */
void mark_set(struct store_meta *meta, const char *attempt, struct str image_id, struct str format,
              struct str md5, struct str sha512);

/* The mark; p NULL where there is none. */
struct str mark_of(const struct store_meta *meta);

/* Was the object written by an attempt of R's task, this one or one before it? */
bool mark_is_ours(const struct store_meta *meta, const struct task_run *r);

#endif
