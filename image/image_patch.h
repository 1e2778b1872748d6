/* image_patch.h - JSON patch as Glance takes it, and who may change what: rules only.
 *
 * A patch is read whole before anything is looked at, then applied to a copy: it counts as a whole or not at
 * all.
 */
#ifndef TALLY_IMAGE_IMAGE_PATCH_H
#define TALLY_IMAGE_IMAGE_PATCH_H

#include "image/image.h"
#include "image/property_protection.h"

/* Who asks. MAY (NULL: everything is allowed) says what property protection allows; ARG is its own. */
struct image_who {
    struct str project;
    bool admin;
    bool (*may)(void *arg, enum property_right right, struct str property);
    void *arg;
};

/* May WHO make IMAGE as it is? 403: another's owner, visibility public by other than an admin, a property
 * that he may not create. */
bool image_may_create(const struct image *image, const struct image_who *who, struct error *err);

enum image_op { IMAGE_OP_ADD, IMAGE_OP_REPLACE, IMAGE_OP_REMOVE };

/* One operation: what it does to which member. */
struct image_change {
    enum image_op op;
    struct str name;
    const struct json *value; /* NULL: a removal */
    bool must_be_new;         /* of the 2.0 form: add is no replace */
};

/* Reads the array BODY into *CHANGES. V20: the form of media type openstack-images-v2.0-json-patch,
 * {"add": "/path", "value": ...}; else 2.1's {"op": "add", "path": ...}. 400 for what is no patch or a value
 * that the schema does not take, 403 for a member that is not for clients. */
bool image_patch_read(struct arena *arena, const struct json *body, bool v20, struct image_change **changes,
                      size_t *n, struct error *err);

/* *AFTER is BEFORE with the changes, in ARENA. 403 for what WHO may not do or what the image's state does not
 * allow, 409 for a property that is not there, 413 where there would at any time be more properties than
 * MAX_PROPERTIES and than BEFORE has. */
bool image_patch_apply(struct arena *arena, const struct image *before, const struct image_change *changes,
                       size_t n, const struct image_who *who, uint64_t max_properties, struct image *after,
                       struct error *err);

#endif
