/* image_data.h - an image's bytes in and out. */
#ifndef TALLY_HANDLERS_IMAGE_DATA_H
#define TALLY_HANDLERS_IMAGE_DATA_H

#include "handlers/request.h"

/* PUT and GET /v2/images/{image_id}/file. */
bool image_upload(struct request *r, struct error *err);
bool image_download(struct request *r, struct error *err);

/* Removes the N objects of KEYS, which images_delete() has left dead. What cannot be removed now is logged
 * and left to the sweeper. */
void image_data_remove(struct request *r, struct db_conn *c, const struct str *keys, size_t n);

#endif
