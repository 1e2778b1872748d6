#include "config.h"
#include "handlers/pubkeys.h"
#include "db/pubkeys.h"
#include "handlers/request_json.h"
#include "handlers/results_signed.h"

#include <string.h>

static struct pubkey_owner caller(const struct request *r)
{
    return (struct pubkey_owner){r->identity->project_id, r->identity->user_id};
}

bool pubkeys_get(struct request *r, struct error *err)
{
    struct pubkey_owner owner = caller(r);
    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    struct db_rows *rows = c ? pubkey_list(c, &owner, err) : NULL;
    struct json_writer w;
    struct buf b;

    if (!rows)
        return false;
    buf_init(&b, 64 * 1024 * 1024);
    json_writer_init(&w, &b);
    json_arr_begin(&w);
    while (db_next(rows, err)) {
        static const char *const members[] = {"id", "openid", "format", "pubkey", "comment"};

        json_obj_begin(&w);
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
            json_key_str(&w, members[i], db_str(rows, members[i]));
        json_obj_end(&w);
    }
    json_arr_end(&w);
    bool ok = db_end(rows);
    if (ok)
        response_json(r, 200, buf_str(&b));
    buf_free(&b);
    return ok;
}

static bool read_key(struct request *r, struct ssh_key *key, struct error *err)
{
    static const char *const keys[] = {"raw_key", "self_signature"};
    struct str text, hex, bytes;
    const struct json *body = request_json_object(r, err);

    if (!body || !json_only(body, keys, 2, err) || !json_member_str(body, "raw_key", true, &text, err) ||
        !json_member_str(body, "self_signature", true, &hex, err) ||
        !ssh_key_parse(r->arena, text, key, err) || !signature_from_hex(r->arena, str_trim(hex), &bytes, err))
        return false;
    if ((key->comment.n && memchr(key->comment.p, '\0', key->comment.n)) ||
        str_utf8_len(key->comment) > PUBKEY_COMMENT_CHARS)
        return error_set(err, ERROR_BAD_REQUEST, "The key's comment must be text of at most %d characters",
                         PUBKEY_COMMENT_CHARS);
    return ssh_key_verify(key, bytes, "signature", strlen("signature"), err);
}

bool pubkeys_post(struct request *r, struct error *err)
{
    struct pubkey_new new = {.owner = caller(r), .user_name = r->identity->user_name};
    struct ssh_key key;

    if (!query_check(r, err) || !read_key(r, &key, err))
        return false;
    if (str_utf8_len(new.owner.user) > PUBKEY_USER_CHARS)
        return error_set(err, ERROR_FORBIDDEN,
                         "A user whose id is longer than %d characters can have no keys", PUBKEY_USER_CHARS);
    new.format = key.format;
    new.base64 = key.base64;
    new.comment = key.comment;
    new.sha256 = key.sha256;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !pubkey_add(c, &new, err))
        return false;
    response_json(r, 201, str_of(arena_printf(r->arena, "\"%s\"", new.id)));
    return true;
}

bool pubkeys_delete(struct request *r, struct error *err)
{
    struct pubkey_owner owner = caller(r);
    struct str id = r->capture[0];

    if (!query_check(r, err))
        return false;
    if (!uuid_is(id))
        return error_set(err, ERROR_NOT_FOUND, "Public key %.*s not found", STR_ARG(id));
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !pubkey_delete(c, &owner, id, err))
        return false;
    response_status(r, 204);
    return true;
}
