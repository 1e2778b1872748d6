/* task_secret.h - what of the requester goes with a task, sealed: his token and his roles at POST.
 *
 * Made by POST /v2/tasks, read by the worker that carries the task out, erased when the task ends.
 */
#ifndef TALLY_IMAGE_TASK_SECRET_H
#define TALLY_IMAGE_TASK_SECRET_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/str.h"

struct task_secret {
    struct str token; /* p NULL: there was none (another identity driver than keystone) */
    const struct str *roles;
    size_t n_roles;
    bool is_admin; /* as [identity] admin_roles said at POST */
};

/* SECRET sealed under [task] secret_key and bound to TASK_ID, in ARENA. ERROR_INTERNAL where the key is not
 * set or is none. */
bool task_secret_seal(struct arena *arena, const struct conf *conf, struct str task_id,
                      const struct task_secret *secret, struct str *sealed, struct error *err);

/* The way back. ERROR_INTERNAL where SEALED was not made with this key for this task. */
bool task_secret_open(struct arena *arena, const struct conf *conf, struct str task_id, struct str sealed,
                      struct task_secret *out, struct error *err);

#endif
