/* ssh_key.h - RSA public keys as OpenSSH writes them, and signatures made with them.
 *
 * Strict, so that a key has one form only, and its digest says whether two are the same: base64 with its
 * padding, numbers without needless zeros, nothing behind them.
 */
#ifndef TALLY_BASE_SSH_KEY_H
#define TALLY_BASE_SSH_KEY_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

enum { SSH_KEY_BITS_MIN = 1024, SSH_KEY_BITS_MAX = 8192 };

struct ssh_key {
    struct str format;   /* "ssh-rsa" */
    struct str base64;   /* its bytes as text, a part of what was parsed */
    struct str comment;  /* empty: none */
    struct str exponent; /* big-endian, no leading zero; in the arena */
    struct str modulus;
    unsigned bits;
    unsigned char sha256[SHA256_SIZE]; /* of its bytes */
};

/* Reads "ssh-rsa AAAA... comment". ERROR_BAD_REQUEST for what is none: another kind of key, a malformed one,
 * a modulus outside the bounds, an exponent that is even, 1, or over 64 bits. */
bool ssh_key_parse(struct arena *arena, struct str text, struct ssh_key *out, struct error *err);

/* Was SIGNATURE (bytes) made by this key over P: RSA, PKCS#1 v1.5, SHA-256? ERROR_BAD_REQUEST if not. */
bool ssh_key_verify(const struct ssh_key *key, struct str signature, const void *p, size_t n,
                    struct error *err);

#endif
