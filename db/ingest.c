#include "config.h"
#include "db/ingest.h"
#include "db/duration.h"
#include "db/run_lists.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#include <mysqld_error.h>
#include <string.h>

bool ingest_cursor_read(struct ingest_cursor *cur, size_t place, struct error *err)
{
    arena_reset(cur->arena);
    cur->place = place;
    cur->item = cur->items = 0;
    return spool_read(cur->in->spool, place, cur->arena, &cur->test, err);
}

bool ingest_load(struct db_conn *c, struct ingest *in, int64_t run_id, const struct db_bulk *into,
                 db_bulk_fn next, struct error *err)
{
    struct ingest_cursor cur = {.in = in, .run_id = run_id, .arena = arena_new(0)};
    bool ok = db_bulk_insert(c, into, next, &cur, NULL, err);

    arena_free(cur.arena);
    return ok;
}

/* --- the run's own rows ------------------------------------------------------------------------- */

static double run_seconds(const struct ingest *in)
{
    const struct spool_totals *sum = spool_totals(in->spool);

    return (in->wall_time ? (double)sum->wall_time_us : sum->run_time_us) / 1e6;
}

static bool insert_run(struct db_conn *c, struct ingest *in, int64_t *run_id, struct error *err)
{
    const struct spool_totals *sum = spool_totals(in->spool);
    const uint64_t *by = sum->by_outcome;
    char run_at[CLOCK_ISO_SIZE];
    struct db_done done;

    if (!DB_EXEC(c, &done, err,
                 "INSERT INTO runs (uuid, skips, fails, passes, run_time, artifacts, run_at)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                 DB_CSTR(in->run_uuid), DB_UINT(by[OUTCOME_SKIP]),
                 DB_UINT(by[OUTCOME_FAIL] + by[OUTCOME_UXSUCCESS]),
                 DB_UINT(by[OUTCOME_SUCCESS] + by[OUTCOME_XFAIL]), DB_REAL(run_seconds(in)),
                 DB_STR_OR_NULL(in->artifacts), DB_CSTR(clock_sql(in->run_at_us, run_at))))
        return false;
    *run_id = (int64_t)done.insert_id;
    return true;
}

/* DATETIME(6) wants a blank and no zone. */
static const char *sql_us(int64_t us, char out[CLOCK_ISO_SIZE])
{
    clock_iso_us(us, out);
    out[10] = ' ';
    out[26] = '\0';
    return out;
}

/* Early in the transaction: the same stream sent twice at once waits here and finds out. */
static bool insert_run_info(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    const struct spool_totals *sum = spool_totals(in->spool);
    char run_at[CLOCK_ISO_SIZE];
    struct str sha256 = {(const char *)in->sha256, SHA256_SIZE};

    return DB_EXEC(
        c, NULL, err,
        "INSERT INTO run_info (run_id, project, user, result_id, cpid, sha256, stream_format, bytes, tests,"
        " attachments, attachment_bytes, run_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
        DB_INT(run_id), DB_STR(in->project), DB_STR(in->user), DB_CSTR(in->run_result_id), DB_STR(in->cpid),
        DB_BYTES(sha256), DB_INT(in->stream_format), DB_UINT(in->stream_bytes),
        DB_UINT(spool_count(in->spool)), DB_UINT(sum->attachments), DB_UINT(sum->attachment_bytes),
        DB_CSTR(sql_us(in->run_at_us, run_at)));
}

static bool insert_run_meta(struct db_conn *c, int64_t run_id, struct str key, struct str value,
                            struct error *err)
{
    /* IGNORE is for a pair given twice; lengths have been checked. */
    return DB_EXEC(c, NULL, err, "INSERT IGNORE INTO run_metadata (run_id, `key`, value) VALUES (?, ?, ?)",
                   DB_INT(run_id), DB_STR(key), DB_STR(value));
}

static bool insert_metadata(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    char hex[SHA256_HEX_SIZE];

    for (size_t i = 0; i < in->n_meta; i++)
        if (!insert_run_meta(c, run_id, in->meta[i].key, in->meta[i].value, err))
            return false;
    hash_hex(in->sha256, SHA256_SIZE, hex);
    /* Copies for other tools to see; Tally itself reads run_info. */
    return insert_run_meta(c, run_id, STR("refstack_result_id"), str_of(in->run_result_id), err) &&
           insert_run_meta(c, run_id, STR("tally_project"), in->project, err) &&
           insert_run_meta(c, run_id, STR("tally_user"), in->user, err) &&
           insert_run_meta(c, run_id, STR("tally_sha256"), str_of(hex), err);
}

/* --- test_runs ---------------------------------------------------------------------------------- */

static struct db_value microseconds(bool has, int64_t us)
{
    int64_t rest = us % 1000000;

    return has ? DB_INT(rest < 0 ? rest + 1000000 : rest) : DB_NULL_VALUE;
}

static struct db_value seconds(bool has, int64_t us, char out[CLOCK_ISO_SIZE])
{
    return has ? DB_CSTR(clock_sql(us, out)) : DB_NULL_VALUE;
}

static bool next_test_run(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ingest_cursor *cur = arg;
    struct spool_test *t = &cur->test;

    if (cur->next == spool_count(cur->in->spool)) {
        *end = true;
        return true;
    }
    if (!ingest_cursor_read(cur, cur->next++, err))
        return false;
    row[0] = DB_INT(spool_slot(cur->in->spool, cur->place)->tests_id);
    row[1] = DB_INT(cur->run_id);
    row[2] = DB_CSTR(spool_outcome_name(t->outcome));
    row[3] = seconds(t->has_start, t->start_us, arena_alloc(cur->arena, CLOCK_ISO_SIZE));
    row[4] = microseconds(t->has_start, t->start_us);
    row[5] = seconds(t->has_stop, t->stop_us, arena_alloc(cur->arena, CLOCK_ISO_SIZE));
    row[6] = microseconds(t->has_stop, t->stop_us);
    return true;
}

/* Ids are read back, never computed: auto-increment steps and interleaves. Rows of one load get rising ids in
 * the order in which they were given, which test_id proves. */
static bool read_test_run_ids(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    size_t i = 0, n = spool_count(in->spool);
    struct db_rows *rows =
        DB_QUERY(c, err, "SELECT id, test_id FROM test_runs WHERE run_id = ? ORDER BY id", DB_INT(run_id));

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        if (i == n || db_i64(rows, "test_id") != spool_slot(in->spool, i)->tests_id)
            break;
        spool_slot(in->spool, i++)->test_run_id = db_i64(rows, "id");
    }
    if (!db_end(rows))
        return false;
    if (i != n)
        return error_set(err, ERROR_INTERNAL, "test_runs read back differ from those written at %zu of %zu",
                         i, n);
    return true;
}

static bool insert_test_runs(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    static const struct db_bulk into = {
        "test_runs",
        "test_id, run_id, status, start_time, start_time_microsecond, stop_time,"
        " stop_time_microsecond",
        7, false};

    return ingest_load(c, in, run_id, &into, next_test_run, err) && read_test_run_ids(c, in, run_id, err);
}

/* --- counters ----------------------------------------------------------------------------------- */

/* Last and in id order, so that uploads that meet wait for a short time and seldom in a circle. Relative, so
 * that none is lost. run_time is averaged as subunit2sql does it, from the six digits that a FLOAT shows as
 * text; a test without both times leaves it as it is. */
static bool count_tests(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_EXEC(
        c, NULL, err,
        "UPDATE " SQL_OUTCOMES_OF_RUN(
            "") " d STRAIGHT_JOIN tests t ON t.id = d.test_id"
                " SET t.run_time = IF(d.passed AND d.seconds IS NOT NULL, IF(t.run_time IS NULL, d.seconds,"
                " (COALESCE(t.success, 0) * CAST(CONCAT(t.run_time) AS DOUBLE) + d.seconds)"
                " / (COALESCE(t.success, 0) + 1)), t.run_time),"
                " t.run_count = COALESCE(t.run_count, 0) + 1,"
                " t.success = COALESCE(t.success, 0) + d.passed,"
                " t.failure = COALESCE(t.failure, 0) + (1 - d.passed)",
        DB_INT(run_id));
}

static bool count_project(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO project_test_stats (project, tests_id, runs, success, failure, run_time)"
                   " SELECT ?, test_id, 1, status IN ('success', 'xfail'), status IN ('fail', 'uxsuccess'),"
                   " IF(status IN ('success', 'xfail'), COALESCE(" SQL_SECONDS ", 0), 0)"
                   " FROM test_runs WHERE run_id = ? ORDER BY test_id"
                   " ON DUPLICATE KEY UPDATE runs = runs + 1, success = success + VALUES(success),"
                   " failure = failure + VALUES(failure), run_time = run_time + VALUES(run_time)",
                   DB_STR(in->project), DB_INT(run_id));
}

/* --- the RefStack result ------------------------------------------------------------------------ */

/* Tempest's attributes name a test's uuid as "id-<uuid>". */
static struct str attrs_uuid(struct str attrs)
{
    struct str one;

    while (attrs.n) {
        str_cut(attrs, ',', &one, &attrs);
        if (str_starts(one, STR("id-")) && uuid_is((struct str){one.p + 3, one.n - 3}))
            return (struct str){one.p + 3, one.n - 3};
    }
    return (struct str){NULL, 0};
}

static bool next_result(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ingest_cursor *cur = arg;
    size_t n = spool_count(cur->in->spool);

    while (cur->next < n && spool_slot(cur->in->spool, cur->next)->outcome != OUTCOME_SUCCESS)
        cur->next++;
    if (cur->next == n) {
        *end = true;
        return true;
    }
    if (!ingest_cursor_read(cur, cur->next++, err))
        return false;
    struct str uuid = attrs_uuid(cur->test.attrs);
    char *now = arena_alloc(cur->arena, CLOCK_ISO_SIZE);
    row[0] = DB_CSTR(clock_sql(clock_now_us(), now));
    row[1] = DB_INT(0);
    row[2] = DB_CSTR(cur->in->run_result_id);
    row[3] = DB_STR(cur->test.name);
    row[4] = DB_STR_OR_NULL(uuid);
    return true;
}

static bool insert_meta(struct db_conn *c, const char *result_id, const char *key, struct str value,
                        struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "INSERT INTO meta (created_at, deleted, test_id, meta_key, value) VALUES "
                   "(UTC_TIMESTAMP(), 0, ?, ?, ?)",
                   DB_CSTR(result_id), DB_CSTR(key), DB_STR(value));
}

static bool make_result(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    static const struct db_bulk into = {"results", "created_at, deleted, test_id, name, uuid", 5, false};
    double seconds = run_seconds(in);
    /* RefStack's column is a signed 32-bit one. */
    int64_t duration = seconds < 0 ? 0 : seconds > INT32_MAX ? INT32_MAX : (int64_t)seconds;

    return DB_EXEC(c, NULL, err,
                   "INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status)"
                   " VALUES (?, UTC_TIMESTAMP(), 0, ?, ?, 0)",
                   DB_CSTR(in->run_result_id), DB_STR(in->cpid), DB_INT(duration)) &&
           DB_EXEC(c, NULL, err,
                   "INSERT INTO result_info (result_id, project, user, anonymous, cpid, created_at)"
                   " VALUES (?, ?, ?, 0, ?, UTC_TIMESTAMP(6))",
                   DB_CSTR(in->run_result_id), DB_STR(in->project), DB_STR(in->user), DB_STR(in->cpid)) &&
           insert_meta(c, in->run_result_id, "user", in->user, err) &&
           ingest_load(c, in, run_id, &into, next_result, err);
}

/* The result may have changed since the caller looked: its row is locked until the end. */
static bool check_result(struct db_conn *c, struct ingest *in, struct error *err)
{
    bool found;
    int64_t verified = 0;
    struct db_value id = DB_STR(in->result_id);
    struct db_rows *rows =
        db_query_one(c, "SELECT verification_status FROM test WHERE id = ? FOR UPDATE", &id, 1, &found, err);

    if (!rows)
        return false;
    if (found)
        verified = db_i64(rows, "verification_status");
    db_close(rows);
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "Result %.*s was not found", STR_ARG(in->result_id));
    if (verified)
        return error_set(err, ERROR_FORBIDDEN, "Result %.*s is verified and takes no other evidence",
                         STR_ARG(in->result_id));
    return true;
}

/* --- all together ------------------------------------------------------------------------------- */

static bool store(struct db_conn *c, void *arg, struct error *err)
{
    struct ingest *in = arg;
    bool make = in->result_id.p == NULL, all_new;
    int64_t run_id;

    if (!make && !check_result(c, in, err))
        return false;
    return insert_run(c, in, &run_id, err) && insert_run_info(c, in, run_id, err) &&
           insert_metadata(c, in, run_id, err) && ingest_tests(c, in, &all_new, err) &&
           insert_test_runs(c, in, run_id, err) && ingest_details(c, in, run_id, err) &&
           ingest_failures(c, in, run_id, err) && (!make || make_result(c, in, run_id, err)) &&
           insert_meta(c, in->run_result_id, "subunit_run", str_of(in->run_uuid), err) &&
           count_project(c, in, run_id, err) && (all_new || count_tests(c, run_id, err)) &&
           run_lists_add(c, run_id, err);
}

/* Was the run stored by a COMMIT whose answer was lost? */
static bool is_stored(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct ingest *in = arg;
    struct db_value uuid = DB_CSTR(in->run_uuid);
    struct db_rows *rows = db_query_one(c, "SELECT id FROM runs WHERE uuid = ?", &uuid, 1, done, err);

    db_close(rows);
    return rows != NULL;
}

/* After a duplicate key: which run stands in the way? */
static bool find_existing(struct db_conn *c, struct ingest *in, struct error *err)
{
    struct str sha256 = {(const char *)in->sha256, SHA256_SIZE};
    struct error local;
    struct db_value values[] = {DB_STR(in->project), DB_BYTES(sha256), DB_STR_OR_NULL(in->result_id)};
    bool found;
    struct db_rows *rows =
        db_query_one(c,
                     "SELECT r.uuid, i.result_id, i.sha256 FROM run_info i JOIN runs r ON r.id = i.run_id"
                     " WHERE (i.project = ? AND i.sha256 = ?) OR i.result_id = ? ORDER BY i.run_id LIMIT 1",
                     values, 3, &found, &local);

    in->run_uuid[0] = in->run_result_id[0] = '\0';
    if (!rows) {
        *err = local;
        return false;
    }
    if (found) {
        struct str uuid = db_str(rows, "uuid"), result = db_str(rows, "result_id");
        bool same = str_eq(db_str(rows, "sha256"), sha256);

        if (uuid.n < UUID_TEXT_SIZE && result.n < UUID_TEXT_SIZE) {
            memcpy(in->run_uuid, uuid.p, uuid.n);
            in->run_uuid[uuid.n] = '\0';
            memcpy(in->run_result_id, result.n ? result.p : "", result.n);
            in->run_result_id[result.n] = '\0';
        }
        error_set(err, ERROR_CONFLICT,
                  same ? "The project has this stream already, as run %s"
                       : "The result has a run already: %s",
                  in->run_uuid);
    }
    db_close(rows);
    return found;
}

bool ingest_run(struct db_conn *c, struct ingest *in, struct error *err)
{
    for (int tries = 0;; tries++) {
        uuid_new(in->run_uuid);
        if (in->result_id.p) {
            memcpy(in->run_result_id, in->result_id.p, UUID_TEXT_SIZE - 1);
            in->run_result_id[UUID_TEXT_SIZE - 1] = '\0';
        } else {
            uuid_new(in->run_result_id);
        }
        if (db_transaction(c, store, is_stored, in, err))
            return true;
        if (err->code != ER_DUP_ENTRY)
            return false;
        /* A rival's new test (this time ours will find it), or the same stream or result; or this very run,
         * whose COMMIT was still under way when its connection was lost. */
        char own[UUID_TEXT_SIZE];
        memcpy(own, in->run_uuid, sizeof(own));
        if (find_existing(c, in, err))
            return strcmp(own, in->run_uuid) == 0;
        if (err->kind != ERROR_CONFLICT)
            return false;
        if (tries == 10)
            return error_set(err, ERROR_UNAVAILABLE, "other uploads keep bringing the same new tests");
        log_debug("upload again: another one brought the same new tests");
    }
}
