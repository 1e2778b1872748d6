#include "config.h"
#include "db/runs_expire.h"
#include "db/runs.h"
#include "db/sql.h"

#include <stdio.h>

enum { BATCH = 200 };

struct batch {
    int64_t run_id[BATCH];
    bool verified[BATCH];
    size_t n;
    /* The last one, from which the next batch goes on: what is spared is not read again. */
    char run_at[32];
    int64_t last_id;
};

static bool next_batch(struct db_conn *c, const struct expiry *expiry, struct batch *b, struct error *err)
{
    struct db_rows *rows = DB_QUERY(
        c, err,
        "SELECT i.run_id AS run_id, CAST(i.run_at AS CHAR) AS run_at,"
        " COALESCE(t.verification_status, 0) <> 0 AS verified"
        " FROM run_info i LEFT JOIN test t ON t.id = " SQL_REFSTACK_ID(
            "i.result_id") " WHERE i.run_at < ? AND (i.run_at > ? OR (i.run_at = ? AND i.run_id > ?))"
                           " AND (i.run_at > '1970-01-01' OR i.created_at < ?)"
                           " AND NOT EXISTS (SELECT 1 FROM run_metadata m WHERE m.run_id = i.run_id AND "
                           "m.`key` = 'keep')"
                           " ORDER BY i.run_at, i.run_id LIMIT ?",
        DB_STR(expiry->before), DB_CSTR(b->run_at), DB_CSTR(b->run_at), DB_INT(b->last_id),
        DB_STR(expiry->before), DB_INT(BATCH));

    b->n = 0;
    if (!rows)
        return false;
    while (db_next(rows, err)) {
        b->run_id[b->n] = b->last_id = db_i64(rows, "run_id");
        b->verified[b->n++] = db_i64(rows, "verified");
        snprintf(b->run_at, sizeof(b->run_at), "%.*s", STR_ARG(db_str(rows, "run_at")));
    }
    return db_end(rows);
}

/* Meanwhile a run may have gone, or its result may have been verified. */
static bool expire_run(struct db_conn *c, struct expiry *expiry, int64_t run_id, struct error *err)
{
    if (expiry->dry_run || run_delete(c, run_id, err)) {
        expiry->deleted++;
        return true;
    }
    if (err->kind == ERROR_FORBIDDEN)
        expiry->spared++;
    return err->kind == ERROR_FORBIDDEN || err->kind == ERROR_NOT_FOUND;
}

bool runs_expire(struct db_conn *c, struct expiry *expiry, struct error *err)
{
    struct batch b = {.run_at = "1000-01-01 00:00:00"};

    expiry->deleted = expiry->spared = 0;
    if (!expiry->dry_run && !run_trash_sweep(c, 0, err))
        return false;
    do {
        if (!next_batch(c, expiry, &b, err))
            return false;
        for (size_t i = 0; i < b.n; i++) {
            if (b.verified[i])
                expiry->spared++;
            else if (!expire_run(c, expiry, b.run_id[i], err))
                return false;
        }
    } while (b.n == BATCH);
    return true;
}
