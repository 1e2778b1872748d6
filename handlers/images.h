/* images.h - /v2/images: the catalogue. */
#ifndef TALLY_HANDLERS_IMAGES_H
#define TALLY_HANDLERS_IMAGES_H

#include "base/json.h"
#include "handlers/request.h"
#include "image/image.h"

/* POST /v2/images: a new image, queued. 201. */
bool image_create(struct request *r, struct error *err);

/* GET /v2/images: a page of those that the caller sees. */
bool image_list(struct request *r, struct error *err);

/* GET, PATCH, DELETE /v2/images/{image_id}. */
bool image_show(struct request *r, struct error *err);
bool image_update(struct request *r, struct error *err);
bool image_delete(struct request *r, struct error *err);

/* GET /v2/images/{image_id}/tasks: the caller's tasks that have to do with it, oldest first. */
bool image_tasks(struct request *r, struct error *err);

/* GET /v2/schemas/image, /v2/schemas/images. */
bool image_schema(struct request *r, struct error *err);
bool images_schema(struct request *r, struct error *err);

/* GET /v2/info/import, /v2/info/stores: no import methods, and one store. */
bool info_import(struct request *r, struct error *err);
bool info_stores(struct request *r, struct error *err);

/* Writes IMAGE with the properties that the caller may read. */
void image_write(struct json_writer *w, struct request *r, const struct image *image);

/* An image in a reply has no more bytes than this: text may become six times as long. */
enum { IMAGE_JSON_MAX = 8 * IMAGE_PROPERTIES_BYTES };

#endif
