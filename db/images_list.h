/* images_list.h - pages of images: those that a caller sees, by what he asks for.
 *
 * A statement is put together of fixed fragments; all that comes from outside are its parameters. The usual
 * lists read an index in its order, so that a page costs what it holds and not what the table holds.
 */
#ifndef TALLY_DB_IMAGES_LIST_H
#define TALLY_DB_IMAGES_LIST_H

#include "db/images.h"

enum image_column {
    IMAGE_BY_NAME,
    IMAGE_BY_STATUS,
    IMAGE_BY_CONTAINER_FORMAT,
    IMAGE_BY_DISK_FORMAT,
    IMAGE_BY_SIZE,
    IMAGE_BY_ID,
    IMAGE_BY_CREATED_AT,
    IMAGE_BY_UPDATED_AT,
    /* not for sorting */
    IMAGE_BY_OWNER,
    IMAGE_BY_CHECKSUM,
    IMAGE_BY_OS_HASH_ALGO,
    IMAGE_BY_OS_HASH_VALUE,
    IMAGE_BY_VIRTUAL_SIZE,
    IMAGE_BY_MIN_RAM,
    IMAGE_BY_MIN_DISK,
    IMAGE_BY_PROTECTED,
    IMAGE_BY_OS_HIDDEN,
    IMAGE_BY_TAG,
    IMAGE_BY_PROPERTY,
};

enum image_test {
    IMAGE_IS,      /* one of VALUES; for numbers: NUMBER */
    IMAGE_FROM,    /* NUMBER or more */
    IMAGE_TO,      /* NUMBER or less */
    IMAGE_BEFORE,  /* less than NUMBER */
    IMAGE_OUTSIDE, /* less than NUMBER, or NUMBER2 or more */
};

/* All conditions must hold. Times are in microseconds since 1970. */
struct image_condition {
    enum image_column column;
    enum image_test test;
    struct str property; /* the name, of IMAGE_BY_PROPERTY */
    const struct str *values;
    size_t n_values;
    int64_t number;
    int64_t number2;
};

enum { IMAGE_SORTS_MAX = 10, IMAGE_CONDITIONS_MAX = 40 };

struct image_filter {
    struct str project;
    bool admin;            /* sees every project's */
    struct str visibility; /* one of the four, or "all"; p NULL: all but other projects' community images */
    struct str member_status; /* of what is shared with PROJECT: pending, accepted, rejected or all */
    struct image_condition conditions[IMAGE_CONDITIONS_MAX];
    size_t n;
    struct {
        enum image_column column;
        bool descending;
    } sort[IMAGE_SORTS_MAX]; /* the last one is IMAGE_BY_ID */
    size_t n_sorts;
    const struct image *marker; /* the page begins after it; NULL: at the beginning */
    uint64_t limit;
};

/* Calls FN for each image of the page, with tags and properties, which live until FN returns. */
typedef bool (*image_list_fn)(void *arg, const struct image *image, struct error *err);
bool images_list(struct db_conn *c, struct arena *arena, const struct image_filter *filter, image_list_fn fn,
                 void *arg, struct error *err);

#endif
