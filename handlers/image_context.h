/* image_context.h - what handlers of images and tasks need besides the database: the image store, and who may
 * touch which properties. Made from one configuration, and made anew when that is read again; a request keeps
 * the one that it began with.
 */
#ifndef TALLY_HANDLERS_IMAGE_CONTEXT_H
#define TALLY_HANDLERS_IMAGE_CONTEXT_H

#include "base/buf.h"
#include "handlers/request.h"
#include "image/property_protection.h"
#include "store/store.h"

struct identity_service;

struct image_context {
    struct identity_service *service; /* for a store that asks for our own token */
    struct store *store;
    struct property_protection *protection;
};

/* Opens [image_store] and reads [image] property_protection_file. NULL, with ERR, where something will not
 * do; each mistake of the file is a line of MISTAKES. */
struct image_context *image_context_new(const struct conf *conf, struct buf *mistakes, struct error *err);
void image_context_free(struct image_context *x);

/* May the caller do this to a property of this name? */
bool image_property_allowed(const struct request *r, enum property_right right, struct str name);

#endif
