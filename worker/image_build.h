/* image_build.h - what the image that a task makes is: from its image_properties, and of a clone from the
 * image that is cloned.
 */
#ifndef TALLY_WORKER_IMAGE_BUILD_H
#define TALLY_WORKER_IMAGE_BUILD_H

#include "worker/task.h"

/* A new image's catalogue entry, id and all, for an import. ERROR_BAD_REQUEST for what cannot be,
 * ERROR_FORBIDDEN that names a property which the requester may not create. */
bool image_build_import(struct task_run *r, struct image *out, struct error *err);

/* The same for a clone of SOURCE: what of its properties the requester may read, under what he says. */
bool image_build_clone(struct task_run *r, const struct image *source, struct image *out, struct error *err);

/* {"image_id": ID} */
struct str image_build_result(struct task_run *r, struct str id);

/* The image that an export or a clone is about, as the requester sees it: ERROR_NOT_FOUND where he does not,
 * ERROR_CONFLICT where it has no data. *KEY: of its object. */
bool image_build_source(struct task_run *r, struct image *out, struct str *key, struct error *err);

#endif
