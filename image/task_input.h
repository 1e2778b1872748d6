/* task_input.h - what the body of POST /v2/tasks may say. The worker reads it again with the same function.
 */
#ifndef TALLY_IMAGE_TASK_INPUT_H
#define TALLY_IMAGE_TASK_INPUT_H

#include "base/conf.h"
#include "base/hash.h"
#include "base/json.h"

enum task_type { TASK_IMPORT, TASK_EXPORT, TASK_CLONE };

/* "import", and back: false where there is no such type. */
const char *task_type_name(enum task_type type);
bool task_type_parse(struct str name, enum task_type *out);

struct task_input {
    enum task_type type;
    /* import: either container and object, or url */
    struct str container;
    struct str object;
    struct str url;
    struct str format;             /* of import and export; export: p NULL where it is the image's own */
    const struct json *properties; /* image_properties of import and clone; NULL: none */
    /* export, clone */
    struct str image_id;
    struct str export_container;
};

/* Reads INPUT (an object) for TYPE into *OUT, in ARENA. 400 that names every missing member, the extra one,
 * the unknown format, why the URL does not pass (filter_uri.h), or what of image_properties no image can
 * have; 403 for another project's "owner" in there (PROJECT is the requester's) and for what is not for
 * clients to write. Both of Rackspace's spellings are taken: image_uuid and receiving_swift_container. */
bool task_input_parse(struct arena *arena, const struct conf *conf, struct str project, enum task_type type,
                      const struct json *input, struct task_input *out, struct error *err);

/* What an export of PROJECT writes to: a digest of the project, the container and the image. Two exports
 * write to one name only where this is the same for both. */
void task_export_target(const struct task_input *in, struct str project, unsigned char out[SHA256_SIZE]);

#endif
