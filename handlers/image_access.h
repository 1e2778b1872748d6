/* image_access.h - which images a caller reaches, and which are his to change. */
#ifndef TALLY_HANDLERS_IMAGE_ACCESS_H
#define TALLY_HANDLERS_IMAGE_ACCESS_H

#include "handlers/request.h"
#include "image/image.h"

/* The image of ID in *OUT, in R's arena. ERROR_NOT_FOUND where there is none, or the caller may not see it:
 * one and the same message. */
bool image_find(struct request *r, struct db_conn *c, struct str id, struct image *out, struct error *err);

/* Is it the caller's to change: his project's, or is he an administrator? */
bool image_is_own(const struct request *r, const struct image *image);

#endif
