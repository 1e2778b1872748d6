/* image_members.h - with whom an image is shared, and who may see it. */
#ifndef TALLY_DB_IMAGE_MEMBERS_H
#define TALLY_DB_IMAGE_MEMBERS_H

#include "db/db.h"
#include "image/image.h"

struct image_member {
    struct str image_id;
    struct str member; /* a project's id */
    struct str status; /* pending, accepted, rejected */
    int64_t created_us;
    int64_t updated_us;
};

/* May PROJECT get IMAGE by its id: its own, a public or community one, or one that is shared with it
 * (whatever it said to that)? False on error. */
bool image_is_visible(struct db_conn *c, const struct image *image, struct str project, bool *visible,
                      struct error *err);

/* Members by name; with ONLY (p NULL: all) that one. In ARENA. */
bool image_members_list(struct db_conn *c, struct arena *arena, struct str image_id, struct str only,
                        struct image_member **out, size_t *n, struct error *err);

/* *FOUND. In ARENA. */
bool image_member_get(struct db_conn *c, struct arena *arena, struct str image_id, struct str member,
                      struct image_member *out, bool *found, struct error *err);

/* A transaction each. ERROR_NOT_FOUND where the image, or the member, is gone; of adding: ERROR_FORBIDDEN
 * where the image is not shared, ERROR_CONFLICT where it has the member, ERROR_TOO_LARGE where it has MAX. */
bool image_member_add(struct db_conn *c, struct str image_id, struct str member, uint64_t max,
                      struct error *err);
bool image_member_set_status(struct db_conn *c, struct str image_id, struct str member, const char *status,
                             struct error *err);
bool image_member_remove(struct db_conn *c, struct str image_id, struct str member, struct error *err);

#endif
