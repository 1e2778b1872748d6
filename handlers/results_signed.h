/* results_signed.h - uploads signed with a registered key: X-Public-Key and X-Signature. */
#ifndef TALLY_HANDLERS_RESULTS_SIGNED_H
#define TALLY_HANDLERS_RESULTS_SIGNED_H

#include "base/ssh_key.h"
#include "db/results.h"
#include "handlers/request.h"

struct signature {
    bool given; /* at least one of the two headers is there */
    struct ssh_key key;
    struct str bytes;
    unsigned char body_sha256[SHA256_SIZE];
};

/* Hexadecimal digits in ARENA; ERROR_BAD_REQUEST for what is none. */
bool signature_from_hex(struct arena *arena, struct str hex, struct str *bytes, struct error *err);

/* Reads the headers; ERROR_BAD_REQUEST where one is missing or malformed. */
bool signature_read(struct request *r, struct signature *out, struct error *err);

/* Checks it against the body and keeps the body's digest. ERROR_BAD_REQUEST where it does not hold. */
bool signature_verify(struct signature *s, struct str body, struct error *err);

/* Makes the upload that of the key's owner. ERROR_UNAUTHORIZED where nobody has registered the key,
 * ERROR_FORBIDDEN where a token says somebody else. */
bool signature_owner(struct request *r, struct db_conn *c, const struct signature *s,
                     struct result_upload *upload, struct error *err);

#endif
