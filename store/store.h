/* store.h - where bytes lie: Tally's image store, and customers' containers. Two drivers, dir and swift, do
 * both.
 *
 * What a driver can do beyond the common, it says by feature flags; callers never ask its name. An object is
 * whole or absent: what was not committed is never seen under its name. Error kinds: ERROR_NOT_FOUND
 * ("Container not found. Container: NAME", "Object not found. Object: CONTAINER/NAME"), ERROR_FORBIDDEN,
 * ERROR_UNAUTHORIZED (the caller's token does not hold any more), ERROR_CONFLICT (the object is not what it
 * was), ERROR_TOO_LARGE (no room, a quota), ERROR_TIMEOUT (no byte for stall_timeout), ERROR_UNAVAILABLE
 * (worth another try), ERROR_ABORTED (the caller's stop() said so), ERROR_INTERNAL. Messages hold no URL,
 * token or path of ours.
 */
#ifndef TALLY_STORE_STORE_H
#define TALLY_STORE_STORE_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/service_auth.h"
#include "base/str.h"

enum store_feature {
    STORE_LOCAL_PATH =
        1, /* store_local_path() names a file that may be read (X-Accel-Redirect, reflink, qemu-img) */
    STORE_COPY = 2, /* store_copy() moves no byte through us */
    STORE_SEGMENTS =
        4, /* large objects are written in parts that can be left behind: store_write_options.segment */
};

struct store;
struct store_reader;
struct store_writer;

/* Whose authority is used, and when to stop. */
struct store_caller {
    struct str token; /* the requester's, sent together with our service token; p NULL: our own authority */
    struct str project_id;   /* of the requester: whose containers are meant */
    bool (*stop)(void *ctx); /* asked between blocks and while waiting, at least each second; NULL: never */
    void *ctx;
};

struct store_name {
    struct str container; /* p NULL in the image store */
    struct str object;
};

enum { STORE_META_MAX = 16 };

/* Metadata that goes with an object ("tally-exported" and a value): names in lower case, without the driver's
 * prefix.
 */
struct store_meta {
    struct {
        struct str name, value;
    } item[STORE_META_MAX];
    size_t n;
};

struct store_info {
    uint64_t size;
    struct str etag; /* changes whenever the content does; for one whole object in Swift its md5. No quotes */
    int64_t modified_us;
    struct store_meta meta;
};

/* The image store of [image_store], and the containers of [object_store]. CONF is referenced. AUTH is what
 * identity_service_auth() gives; it outlives the store, and may be NULL where the driver is dir. NULL: the
 * configuration will not do. Used by all threads at once. Wherever a caller is wanted, NULL means our own
 * authority, no project, never to be stopped: enough for the image store. */
struct store *store_images_new(const struct conf *conf, const struct service_auth *auth, struct error *err);
struct store *store_containers_new(const struct conf *conf, const struct service_auth *auth,
                                   struct error *err);
void store_free(struct store *s);

unsigned store_features(const struct store *s);
/* Can it be used (directory there and writable, Swift answers; at most 10 seconds old)? For GET /healthz. */
bool store_healthy(struct store *s);

/* --- reading -------------------------------------------------------------------------------------- */

bool store_stat(struct store *s, const struct store_caller *caller, const struct store_name *name,
                struct arena *arena, struct store_info *out, struct error *err);

/* Reads from OFFSET on. *INFO says what is read; with ETAG (p NULL: any) another content is ERROR_CONFLICT.
 * Close it. */
struct store_reader *store_open(struct store *s, const struct store_caller *caller,
                                const struct store_name *name, uint64_t offset, struct str etag,
                                struct arena *arena, struct store_info *info, struct error *err);
/* Up to N bytes; *GOT 0 at the end. A connection that breaks is taken up again at the same byte a bounded
 * number of times, as long as the content is the same; fewer bytes than INFO said are an error. */
bool store_read(struct store_reader *r, void *p, size_t n, size_t *got, struct error *err);
void store_close(struct store_reader *r);

/* --- writing -------------------------------------------------------------------------------------- */

struct store_write_options {
    int64_t size;                  /* in bytes, or -1 */
    const struct store_meta *meta; /* NULL: none */
    struct str content_type;       /* p NULL: application/octet-stream */
    const char *tag;               /* names the attempt: "TASKID.EPOCH"; parts carry it */
    /* Of what will be written, in hexadecimal, so that nobody computes it again; p NULL: not known. Whoever
     * gives it has held the bytes against another digest of theirs before store_commit(). */
    struct str md5;
    /* Called with the full name of each part before its first byte; false ends the writing. NULL: nobody
     * asks. */
    bool (*segment)(void *ctx, struct str container, struct str object, struct error *err);
    void *ctx;
};

/* A writer; nothing is seen under NAME before store_commit(). The container must exist. */
struct store_writer *store_create(struct store *s, const struct store_caller *caller,
                                  const struct store_name *name, const struct store_write_options *options,
                                  struct error *err);
bool store_write(struct store_writer *w, const void *p, size_t n, struct error *err);
/* Ends the object: durable when it says true; checks what the store says it has (ETag) against what was
 * written. Frees W in any case; false: nothing is left, as far as we could see to it. *OUT (may be NULL) in
 * ARENA. */
bool store_commit(struct store_writer *w, struct arena *arena, struct store_info *out, struct error *err);
/* Gives up, removes what was written, frees W. NULL is allowed. */
void store_abort(struct store_writer *w);

/* Absent is success. A large object's segments go with it. */
bool store_remove(struct store *s, const struct store_caller *caller, const struct store_name *name,
                  struct error *err);

/* FROM as TO within one store, without moving bytes through us; META as in store_create(). Only with
 * STORE_COPY. */
bool store_copy(struct store *s, const struct store_caller *caller, const struct store_name *from,
                const struct store_name *to, const struct store_meta *meta, struct error *err);

/* The file of an image store's object, in ARENA. Only with STORE_LOCAL_PATH. Object names are refused (NULL)
 * unless they are segments of [A-Za-z0-9._-] joined by '/', none of them beginning with a dot. */
const char *store_local_path(struct store *s, const struct store_name *name, struct arena *arena);

/* The same file as nginx knows it, for X-Accel-Redirect: [image_store] accel_prefix and the path below the
 * directory. NULL where store_local_path() is, or where accel_prefix is empty. */
const char *store_accel_path(struct store *s, const struct store_name *name, struct arena *arena);

/* Every object of a container (the image store: CONTAINER p NULL) whose name begins with PREFIX, in any
 * order, until EACH says false; with an error in ERR of its own, that is the list's. In the image store also
 * an object of which only parts are there, and, of a directory, what is no object: as "./PATH" below it,
 * which no object is called. ERROR_FORBIDDEN of a directory: a folder in it could not be read, all else was
 * told. */
typedef bool (*store_each_fn)(void *ctx, struct str object, uint64_t size, int64_t modified_us,
                              struct error *err);
bool store_list(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
                store_each_fn each, void *ctx, struct error *err);

/* Removes what writers that died have left where no name leads to it (dir: temporary files that no living
 * writer holds and nobody touched for MIN_AGE seconds); *REMOVED counts. For the worker's sweeper. */
bool store_sweep(struct store *s, uint64_t min_age, uint64_t *removed, struct error *err);

#endif
