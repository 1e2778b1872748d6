/* swift.h - the driver of OpenStack Swift. Inside store/swift*.c only.
 *
 * https://docs.openstack.org/api-ref/object-store/ and, for large objects,
 * https://docs.openstack.org/swift/latest/overview_large_objects.html (static large objects).
 *
 * The image store is one container of our own project. Segments of an object in CONTAINER are in
 * CONTAINER_segments, as python-swiftclient's are, named OBJECT/TAG/NUMBER; that container is made when it is
 * needed.
 */
#ifndef TALLY_STORE_SWIFT_H
#define TALLY_STORE_SWIFT_H

#include "base/http_stream.h"
#include "store/driver.h"

#include <pthread.h>

enum {
    SWIFT_MAX_HEADERS = STORE_META_MAX + 12,
    SWIFT_MAX_SEGMENTS = 1000, /* of one large object; Swift's own default */
    SWIFT_MAX_CONTAINER = 256,
    SWIFT_MAX_OBJECT = 1024,
    SWIFT_MAX_ERROR = 64 * 1024, /* bytes of a reply that only says what went wrong */
};

/* Sizes of a body beside those that are known. */
enum { SWIFT_CHUNKED = -1, SWIFT_NO_BODY = -2 };

struct swift_store {
    struct store base;
    const struct service_auth *auth;
    struct http_streams *http;
    const char *url; /* with %(project_id)s; "": the catalogue's */
    const char *region;
    const char *interface;
    struct str container; /* the image store's */
    uint64_t retries;
    uint64_t segment_bytes;
    uint64_t large_bytes;
    uint64_t stall_ms;
    pthread_mutex_t lock; /* of what follows */
    bool container_made;  /* the image store's container is there */
    bool healthy;         /* as it was found at ASKED_US */
    int64_t asked_us;
};

/* One request. */
struct swift_call {
    const char *method;
    struct str container;
    struct str object; /* p NULL: the container itself */
    const char *query; /* without the question mark; NULL: none */
    struct http_header headers[SWIFT_MAX_HEADERS];
    size_t n_headers;
    struct str body;   /* p NULL: none */
    uint64_t stall_ms; /* 0: the store's */
    unsigned tries;    /* 0: the store's retries and one */
};

/* --- swift_call.c ----------------------------------------------------------------------------------- */

/* The container that NAME means: the image store has only one. */
struct str swift_container(const struct swift_store *s, struct str container);

void swift_header(struct swift_call *call, const char *name, struct str value);
/* META as X-Object-Meta-* headers. */
void swift_meta_headers(struct swift_call *call, const struct store_meta *meta, struct arena *arena);

/* "/CONTAINER/OBJECT" as it stands in a URL. */
const char *swift_path(struct str container, struct str object, struct arena *arena);

/* Sends CALL until it is answered by something else than a 401 to a token that can be renewed, a 408, 429 or
 * 5xx, or until its tries are used up (ERROR_UNAVAILABLE, ERROR_TIMEOUT). The stream is at its body. */
struct http_stream *swift_open(struct swift_store *s, const struct store_caller *caller,
                               const struct swift_call *call, struct arena *arena,
                               struct http_response *reply, struct error *err);

/* The same with the reply's body, of MAX bytes at most. */
bool swift_exchange(struct swift_store *s, const struct store_caller *caller, const struct swift_call *call,
                    size_t max, struct arena *arena, struct http_response *reply, struct error *err);

/* Begins CALL, whose body has SIZE bytes, without a byte on the wire. *GENERATION is our own token's; one
 * above STALE is used. */
struct http_stream *swift_begin(struct swift_store *s, const struct store_caller *caller,
                                const struct swift_call *call, int64_t size, uint64_t stale,
                                uint64_t *generation, struct arena *arena, struct error *err);

/* An ETag without the quotes that large objects have around it. */
struct str swift_unquoted(struct str s);

/* Is an answer STATUS, or an error of KIND, worth another try? */
bool swift_status_again(int status);
bool swift_kind_again(enum error_kind kind);
/* Waits before try ATTEMPT (from 1 on); false where the caller stops. */
bool swift_pause(const struct store_caller *caller, unsigned attempt, struct error *err);

/* Logs what went wrong in a METHOD and puts it into words without hosts and ports. Always false. */
bool swift_trouble(const char *method, struct error *err);
/* What an answer means that is not the one hoped for. A 404 asks for the container to tell which is missing.
 * Always false. */
bool swift_refused(struct swift_store *s, const struct store_caller *caller, const struct swift_call *call,
                   int status, struct error *err);

/* --- swift.c ---------------------------------------------------------------------------------------- */

/* What the head of a GET or HEAD says of an object. *LARGE (may be NULL): a static large object. */
bool swift_info(const struct http_response *reply, struct arena *arena, struct store_info *out, bool *large,
                struct error *err);
/* HEAD; *FOUND false where there is no such object. */
bool swift_head(struct swift_store *s, const struct store_caller *caller, const struct store_name *name,
                struct arena *arena, struct store_info *out, bool *large, bool *found, struct error *err);
/* Makes CONTAINER unless it is there. */
bool swift_make_container(struct swift_store *s, const struct store_caller *caller, struct str container,
                          struct error *err);
/* DELETE of one object, absent is success; with our own authority where the caller's token has ended. */
bool swift_delete(struct swift_store *s, const struct store_caller *caller, struct str container,
                  struct str object, struct error *err);
bool swift_list(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
                store_each_fn each, void *ctx, struct error *err);

/* --- swift_read.c, swift_write.c -------------------------------------------------------------------- */

struct store_reader *swift_read_open(struct store *s, const struct store_caller *caller,
                                     const struct store_name *name, uint64_t offset, struct str etag,
                                     struct arena *arena, struct store_info *info, struct error *err);
bool swift_read(struct store_reader *r, void *p, size_t n, size_t *got, struct error *err);
void swift_close(struct store_reader *r);

struct store_writer *swift_create(struct store *s, const struct store_caller *caller,
                                  const struct store_name *name, const struct store_write_options *options,
                                  struct error *err);
bool swift_write(struct store_writer *w, const void *p, size_t n, struct error *err);
bool swift_commit(struct store_writer *w, struct arena *arena, struct store_info *out, struct error *err);
void swift_abort(struct store_writer *w);

/* --- swift_slo.c: static large objects -------------------------------------------------------------- */

struct swift_segment {
    struct str container;
    struct str object;
    struct str md5;
    uint64_t size;
};

/* Where segments of an object in CONTAINER are, and the name of number I of the attempt TAG; in ARENA. */
struct str swift_segment_container(struct str container, struct arena *arena);
struct str swift_segment_name(struct str object, struct str tag, unsigned i, struct arena *arena);

/* Did we make the segment G for an object NAME? By its name: OBJECT/TAG/NUMBER in the container of segments.
 */
bool swift_segment_is_ours(const struct swift_segment *g, const struct store_name *name, struct arena *arena);

/* Makes NAME of the N segments, with HEADERS' metadata already in CALL. *ETAG, in ARENA, is what it has if it
 * is made: set before anything is sent. */
bool swift_manifest_put(struct swift_store *s, const struct store_caller *caller,
                        const struct store_name *name, struct swift_call *call,
                        const struct swift_segment *segments, size_t n, struct arena *arena, struct str *etag,
                        struct error *err);
/* The segments of the large object NAME. ERROR_INTERNAL where it is made of more than whole objects. */
bool swift_manifest_get(struct swift_store *s, const struct store_caller *caller,
                        const struct store_name *name, struct arena *arena, struct swift_segment **segments,
                        size_t *n, struct error *err);
/* NAME := FROM by the server, of SIZE bytes; *ETAG what it then has. Metadata is in CALL. */
bool swift_copy_object(struct swift_store *s, const struct store_caller *caller, struct str from_container,
                       struct str from_object, const struct store_name *name, uint64_t size,
                       struct swift_call *call, struct arena *arena, struct str *etag, struct error *err);
bool swift_copy(struct store *s, const struct store_caller *caller, const struct store_name *from,
                const struct store_name *to, const struct store_meta *meta, struct error *err);

#endif
