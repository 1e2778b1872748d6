/* hash.h - SHA-256 over OpenSSL, and hexadecimal text. */
#ifndef TALLY_BASE_HASH_H
#define TALLY_BASE_HASH_H

#include "base/str.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };

struct hash_sha256;

/* A running digest; free with hash_sha256_free(). Aborts where OpenSSL has no memory. */
struct hash_sha256 *hash_sha256_new(void);
void hash_sha256_add(struct hash_sha256 *h, const void *p, size_t n);
/* The digest of what was added; the object then starts anew. */
void hash_sha256_end(struct hash_sha256 *h, unsigned char out[SHA256_SIZE]);
void hash_sha256_free(struct hash_sha256 *h);

/* In one go. */
void hash_sha256(const void *p, size_t n, unsigned char out[SHA256_SIZE]);

/* 2 * N lower-case digits and a NUL. */
void hash_hex(const unsigned char *bytes, size_t n, char *out);

#endif
