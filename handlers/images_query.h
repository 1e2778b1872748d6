/* images_query.h - the query of GET /v2/images. */
#ifndef TALLY_HANDLERS_IMAGES_QUERY_H
#define TALLY_HANDLERS_IMAGES_QUERY_H

#include "db/images_list.h"
#include "handlers/request.h"

struct images_query {
    struct image_filter filter; /* without its marker */
    struct str marker;          /* an image's id; p NULL: none */
    bool nothing;               /* it asks for a property that the caller may not read: no image has it */
};

/* Reads R's query. 400 in Glance's words. */
bool images_query_read(struct request *r, struct images_query *out, struct error *err);

#endif
