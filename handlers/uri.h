/* uri.h - the request target taken apart: path and query, each percent-decoded exactly once.
 *
 * What comes out is well-formed UTF-8 without NUL. A path has no control characters, no "." and ".." segments
 * and no encoded slash, so that its segments are what they seem.
 */
#ifndef TALLY_HANDLERS_URI_H
#define TALLY_HANDLERS_URI_H

#include "handlers/request.h"

enum { URI_MAX_BYTES = 32768, URI_MAX_PARAMS = 512 };

/* Cuts TARGET ("/a/b?c=d") at the first '?'; *QUERY is empty where there is none. */
void uri_split(struct str target, struct str *path, struct str *query);

/* Decodes RAW into ARENA. 400 for a bad encoding, a control character, bytes that are not UTF-8 or a segment
 * "." or ".."; 404 for an encoded slash: no resource of ours has one in its name. */
bool uri_decode_path(struct arena *arena, struct str raw, struct str *path, struct error *err);

/* Decodes "a=1&b=%20+": '+' is a blank, empty pieces are skipped. 400 for a bad encoding, NUL, bytes that are
 * not UTF-8, a control character in a name, a piece without a name, or more than URI_MAX_PARAMS. */
bool uri_parse_query(struct arena *arena, struct str raw, struct query_param **params, size_t *n,
                     struct error *err);

/* Appends S with everything but letters, digits and "-._~" percent-encoded (RFC 3986's unreserved). */
struct buf;
void uri_encode(struct buf *out, struct str s);

#endif
