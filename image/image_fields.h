/* image_fields.h - the one table of an image's members, from which POST, JSON patch, replies and the schemas
 * come.
 */
#ifndef TALLY_IMAGE_IMAGE_FIELDS_H
#define TALLY_IMAGE_IMAGE_FIELDS_H

#include "image/image.h"

enum { IMAGE_TEXT_MAX = 255, IMAGE_NUMBER_MAX = INT32_MAX };

enum image_field_type {
    FIELD_STRING,
    FIELD_UUID,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_TIME,
    FIELD_TAGS,
    FIELD_LINK, /* made from the id */
    FIELD_NONE, /* never an image's: only its name is taken */
};

enum image_field_flag {
    FIELD_NULL = 1,      /* may be null */
    FIELD_READ_ONLY = 2, /* 403 for clients */
    FIELD_RESERVED = 4,  /* the same, in Glance's other words */
    FIELD_SHOWN = 8,     /* stands in replies */
    FIELD_PROPERTY = 16, /* a property whose values have a form; stored with the others */
};

struct image_field {
    const char *name;
    enum image_field_type type;
    unsigned flags;
    size_t offset;                 /* in struct image; not of FIELD_LINK, FIELD_NONE and properties */
    size_t max_chars;              /* 0: no limit in the schema */
    const char *(*word)(size_t i); /* the words that are allowed, NULL after the last; NULL: any */
    const char *what;              /* the schema's description; NULL: not in the schema */
    const char *items;             /* of an array: the schema of its elements */
};

extern const struct image_field image_fields[];
extern const size_t image_n_fields;

/* NULL: NAME is a property like any other. */
const struct image_field *image_field_find(struct str name);

/* May a client write NAME? 403 in Glance's words where not; also for what begins with "os_glance". */
bool image_field_writable(struct str name, struct error *err);

/* Reads V into FIELD of IMAGE. 400 that names the member where V is not what the schema says. Not for
 * properties. */
bool image_field_set(struct arena *arena, const struct image_field *field, const struct json *v,
                     struct image *image, struct error *err);

/* The value of the property NAME as V has it; p NULL for null. 400 where the name or the value cannot be one.
 */
bool image_property_value(struct str name, const struct json *v, struct str *out, struct error *err);

#endif
