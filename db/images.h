/* images.h - the image tables: images, their properties, tags, members and locations, and the objects behind
 * them.
 *
 * Functions that change say whose epoch or state they rely on and do nothing where it is gone. Each is to be
 * called in its own transaction unless it says "inside the caller's". Deleted images keep their row (deleted
 * = 1) and nothing else: members, tags, properties and import_sources go.
 */
#ifndef TALLY_DB_IMAGES_H
#define TALLY_DB_IMAGES_H

#include "db/db.h"
#include "image/image.h"

/* Limits of a project, from [image]; 0: none. */
struct image_quota {
    uint64_t max_images;    /* that are not deleted */
    uint64_t max_bytes;     /* of objects that still exist, those of deleted images included */
    uint64_t max_in_flight; /* images that are being uploaded or imported */
};
struct image_quota image_quota_of(const struct conf *conf);

/* What is wanted of a project's quota. */
struct image_need {
    bool image;            /* one image more */
    bool in_flight;        /* one more on its way in */
    bool bytes_known;      /* so many bytes more */
    uint64_t bytes;        /* 0: is there any room left? */
    struct str except_key; /* whose size does not count: it is what the bytes are for; p NULL: none */
};

/* ERROR_TOO_LARGE where PROJECT's quota does not have it. Inside the caller's transaction, before it locks an
 * image: where a limit is set, transactions that ask for the same project wait for each other. */
bool images_quota_check(struct db_conn *c, struct str project, const struct image_quota *quota,
                        const struct image_need *need, struct error *err);

/* One transaction of PROJECT at a time decides on what it may have: images, bytes, tasks that run. The others
 * wait here until the caller's has ended. */
bool images_quota_lock(struct db_conn *c, struct str project, struct error *err);

/* PROJECT is about to get an image with its bytes whatever its quota says, as an administrator may decide:
 * those that ask for the quota meanwhile wait. Inside the caller's transaction, before it locks an image. */
bool images_quota_enter(struct db_conn *c, struct str project, const struct image_quota *quota,
                        struct error *err);

/* Stores IMAGE (id and owner set) with its tags and properties, made now. ERROR_CONFLICT where the
 * id is taken, ERROR_TOO_LARGE where the quota is used up. Inside the caller's transaction. */
bool images_insert(struct db_conn *c, const struct image *image, const struct image_quota *quota,
                   struct error *err);

/* The image of ID, deleted ones too if DELETED_TOO; *FOUND. In ARENA. */
bool images_get(struct db_conn *c, struct arena *arena, struct str id, bool deleted_too, struct image *out,
                bool *found, struct error *err);

/* Locks the row of ID, if there is one, until the caller's transaction ends. */
bool images_lock(struct db_conn *c, struct str id, struct error *err);

/* Makes of BEFORE, as images_get() read it, AFTER: what a client may change (name, visibility, owner,
 * formats, minima, protected, hidden, tags, properties), and updated_at, which is set in AFTER. The image's
 * bytes count against the quota of AFTER's owner then; images_quota_enter() comes first where that is
 * another. ERROR_CONFLICT, with nothing done, where the image is no longer BEFORE: read it again. Inside the
 * caller's transaction. */
bool images_update(struct db_conn *c, const struct image *before, struct image *after, struct error *err);

/* Where its bytes are: the object's key; p NULL where it has none. */
bool images_location(struct db_conn *c, struct arena *arena, struct str id, struct str *key,
                     struct error *err);

/* Deletes it: row kept, properties, tags, members, import source gone, its objects dead. ERROR_NOT_FOUND
 * where somebody was faster, ERROR_FORBIDDEN where it is protected. *KEYS, in ARENA: the objects that are to
 * be removed now; one that is still being written is dead too, and its writer's (or the sweeper's) to remove.
 */
bool images_delete(struct db_conn *c, struct arena *arena, struct str id, struct str **keys, size_t *n_keys,
                   struct error *err);

/* --- bytes ---------------------------------------------------------------------------------------- */

/* An object that is about to be written. */
struct image_object {
    struct str key;
    struct str project;
    struct str image_id;
    struct str task_id; /* p NULL: an upload through tally.fcgi */
    int64_t epoch;
    int64_t writer_seconds; /* an upload cannot be at work after that long; 0: a task's lease tells */
    int64_t size;           /* bytes that it will have, which count against the quota at once; 0: not known */
};

/* Records OBJECT before its first byte, state writing. Inside the caller's transaction. */
bool images_object_begin(struct db_conn *c, const struct image_object *object, struct error *err);

/* An object whose bytes come. */
struct image_growth {
    struct str key;
    const struct image_quota *quota;
    uint64_t
        counted; /* bytes that count against the quota so far; in the beginning those that were announced */
};

/* SIZE bytes have come. What nobody had announced counts against the quota from here on, 16 MiB at a time.
 * ERROR_TOO_LARGE where there is no room for it. Where the database cannot be asked the bytes may go on:
 * their end is held against the quota in any case. */
bool images_object_grown(struct db *db, struct image_growth *growth, uint64_t size, struct error *err);

/* queued -> saving for an upload, and its object recorded; ERROR_CONFLICT where the image is in another
 * state, ERROR_TOO_LARGE where the quota is used up. */
bool images_upload_begin(struct db_conn *c, const struct image_object *object,
                         const struct image_quota *quota, struct error *err);

/* What an image's bytes came to. */
struct image_data {
    uint64_t size;
    int64_t virtual_size; /* -1: not known */
    struct str checksum;
    struct str os_hash_algo;
    struct str os_hash_value;
};

/* saving -> active with KEY as its location and the object live; ERROR_NOT_FOUND where the image was deleted
 * meanwhile, ERROR_CONFLICT where the object is no longer the writer's, ERROR_TOO_LARGE where the quota does
 * not have room for the bytes. Inside the caller's transaction. */
bool images_activate(struct db_conn *c, struct str id, struct str key, const struct image_data *data,
                     const struct image_quota *quota, struct error *err);

/* The same as an upload's end, in a transaction of its own. */
bool images_upload_end(struct db_conn *c, struct str id, struct str key, const struct image_data *data,
                       const struct image_quota *quota, struct error *err);

/* saving -> queued, the object dead: it may be removed then. Also where the image was deleted, or another
 * upload goes on. ERROR_CONFLICT: the object is an image's, the upload had ended well. */
bool images_upload_abort(struct db_conn *c, struct str id, struct str key, struct error *err);

/* The object's bytes are gone: its row goes too, unless an image has it. */
bool images_object_gone(struct db_conn *c, struct str key, struct error *err);

#endif
