/* pubkeys.h - the keys that sign uploads. A key belongs to one user and the project that it was registered
 * under. */
#ifndef TALLY_DB_PUBKEYS_H
#define TALLY_DB_PUBKEYS_H

#include "base/hash.h"
#include "base/uuid.h"
#include "db/db.h"

enum { PUBKEY_COMMENT_CHARS = 128, PUBKEY_USER_CHARS = 128 };

struct pubkey_owner {
    struct str project; /* p NULL: nobody */
    struct str user;
};

/* For whom does the key of this digest sign? Strings live in ARENA. */
bool pubkey_owner(struct db_conn *c, struct arena *arena, const unsigned char sha256[SHA256_SIZE],
                  struct pubkey_owner *out, struct error *err);

struct pubkey_new {
    struct pubkey_owner owner;
    struct str user_name;
    struct str format;
    struct str base64;
    struct str comment;
    const unsigned char *sha256;
    char id[UUID_TEXT_SIZE]; /* out */
};

/* Registers a key. ERROR_CONFLICT where it is registered, by whomever; an adopted one that is its user's is
 * taken under the project instead. */
bool pubkey_add(struct db_conn *c, struct pubkey_new *key, struct error *err);

/* The user's keys of this project, and his adopted ones: id, openid, format, pubkey, comment. In the order of
 * their registration. */
struct db_rows *pubkey_list(struct db_conn *c, const struct pubkey_owner *owner, struct error *err);

/* ERROR_NOT_FOUND where it is none of these. */
bool pubkey_delete(struct db_conn *c, const struct pubkey_owner *owner, struct str id, struct error *err);

#endif
