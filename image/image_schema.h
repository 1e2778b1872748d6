/* image_schema.h - what /v2/schemas/image and /v2/schemas/images say. */
#ifndef TALLY_IMAGE_IMAGE_SCHEMA_H
#define TALLY_IMAGE_IMAGE_SCHEMA_H

#include "base/json.h"

/* The JSON schema of an image, from the table of members. */
void image_schema_write(struct json_writer *w);

/* That of a list of them. */
void images_schema_write(struct json_writer *w);

#endif
