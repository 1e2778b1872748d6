/* body_coding.h - Content-Encoding: bytes from the wire in, decompressed ones out, in constant memory. */
#ifndef TALLY_HANDLERS_BODY_CODING_H
#define TALLY_HANDLERS_BODY_CODING_H

#include "base/error.h"
#include "base/str.h"

enum body_coding_kind { BODY_CODING_NONE, BODY_CODING_GZIP, BODY_CODING_ZSTD };

struct body_coding;

typedef bool (*body_out_fn)(void *ctx, const char *p, size_t n, struct error *err);

/* The kind that a Content-Encoding VALUE names (p NULL: none). ERROR_MEDIA_TYPE for any other. */
bool body_coding_kind(struct str value, enum body_coding_kind *kind, struct error *err);

/* OUT gets what comes of it (N > 0). More than MAX_BYTES, or, from 1 MiB on, more than MAX_RATIO times what
 * came in, is ERROR_BAD_REQUEST. */
struct body_coding *body_coding_new(enum body_coding_kind kind, uint64_t max_bytes, uint64_t max_ratio,
                                    body_out_fn out, void *ctx);
void body_coding_free(struct body_coding *c);

/* False: OUT's error, or ERROR_BAD_REQUEST with the offset on the wire. Not to be called again then. */
bool body_coding_feed(struct body_coding *c, const char *p, size_t n, struct error *err);
bool body_coding_end(struct body_coding *c, struct error *err);

#endif
