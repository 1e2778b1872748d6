/* seal.h - AES-256-GCM over OpenSSL: what is stored and must not be read or swapped. */
#ifndef TALLY_BASE_SEAL_H
#define TALLY_BASE_SEAL_H

#include "base/arena.h"
#include "base/error.h"

enum { SEAL_KEY_SIZE = 32, SEAL_PLAIN_MAX = 1024 * 1024 };

/* [task] secret_key: 64 hexadecimal digits of either case. False for anything else; KEY is then untouched. */
bool seal_key_parse(struct str hex, unsigned char key[SEAL_KEY_SIZE]);

/* Overwrites what was secret, in a way that no compiler leaves out. */
void seal_wipe(void *p, size_t n);

/* PLAIN (at most SEAL_PLAIN_MAX bytes) sealed under KEY, bound to CONTEXT (a task's id): version, random
 * nonce, ciphertext, tag; in ARENA. */
bool seal(struct arena *arena, const unsigned char key[SEAL_KEY_SIZE], struct str context, struct str plain,
          struct str *sealed, struct error *err);

/* ERROR_INTERNAL where SEALED was not made with this key and context. *PLAIN in ARENA, with a NUL behind it,
 * wiped when the arena is reset. */
bool seal_open(struct arena *arena, const unsigned char key[SEAL_KEY_SIZE], struct str context,
               struct str sealed, struct str *plain, struct error *err);

#endif
