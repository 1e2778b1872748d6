#include "config.h"
#include "db/results.h"

#include <string.h>

bool result_check_link(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str result_id, char run_uuid[UUID_TEXT_SIZE], struct str *project,
                       struct str *cpid, struct error *err)
{
    struct db_value id = DB_STR(result_id);
    bool found, visible = false, verified = false;
    struct db_rows *rows =
        db_query_one(c,
                     "SELECT t.verification_status, t.cpid, o.project, r.uuid FROM test t"
                     " LEFT JOIN result_info o ON o.result_id = t.id"
                     " LEFT JOIN run_info i ON i.result_id = t.id LEFT JOIN runs r ON r.id = i.run_id"
                     " WHERE t.id = ?",
                     &id, 1, &found, err);

    run_uuid[0] = '\0';
    *project = *cpid = (struct str){NULL, 0};
    if (!rows)
        return false;
    if (found) {
        struct str owner = db_str(rows, "project"), uuid = db_str(rows, "uuid");

        visible = viewer->staff || (owner.p && str_eq(owner, viewer->project));
        if (owner.p)
            *project = arena_str(arena, owner);
        *cpid = arena_str(arena, db_str(rows, "cpid"));
        verified = db_i64(rows, "verification_status") != 0;
        if (uuid.n && uuid.n < UUID_TEXT_SIZE) {
            memcpy(run_uuid, uuid.p, uuid.n);
            run_uuid[uuid.n] = '\0';
        }
    }
    db_close(rows);
    if (!visible)
        return error_set(err, ERROR_NOT_FOUND, "Result %.*s was not found", STR_ARG(result_id));
    if (verified)
        return error_set(err, ERROR_FORBIDDEN, "Result %.*s is verified and takes no other evidence",
                         STR_ARG(result_id));
    if (run_uuid[0])
        return error_set(err, ERROR_CONFLICT, "The result has a run already: %s", run_uuid);
    return true;
}

/* Marks the stream's tests that the result has, and lists those of the result that the stream has not passed.
 */
static bool mark_common(struct db_conn *c, struct arena *arena, struct str result_id, struct spool *spool,
                        struct result_difference *out, struct error *err)
{
    unsigned char digest[SHA256_SIZE];
    struct db_rows *rows =
        DB_QUERY(c, err, "SELECT name FROM results WHERE test_id = ? ORDER BY name", DB_STR(result_id));

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        struct str name = db_str(rows, "name");

        hash_sha256(name.p, name.n, digest);
        ptrdiff_t place = spool_find(spool, digest);
        struct spool_slot *slot = place < 0 ? NULL : spool_slot(spool, (size_t)place);
        if (slot && slot->outcome == OUTCOME_SUCCESS)
            slot->marked = true;
        else if (out->n_only_in_result++ < RESULT_DIFFERENCES)
            out->only_in_result[out->n_only_in_result - 1] = arena_str(arena, name);
    }
    return db_end(rows);
}

bool result_compare(struct db_conn *c, struct arena *arena, struct str result_id, struct spool *spool,
                    struct result_difference *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < spool_count(spool); i++)
        spool_slot(spool, i)->marked = false;
    if (!mark_common(c, arena, result_id, spool, out, err))
        return false;
    for (size_t i = 0; i < spool_count(spool); i++) {
        const struct spool_slot *slot = spool_slot(spool, i);
        struct spool_test test;

        if (slot->outcome != OUTCOME_SUCCESS || slot->marked)
            continue;
        if (out->n_only_in_stream++ >= RESULT_DIFFERENCES)
            continue;
        if (!spool_read(spool, i, arena, &test, err))
            return false;
        out->only_in_stream[out->n_only_in_stream - 1] = test.name;
    }
    return true;
}
