/* multipart.h - multipart/form-data (RFC 7578, RFC 2046) from pieces of any size, in constant memory.
 *
 * Strict where leniency would let two readers see two different bodies: lines end with CR LF, a line that
 * begins with the boundary is a boundary or the body is refused, the closing one must be there, headers that
 * matter stand once, no multipart within a part, no transfer encoding. Preamble and epilogue are ignored.
 */
#ifndef TALLY_HANDLERS_MULTIPART_H
#define TALLY_HANDLERS_MULTIPART_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* What a part's headers say. The views are valid during the call. */
struct multipart_part {
    struct str name;
    struct str filename;     /* p NULL: none */
    struct str content_type; /* p NULL: none */
};

/* Each returns false with ERR filled to end the reading. */
struct multipart_sink {
    void *ctx;
    bool (*begin)(void *ctx, const struct multipart_part *part, struct error *err);
    bool (*data)(void *ctx, const char *p, size_t n, struct error *err); /* N > 0 */
    bool (*end)(void *ctx, struct error *err);
};

struct multipart;

/* The boundary of a Content-Type's parameters ("; boundary=x; ..."): false (400) where it is missing, stands
 * twice or is none. OUT lives in ARENA. */
bool multipart_boundary(struct arena *arena, struct str params, struct str *out, struct error *err);

/* A reader in ARENA. */
struct multipart *multipart_new(struct arena *arena, struct str boundary, const struct multipart_sink *sink);

/* False: the sink's error, or ERROR_BAD_REQUEST with the offset. Not to be called again then. */
bool multipart_feed(struct multipart *m, const char *p, size_t n, struct error *err);
bool multipart_end(struct multipart *m, struct error *err);

/* The value of parameter NAME in PARAMS ("; a=b; c=\"d\""), quotes taken off, in ARENA; p NULL where it is
 * missing. False where PARAMS are malformed or it stands twice. */
bool multipart_param(struct arena *arena, struct str params, const char *name, struct str *out);

#endif
