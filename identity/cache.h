/* cache.h - what Keystone said of tokens, kept for a while, asked once. Inside identity/ only.
 *
 * Keyed by a SHA-256 of the token, never by the token. Bounded in entries and bytes, the longest unused goes
 * first; refused tokens have a place of their own, so that guesses do not push out what is good. No lock is
 * held while Keystone is asked.
 */
#ifndef TALLY_IDENTITY_CACHE_H
#define TALLY_IDENTITY_CACHE_H

#include "base/hash.h"
#include "identity/token.h"

struct cache;

struct cache_limits {
    size_t entries; /* of each kind, good and refused */
    size_t bytes;   /* of the good */
};

/* For how long, in microseconds. */
struct cache_times {
    int64_t good;    /* 0: not kept */
    int64_t refused; /* 0: not kept */
    int64_t wait;    /* for another thread's answer */
};

/* Asks. The result has one reference. ERROR_UNAUTHORIZED: the token was refused, which is kept; any other
 * error goes to all who wait for it, and is not kept. */
typedef bool cache_fetch(void *ctx, struct token_info **out, struct error *err);

struct cache *cache_new(const struct cache_limits *limits);
void cache_free(struct cache *cache);

/* What is kept under KEY, or what FETCH says; callers with one key at one time make one FETCH. *OUT has a
 * reference for the caller. Expiry of the token itself is the caller's to check. False: FETCH's error, or
 * ERROR_UNAVAILABLE when another's FETCH did not end within times->wait. */
bool cache_get(struct cache *cache, const unsigned char key[SHA256_SIZE], const struct cache_times *times,
               cache_fetch *fetch, void *ctx, struct token_info **out, struct error *err);

/* Entries kept now, good and refused. */
void cache_count(struct cache *cache, size_t *good, size_t *refused);

#endif
