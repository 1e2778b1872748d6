/* task_finish.h - what an attempt writes besides its bytes: its objects' records, and the task's end.
 *
 * An end is one transaction: the image active, the task success or failure, lease and secret gone. Inside it
 * the lease is read again; where it is not the attempt's own any more nothing is written and *OURS is false:
 * the bytes are then to be thrown away by whoever wrote them.
 */
#ifndef TALLY_DB_TASK_FINISH_H
#define TALLY_DB_TASK_FINISH_H

#include "db/images.h"
#include "db/task_queue.h"

enum { TASK_SOURCE_SIZE = 32 };

/* What every end needs. */
struct task_end {
    const struct task_hold *hold;
    struct str input;  /* the text that the work was done for: another one by now is ERROR_CONFLICT, code
                          TASK_INPUT_CHANGED; p NULL: it does not matter */
    struct str result; /* JSON text; p NULL: none */
    uint64_t ttl_hours;
};

enum { TASK_INPUT_CHANGED = 1 };

/* Records an object before its first byte. CONTAINER p NULL: the image store. */
struct task_object {
    struct str key;
    struct str container;
    struct str project;
    struct str image_id;
    uint64_t size;                   /* 0: not known */
    const struct image_quota *quota; /* what a new image is held against; NULL: it is none */
};
/* ERROR_TOO_LARGE where the project's quota does not have it, ERROR_TOO_MANY where too many are on their way
 * in: worth another try. */
bool task_object_begin(struct db_conn *c, const struct task_hold *hold, const struct task_object *object,
                       bool *ours, struct error *err);

/* A new image whose bytes lie under KEY. */
struct task_image {
    const struct image *image; /* status saving */
    struct str key;
    const struct image_data *data;
    const struct image_quota *quota;
};

/* May PROJECT import this: no image of it lives that came from SOURCE_SHA256 (NULL: not known) or has the
 * content SHA512 (hex; p NULL: not known yet), and it never exported that content? ERROR_CONFLICT with a
 * message for the customer that names the image and the task. */
bool task_import_allowed(struct db_conn *c, struct str project, const unsigned char *source_sha256,
                         struct str sha512, struct error *err);

/* ERROR_CONFLICT where it is an image's second import, ERROR_TOO_LARGE for a quota. SOURCE_SHA256 may be
 * NULL: the source had no name that holds. */
bool task_finish_import(struct db_conn *c, const struct task_end *end, const struct task_image *image,
                        const unsigned char *source_sha256, bool *ours, struct error *err);

/* ERROR_NOT_FOUND where SOURCE_ID was deleted meanwhile, ERROR_CONFLICT where it is not active any more. */
bool task_finish_clone(struct db_conn *c, const struct task_end *end, const struct task_image *image,
                       struct str source_id, bool *ours, struct error *err);

/* The exported bytes' SHA512 (hex) is remembered for PROJECT. Errors as of task_finish_clone(). */
bool task_finish_export(struct db_conn *c, const struct task_end *end, struct str project,
                        struct str image_id, struct str sha512, bool *ours, struct error *err);

/* The task fails with MESSAGE; what it was writing is dead. */
bool task_finish_failure(struct db_conn *c, const struct task_end *end, struct str message, bool *ours,
                         struct error *err);

#endif
