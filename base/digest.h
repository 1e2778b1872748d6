/* digest.h - running digests of streams: md5 (checksum, ETag) and sha512 (os_hash_value), over OpenSSL. */
#ifndef TALLY_BASE_DIGEST_H
#define TALLY_BASE_DIGEST_H

#include "base/str.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA512 };

enum { DIGEST_HEX_SIZE = 129 }; /* the longest one as text, and a NUL */

struct digest;

/* A running digest; free with digest_free(). Aborts where OpenSSL has no memory. */
struct digest *digest_new(enum digest_kind kind);
void digest_add(struct digest *d, const void *p, size_t n);
/* What was added, as lower-case hexadecimal text in OUT; the object then starts anew. */
void digest_end(struct digest *d, char out[DIGEST_HEX_SIZE]);
/* NULL is allowed. */
void digest_free(struct digest *d);

#endif
