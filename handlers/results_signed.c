#include "config.h"
#include "handlers/results_signed.h"
#include "db/pubkeys.h"

bool signature_from_hex(struct arena *arena, struct str hex, struct str *bytes, struct error *err)
{
    size_t n = hex.n / 2;
    char *out = arena_alloc(arena, n + 1);

    for (size_t i = 0; i < n; i++) {
        int high = str_hex_digit(hex.p[2 * i]), low = str_hex_digit(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return error_set(err, ERROR_BAD_REQUEST, "Malformed signature: it must be hexadecimal");
        out[i] = (char)(high << 4 | low);
    }
    *bytes = (struct str){out, n};
    return (n > 0 && hex.n % 2 == 0) ||
           error_set(err, ERROR_BAD_REQUEST, "Malformed signature: it must be hexadecimal");
}

bool signature_read(struct request *r, struct signature *out, struct error *err)
{
    struct str key = request_header(r, "X-Public-Key"), hex = request_header(r, "X-Signature");

    *out = (struct signature){.given = key.p || hex.p};
    if (!out->given)
        return true;
    if (!key.p || !hex.p)
        return error_set(err, ERROR_BAD_REQUEST, "A signed upload has both X-Public-Key and X-Signature");
    return signature_from_hex(r->arena, str_trim(hex), &out->bytes, err) &&
           ssh_key_parse(r->arena, key, &out->key, err);
}

bool signature_verify(struct signature *s, struct str body, struct error *err)
{
    if (!s->given)
        return true;
    hash_sha256(body.p, body.n, s->body_sha256);
    return ssh_key_verify(&s->key, s->bytes, body.p, body.n, err);
}

bool signature_owner(struct request *r, struct db_conn *c, const struct signature *s,
                     struct result_upload *upload, struct error *err)
{
    struct pubkey_owner owner;

    if (!s->given)
        return true;
    if (!pubkey_owner(c, r->arena, s->key.sha256, &owner, err))
        return false;
    if (!owner.project.p)
        return error_set(err, ERROR_UNAUTHORIZED,
                         "User with specified key not found: register the key at /v1/profile/pubkeys");
    if (r->identity &&
        !(str_eq(owner.user, r->identity->user_id) && str_eq(owner.project, r->identity->project_id)))
        return error_set(err, ERROR_FORBIDDEN, "The key is not that of the token's user and project");
    upload->project = owner.project;
    upload->user = owner.user;
    upload->key_sha256 = s->key.sha256;
    upload->body_sha256 = s->body_sha256;
    return true;
}
