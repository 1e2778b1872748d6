#include "config.h"
#include "db/pubkeys.h"

#include <mysqld_error.h>
#include <string.h>

#define SQL_IS_OWNER " i.user = ? AND (i.project = ? OR i.project IS NULL)"

static struct db_value digest(const unsigned char *sha256)
{
    struct str bytes = {(const char *)sha256, SHA256_SIZE};

    return DB_BYTES(bytes);
}

/* RefStack's own tools delete a key alone. In a statement of its own: the two tables' ids differ in their
 * character set, and a join would look through all keys. */
static bool is_there(struct db_conn *c, struct str id, bool *there, struct error *err)
{
    struct db_value value = DB_STR(id);
    struct db_rows *rows = db_query_one(c, "SELECT id FROM pubkeys WHERE id = ?", &value, 1, there, err);

    db_close(rows);
    return rows != NULL;
}

bool pubkey_owner(struct db_conn *c, struct arena *arena, const unsigned char sha256[SHA256_SIZE],
                  struct pubkey_owner *out, struct error *err)
{
    struct db_value value = digest(sha256);
    struct pubkey_owner owner = {.project = {NULL, 0}};
    struct str id = {NULL, 0};
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT pubkey_id, project, user FROM pubkey_info"
                                        " WHERE key_sha256 = ? AND project IS NOT NULL",
                                        &value, 1, &found, err);

    *out = owner;
    if (!rows)
        return false;
    if (found) {
        id = arena_str(arena, db_str(rows, "pubkey_id"));
        owner.project = arena_str(arena, db_str(rows, "project"));
        owner.user = arena_str(arena, db_str(rows, "user"));
    }
    db_close(rows);
    if (found && !is_there(c, id, &found, err))
        return false;
    if (found)
        *out = owner;
    return true;
}

/* --- registering -------------------------------------------------------------------------------- */

/* RefStack's keys refer to its users. */
static bool insert_user(struct db_conn *c, const struct pubkey_new *key, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO user (created_at, deleted, openid, fullname)"
                   " VALUES (UTC_TIMESTAMP(), 0, ?, LEFT(?, 128)) ON DUPLICATE KEY UPDATE openid = openid",
                   DB_STR(key->owner.user), DB_STR(key->user_name));
}

static bool insert_key(struct db_conn *c, const struct pubkey_new *key, struct error *err)
{
    /* RefStack finds keys by their MD5. */
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO pubkey_info (pubkey_id, project, user, key_sha256, created_at)"
                   " VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
                   DB_CSTR(key->id), DB_STR(key->owner.project), DB_STR(key->owner.user),
                   digest(key->sha256)) &&
           insert_user(c, key, err) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO pubkeys (id, created_at, deleted, openid, format, pubkey, md5_hash, comment)"
                   " VALUES (?, UTC_TIMESTAMP(), 0, ?, ?, ?, MD5(FROM_BASE64(?)), ?)",
                   DB_CSTR(key->id), DB_STR(key->owner.user), DB_STR(key->format), DB_STR(key->base64),
                   DB_STR(key->base64), DB_STR(key->comment));
}

/* An adopted key of this user becomes the project's. */
static bool take_over(struct db_conn *c, struct pubkey_new *key, bool *taken, struct error *err)
{
    struct db_value values[] = {digest(key->sha256), DB_STR(key->owner.user)};
    struct db_rows *rows = db_query_one(c,
                                        "SELECT pubkey_id FROM pubkey_info"
                                        " WHERE key_sha256 = ? AND user = ? AND project IS NULL FOR UPDATE",
                                        values, 2, taken, err);

    if (!rows)
        return false;
    struct str id = *taken ? db_str(rows, "pubkey_id") : (struct str){NULL, 0};
    if (id.n && id.n < UUID_TEXT_SIZE) {
        memcpy(key->id, id.p, id.n);
        key->id[id.n] = '\0';
    }
    db_close(rows);
    return !*taken || DB_EXEC(c, NULL, err, "UPDATE pubkey_info SET project = ? WHERE pubkey_id = ?",
                              DB_STR(key->owner.project), DB_CSTR(key->id));
}

static bool add_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct pubkey_new *key = arg;
    bool taken;

    uuid_new(key->id);
    return take_over(c, key, &taken, err) && (taken || insert_key(c, key, err));
}

static bool is_added(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct pubkey_new *key = arg;
    struct db_value values[] = {DB_CSTR(key->id), DB_STR(key->owner.project)};
    struct db_rows *rows = db_query_one(
        c, "SELECT pubkey_id FROM pubkey_info WHERE pubkey_id = ? AND project = ?", values, 2, done, err);

    db_close(rows);
    return rows != NULL;
}

bool pubkey_add(struct db_conn *c, struct pubkey_new *key, struct error *err)
{
    if (db_transaction(c, add_tx, is_added, key, err))
        return true;
    return err->code == ER_DUP_ENTRY ? error_set(err, ERROR_CONFLICT, "Public key already exists") : false;
}

/* --- the user's own ----------------------------------------------------------------------------- */

struct db_rows *pubkey_list(struct db_conn *c, const struct pubkey_owner *owner, struct error *err)
{
    return DB_QUERY(c, err,
                    "SELECT p.id, i.user AS openid, p.format, p.pubkey, p.comment FROM pubkeys p"
                    " STRAIGHT_JOIN pubkey_info i ON i.pubkey_id = p.id WHERE p.openid = ? AND" SQL_IS_OWNER
                    " ORDER BY i.created_at, p.id",
                    DB_STR(owner->user), DB_STR(owner->user), DB_STR(owner->project));
}

struct deletion {
    const struct pubkey_owner *owner;
    struct str id;
};

static bool delete_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct deletion *d = arg;
    struct db_done done;

    if (!DB_EXEC(c, &done, err, "DELETE i FROM pubkey_info i WHERE i.pubkey_id = ? AND" SQL_IS_OWNER,
                 DB_STR(d->id), DB_STR(d->owner->user), DB_STR(d->owner->project)))
        return false;
    if (!done.affected)
        return error_set(err, ERROR_NOT_FOUND, "Public key %.*s not found", STR_ARG(d->id));
    return DB_EXEC(c, NULL, err, "DELETE FROM pubkeys WHERE id = ?", DB_STR(d->id));
}

static bool is_deleted(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct deletion *d = arg;
    struct db_value id = DB_STR(d->id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT pubkey_id FROM pubkey_info WHERE pubkey_id = ?", &id, 1, &found, err);

    *done = !found;
    db_close(rows);
    return rows != NULL;
}

bool pubkey_delete(struct db_conn *c, const struct pubkey_owner *owner, struct str id, struct error *err)
{
    struct deletion d = {owner, id};

    return db_transaction(c, delete_tx, is_deleted, &d, err);
}
