/* image_tags.h - one tag more or less, and the two states that an image with data has. */
#ifndef TALLY_DB_IMAGE_TAGS_H
#define TALLY_DB_IMAGE_TAGS_H

#include "db/db.h"

/* Each in a transaction of its own; ERROR_NOT_FOUND where the image is gone. */

/* A tag that the image has already is no error. ERROR_TOO_LARGE where it would be one more than MAX. */
bool image_tag_add(struct db_conn *c, struct str image_id, struct str tag, uint64_t max, struct error *err);
/* ERROR_NOT_FOUND also where the image does not have the tag. */
bool image_tag_remove(struct db_conn *c, struct str image_id, struct str tag, struct error *err);

/* active <-> deactivated; one that is so already stays so. ERROR_FORBIDDEN for an image in another state. */
bool image_set_deactivated(struct db_conn *c, struct str image_id, bool deactivated, struct error *err);

#endif
