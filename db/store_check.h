/* store_check.h - what the image store's objects are held against: who owns them, and which images need them.
 */
#ifndef TALLY_DB_STORE_CHECK_H
#define TALLY_DB_STORE_CHECK_H

#include "db/db.h"

/* Is there a row for the image store's object KEY, whatever its state? */
bool store_check_known(struct db_conn *c, struct str key, bool *known, struct error *err);

/* An image that must have bytes. */
struct store_check_image {
    struct str id;
    struct str key; /* p NULL: the database does not say where */
    uint64_t size;
};

/* Up to MAX active or deactivated images whose id is above AFTER, by id; in ARENA. *N below MAX: the last. */
bool store_check_images(struct db_conn *c, struct arena *arena, struct str after, size_t max,
                        struct store_check_image *out, size_t *n, struct error *err);

/* Does the image still need KEY? Asked again for one whose bytes were not found. */
bool store_check_needed(struct db_conn *c, const struct store_check_image *image, bool *needed,
                        struct error *err);

#endif
