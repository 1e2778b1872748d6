/* token.h - what Keystone said of a token, shared by all who hold it. Inside identity/ only. */
#ifndef TALLY_IDENTITY_TOKEN_H
#define TALLY_IDENTITY_TOKEN_H

#include "identity/access_rules.h"
#include "identity/identity.h"

#include <stdatomic.h>

/* One block of memory; never changes once made. */
struct token_info {
    atomic_uint refs;
    size_t bytes;       /* of the block */
    struct identity id; /* project_id is empty where the token has no project */
    bool restricted;    /* an application credential's access rules say what it may ask */
    const struct access_rule *rules;
    size_t n_rules;
};

/* A copy of what FROM and its strings hold, in one block, with one reference. */
struct token_info *token_info_new(const struct token_info *from);
struct token_info *token_info_ref(struct token_info *t);
/* The last one frees. NULL is fine. */
void token_info_unref(struct token_info *t);

/* Reads the body of Keystone's reply to GET /v3/auth/tokens. False with ERROR_UNAVAILABLE where it is not
 * what Keystone says. The result has one reference. */
bool token_info_parse(struct str json, struct arena *arena, struct token_info **out, struct error *err);

/* The project of such a reply, in ARENA; p NULL where it has none. */
struct str token_project_parse(struct str json, struct arena *arena);

/* The expires_at of such a reply, for our own token. */
bool token_expiry_parse(struct str json, struct arena *arena, int64_t *expires_us, struct error *err);

/* Can S stand in a header as a token: 1 to 8,192 printable ASCII characters, no blank? */
bool token_text_ok(struct str s);

#endif
