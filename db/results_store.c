/* Results come, change and go. */
#include "config.h"
#include "db/results.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <mysqld_error.h>
#include <string.h>

/* --- storing ------------------------------------------------------------------------------------ */

/* First, so that the same signed body sent twice at once waits here and finds out. */
static bool insert_signature(struct db_conn *c, const struct result_upload *u, struct error *err)
{
    struct str key = {(const char *)u->key_sha256, SHA256_SIZE};
    struct str body = {(const char *)u->body_sha256, SHA256_SIZE};

    return DB_EXEC(c, NULL, err,
                   "INSERT INTO result_signatures (key_sha256, body_sha256, result_id, created_at)"
                   " VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
                   DB_BYTES(key), DB_BYTES(body), DB_CSTR(u->id));
}

struct loading {
    const struct result_upload *upload;
    size_t next;
    char now[CLOCK_ISO_SIZE];
};

static bool next_test(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct loading *l = arg;

    (void)err;
    *end = l->next == l->upload->n_tests;
    if (*end)
        return true;
    const struct result_test *t = &l->upload->tests[l->next++];
    row[0] = DB_CSTR(l->now);
    row[1] = DB_INT(0);
    row[2] = DB_CSTR(l->upload->id);
    row[3] = DB_STR(t->name);
    row[4] = DB_STR_OR_NULL(t->uuid);
    return true;
}

static bool insert_tests(struct db_conn *c, const struct result_upload *u, struct error *err)
{
    static const struct db_bulk into = {"results", "created_at, deleted, test_id, name, uuid", 5, false};
    struct loading l = {.upload = u};

    clock_sql(clock_now_us(), l.now);
    return db_bulk_insert(c, &into, next_test, &l, NULL, err);
}

static bool store(struct db_conn *c, void *arg, struct error *err)
{
    struct result_upload *u = arg;
    bool anonymous = u->project.p == NULL;

    if ((u->key_sha256 && !insert_signature(c, u, err)) ||
        !DB_EXEC(c, NULL, err,
                 "INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status)"
                 " VALUES (?, UTC_TIMESTAMP(), 0, ?, ?, 0)",
                 DB_CSTR(u->id), DB_STR(u->cpid), DB_INT(u->duration_seconds)) ||
        !DB_EXEC(c, NULL, err,
                 "INSERT INTO result_info (result_id, project, user, anonymous, listed, cpid, created_at)"
                 " VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                 DB_CSTR(u->id), DB_STR_OR_NULL(u->project), DB_STR_OR_NULL(u->user), DB_INT(anonymous),
                 DB_INT(anonymous), DB_STR(u->cpid)))
        return false;
    /* For RefStack's own tools to see; Tally reads result_info. */
    return (anonymous || DB_EXEC(c, NULL, err,
                                 "INSERT INTO meta (created_at, deleted, test_id, meta_key, value)"
                                 " VALUES (UTC_TIMESTAMP(), 0, ?, 'user', ?)",
                                 DB_CSTR(u->id), DB_STR(u->user))) &&
           insert_tests(c, u, err);
}

static bool exists(struct db_conn *c, struct str id, bool *found, struct error *err)
{
    struct db_value value = DB_STR(id);
    struct db_rows *rows = db_query_one(c, "SELECT id FROM test WHERE id = ?", &value, 1, found, err);

    db_close(rows);
    return rows != NULL;
}

static bool is_stored(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct result_upload *u = arg;

    return exists(c, str_of(u->id), done, err);
}

/* What became of a body that was signed before. */
static bool find_signed(struct db_conn *c, struct result_upload *u, struct error *err)
{
    struct str key = {(const char *)u->key_sha256, SHA256_SIZE};
    struct str body = {(const char *)u->body_sha256, SHA256_SIZE};
    struct db_value values[] = {DB_BYTES(key), DB_BYTES(body)};
    struct error local;
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT result_id FROM result_signatures WHERE key_sha256 = ? AND body_sha256 = ?",
                     values, 2, &found, &local);

    if (!rows) {
        *err = local;
        return false;
    }
    struct str id = found ? db_str(rows, "result_id") : (struct str){NULL, 0};
    if (id.n < UUID_TEXT_SIZE) {
        memcpy(u->id, id.n ? id.p : "", id.n);
        u->id[id.n] = '\0';
    }
    db_close(rows);
    return true;
}

bool result_store(struct db_conn *c, struct result_upload *upload, struct error *err)
{
    char own[UUID_TEXT_SIZE];

    uuid_new(upload->id);
    memcpy(own, upload->id, sizeof(own));
    if (db_transaction(c, store, is_stored, upload, err))
        return true;
    if (err->code != ER_DUP_ENTRY || !upload->key_sha256 || !find_signed(c, upload, err))
        return false;
    /* Its own signature: a COMMIT was still under way when its connection was lost. */
    if (strcmp(own, upload->id) == 0)
        return true;
    return error_set(err, ERROR_CONFLICT, "This key has signed this body before, as test result %s",
                     upload->id);
}

/* --- changing ----------------------------------------------------------------------------------- */

struct change {
    const struct result_caller *caller;
    struct str id;
    const struct result_change *what;
};

/* RefStack's preconditions: shared, and associated to a guideline and a target program. */
static bool may_be_verified(struct db_conn *c, struct str id, bool *may, struct error *err)
{
    struct db_value value = DB_STR(id);
    bool found;
    struct db_rows *rows = db_query_one(c,
                                        "SELECT COUNT(*) AS n FROM meta WHERE test_id = ? AND value <> ''"
                                        " AND meta_key IN ('shared', 'guideline', 'target')",
                                        &value, 1, &found, err);

    if (!rows)
        return false;
    *may = found && db_i64(rows, "n") == 3;
    db_close(rows);
    return true;
}

static bool change_verification(struct db_conn *c, const struct change *ch, enum result_role role,
                                struct error *err)
{
    int64_t status = ch->what->verification_status;
    bool may = true;

    if (role != RESULT_FOUNDATION)
        return error_set(err, ERROR_FORBIDDEN, "You do not have permission to change a verification status");
    if (status == 1 && !may_be_verified(c, ch->id, &may, err))
        return false;
    if (!may)
        return error_set(err, ERROR_FORBIDDEN,
                         "In order to mark a test verified, the test must be shared and have been associated "
                         "to a guideline and target program");
    return DB_EXEC(c, NULL, err,
                   "UPDATE test SET verification_status = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?",
                   DB_INT(status), DB_STR(ch->id)) &&
           DB_EXEC(c, NULL, err, "UPDATE result_info SET verified = ? WHERE result_id = ?", DB_INT(status),
                   DB_STR(ch->id));
}

/* A product's version binds a result to a vendor. Tally keeps no vendors: only staff can say so. */
static bool change_product(struct db_conn *c, const struct change *ch, enum result_role role, bool verified,
                           struct error *err)
{
    struct str version = ch->what->product_version_id;
    struct db_value value = DB_STR(version);
    bool found = true;
    struct db_rows *rows;

    if (verified)
        return error_set(err, ERROR_FORBIDDEN, "Can not update product_version_id for a verified test run");
    if (version.p) {
        rows = db_query_one(c, "SELECT id FROM product_version WHERE id = ?", &value, 1, &found, err);
        db_close(rows);
        if (!rows)
            return false;
        if (!found)
            return error_set(err, ERROR_NOT_FOUND, "Product version %.*s not found", STR_ARG(version));
        if (role != RESULT_FOUNDATION)
            return error_set(err, ERROR_FORBIDDEN, "Product version %.*s is not yours", STR_ARG(version));
    }
    return DB_EXEC(c, NULL, err,
                   "UPDATE test SET product_version_id = ?, updated_at = UTC_TIMESTAMP() WHERE id = ?",
                   DB_STR_OR_NULL(version), DB_STR(ch->id));
}

static bool change_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct change *ch = arg;
    enum result_role role;
    bool verified = false;

    return result_lock(c, ch->caller, ch->id, &role, &verified, err) &&
           (!ch->what->has_product_version || change_product(c, ch, role, verified, err)) &&
           (!ch->what->has_verification || change_verification(c, ch, role, err));
}

/* Setting a value once more does no harm, so a COMMIT without an answer is simply repeated. */
static bool not_done(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    (void)c, (void)arg, (void)err;
    *done = false;
    return true;
}

bool result_change(struct db_conn *c, const struct result_caller *caller, struct str id,
                   const struct result_change *change, struct error *err)
{
    struct change ch = {caller, id, change};

    return db_transaction(c, change_tx, not_done, &ch, err);
}

/* --- deleting ----------------------------------------------------------------------------------- */

struct deletion {
    const struct result_caller *caller;
    struct str id;
    int64_t run_id; /* 0: it has none */
};

/* Takes its run, if it has one, out of everybody's sight. */
static bool discard_run(struct db_conn *c, struct deletion *d, struct error *err)
{
    struct db_value value = DB_STR(d->id);
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT run_id FROM run_info WHERE result_id = ?", &value, 1, &found, err);

    d->run_id = rows && found ? db_i64(rows, "run_id") : 0;
    db_close(rows);
    return rows && (!found || run_discard(c, d->run_id, err));
}

static bool delete_tx(struct db_conn *c, void *arg, struct error *err)
{
    static const char *const statements[] = {
        "DELETE FROM meta WHERE test_id = ?",
        "DELETE FROM results WHERE test_id = ?",
        "DELETE FROM result_info WHERE result_id = ?",
        "DELETE FROM test WHERE id = ?",
    };
    struct deletion *d = arg;
    enum result_role role;
    bool verified = false;

    if (!result_lock(c, d->caller, d->id, &role, &verified, err))
        return false;
    if (verified)
        return error_set(err, ERROR_FORBIDDEN, "Can not delete a verified test run");
    if (!discard_run(c, d, err))
        return false;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (!DB_EXEC(c, NULL, err, statements[i], DB_STR(d->id)))
            return false;
    return true;
}

static bool is_gone(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct deletion *d = arg;
    bool found;

    if (!exists(c, d->id, &found, err))
        return false;
    *done = !found;
    return true;
}

bool result_delete(struct db_conn *c, const struct result_caller *caller, struct str id, struct error *err)
{
    struct deletion d = {caller, id, 0};
    struct error later;

    if (!db_transaction(c, delete_tx, is_gone, &d, err))
        return false;
    if (d.run_id && !run_trash_empty(c, d.run_id, &later))
        log_warning("deleting run %lld will be finished later: %s", (long long)d.run_id, later.message);
    return true;
}
