/* A result's metadata, as its owner writes it. */
#include "config.h"
#include "db/results.h"

struct setting {
    const struct result_caller *caller;
    struct str id;
    struct str key;
    struct str value; /* p NULL: away with it */
};

static bool write_value(struct db_conn *c, const struct setting *s, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO meta (created_at, deleted, test_id, meta_key, value)"
                   " VALUES (UTC_TIMESTAMP(), 0, ?, ?, ?)"
                   " ON DUPLICATE KEY UPDATE value = VALUES(value), updated_at = UTC_TIMESTAMP()",
                   DB_STR(s->id), DB_STR(s->key), DB_STR(s->value));
}

static bool take_away(struct db_conn *c, const struct setting *s, struct error *err)
{
    struct db_done done;

    if (!DB_EXEC(c, &done, err, "DELETE FROM meta WHERE test_id = ? AND meta_key = ?", DB_STR(s->id),
                 DB_STR(s->key)))
        return false;
    return done.affected || error_set(err, ERROR_NOT_FOUND, "Metadata key %.*s not found for test run %.*s",
                                      STR_ARG(s->key), STR_ARG(s->id));
}

/* What is shared stands in the list that everybody sees. */
static bool update_listed(struct db_conn *c, const struct setting *s, struct error *err)
{
    if (!str_eq_cstr(s->key, "shared"))
        return true;
    return DB_EXEC(c, NULL, err, "UPDATE result_info SET listed = anonymous OR ? WHERE result_id = ?",
                   DB_INT(s->value.n > 0), DB_STR(s->id));
}

static bool set_tx(struct db_conn *c, void *arg, struct error *err)
{
    const struct setting *s = arg;
    enum result_role role;
    bool verified = false;

    if (!result_lock(c, s->caller, s->id, &role, &verified, err))
        return false;
    if (verified)
        return error_set(err, ERROR_FORBIDDEN, "Can not %s a metadata key %s a verified test run",
                         s->value.p ? "add/alter" : "delete", s->value.p ? "for" : "of");
    return (s->value.p ? write_value(c, s, err) : take_away(c, s, err)) && update_listed(c, s, err);
}

static bool is_as_asked(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct setting *s = arg;
    struct db_value values[] = {DB_STR(s->id), DB_STR(s->key)};
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT value FROM meta WHERE test_id = ? AND meta_key = ?", values, 2, &found, err);

    if (!rows)
        return false;
    *done = s->value.p ? found && str_eq(db_str(rows, "value"), s->value) : !found;
    db_close(rows);
    return true;
}

bool result_meta_set(struct db_conn *c, const struct result_caller *caller, struct str id, struct str key,
                     struct str value, struct error *err)
{
    struct setting s = {caller, id, key, value};

    return db_transaction(c, set_tx, is_as_asked, &s, err);
}
