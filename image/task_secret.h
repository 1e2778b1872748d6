/* task_secret.h - what goes with a task and nobody may read: on whose behalf it is carried out.
 *
 * A JSON text, sealed under [task] secret_key and bound to the task's id (base/seal.h): in task_secrets until
 * the task ends.
 */
#ifndef TALLY_IMAGE_TASK_SECRET_H
#define TALLY_IMAGE_TASK_SECRET_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"

/* The requester at POST. */
struct task_secret {
    struct str token; /* p NULL: there was none (an identity driver without tokens) */
    struct str project_name;
    struct str user_name;
    const struct str *roles; /* whole names */
    size_t n_roles;
    bool is_admin;
};

/* Can tasks be taken: is there a key? ERROR_UNAVAILABLE that says what is missing. */
bool task_secret_ready(const struct conf *conf, struct error *err);

/* SECRET sealed for the task of this id, in ARENA. */
bool task_secret_seal(struct arena *arena, const struct conf *conf, struct str task_id,
                      const struct task_secret *secret, struct str *sealed, struct error *err);

/* And back; all in ARENA, and wiped when that is reset. ERROR_INTERNAL where it does not open. */
bool task_secret_open(struct arena *arena, const struct conf *conf, struct str task_id, struct str sealed,
                      struct task_secret *out, struct error *err);

#endif
