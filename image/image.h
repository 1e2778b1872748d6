/* image.h - an image as the catalogue knows it: plain data, its table of members, and JSON both ways.
 *
 * Rules only: nothing here touches database, store or network. One table (image_fields.c) says of each member
 * its type, whether a client may write it, and what its schema is; POST, JSON patch, import's
 * image_properties, replies and /v2/schemas come from it.
 */
#ifndef TALLY_IMAGE_IMAGE_H
#define TALLY_IMAGE_IMAGE_H

#include "base/json.h"

struct image_property {
    struct str name;
    struct str value;
};

/* Views whose p is NULL, and numbers of -1, are null. All strings live in the arena it was made in. */
struct image {
    struct str id;
    struct str name;
    struct str status;     /* queued, saving, active, deactivated, deleted */
    struct str visibility; /* private, shared, community, public */
    struct str owner;
    struct str disk_format;
    struct str container_format;
    struct str checksum; /* md5, hex */
    struct str os_hash_algo;
    struct str os_hash_value;
    int64_t size;
    int64_t virtual_size;
    int64_t min_disk; /* GB */
    int64_t min_ram;  /* MB */
    bool is_protected;
    bool os_hidden;
    bool deleted;
    int64_t created_us;
    int64_t updated_us;
    const struct str *tags; /* sorted, none twice */
    size_t n_tags;
    const struct image_property *properties; /* sorted by name; never one of the table's members */
    size_t n_properties;
};

/* An image that nobody has described yet: queued, shared, numbers null or 0. */
void image_init(struct image *image);

/* Reads the members of OBJ (a POST's body, or a task's image_properties) into *OUT, which was initialised.
 * Members that are not in the table are properties; their values must be strings. 400 that names the member
 * and says what is wrong with it; 403 for one that exists but is not for clients to write (status, checksum,
 * ..., location). LENIENT_ID: "id" may be given (Glance's POST takes it). */
bool image_from_json(struct arena *arena, const struct json *obj, bool lenient_id, struct image *out,
                     struct error *err);

/* A reply's object, Glance's members in Glance's order, without the properties that HIDE (may be NULL) says
 * yes to. */
typedef bool (*image_hide_fn)(void *arg, struct str property);
void image_to_json(struct json_writer *w, const struct image *image, image_hide_fn hide, void *arg);

/* The property's value, or a view whose p is NULL. */
struct str image_property(const struct image *image, struct str name);

/* Where the property NAME stands in the list, or would have to be put; *THERE. */
size_t image_property_place(const struct image *image, struct str name, bool *there);

/* Can TAG be one? 400 where not. */
bool image_tag_check(struct str tag, struct error *err);

/* 413 in Glance's words where N is more than MAX; WHAT is "properties", "tags" or "members". */
bool image_limit(const char *what, size_t n, uint64_t max, struct error *err);

/* All of an image's properties, names and values, in bytes: what bounds the memory of whoever reads images.
 */
enum { IMAGE_PROPERTIES_BYTES = 1 << 20 };

/* 413 where IMAGE has more properties or tags than it may, or too long ones. */
bool image_check_limits(const struct image *image, uint64_t max_properties, uint64_t max_tags,
                        struct error *err);

#endif
