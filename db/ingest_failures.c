/* The signatures of a run's failures: at its upload, and later for runs that others brought. */
#include "config.h"
#include "db/failures.h"
#include "base/fault.h"
#include "db/ingest.h"

#include <string.h>

/* The message and the signature of a failure whose line is LINE, as a row's values 3 and 4. */
static void set_signature(struct arena *arena, struct str line, bool unexpected, struct db_value *row)
{
    unsigned char *signature = arena_alloc(arena, FAILURE_SIGNATURE_SIZE);
    struct buf b;

    buf_init(&b, FAILURE_LINE);
    failure_normalise(line, &b);
    struct str message = arena_str(arena, buf_str(&b));
    buf_free(&b);
    if (message.n == 0)
        message = unexpected ? STR("unexpected success") : STR("no traceback");
    failure_signature(message, signature);
    row[3] = DB_BYTES(((struct str){(const char *)signature, FAILURE_SIGNATURE_SIZE}));
    row[4] = DB_STR(message);
}

static const struct db_bulk into = {"test_run_failures", "test_run_id, run_id, tests_id, signature, message",
                                    5, true};

/* --- at the upload ------------------------------------------------------------------------------- */

static bool read_line(struct ingest_cursor *cur, struct str *line, struct error *err)
{
    const struct spool_attachment *best = NULL;
    int rank = 0;

    *line = (struct str){"", 0};
    for (size_t i = 0; i < cur->test.n_attachments; i++) {
        int r = failure_rank(cur->test.attachments[i].name, cur->test.attachments[i].mime);

        if (r > rank) {
            best = &cur->test.attachments[i];
            rank = r;
        }
    }
    if (!best)
        return true;
    size_t n = best->size < FAILURE_TAIL ? (size_t)best->size : FAILURE_TAIL;
    char *p = arena_alloc(cur->arena, n + 1);
    if (!spool_content_read(cur->in->spool, best->offset + best->size - n, p, n, err))
        return false;
    *line = failure_line((struct str){p, n});
    return true;
}

static bool next_failure(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ingest_cursor *cur = arg;
    struct spool *s = cur->in->spool;
    size_t n = spool_count(s);
    struct str line;

    while (cur->next < n && !spool_outcome_fails(spool_slot(s, cur->next)->outcome))
        cur->next++;
    if (cur->next == n) {
        *end = true;
        return true;
    }
    if (!ingest_cursor_read(cur, cur->next++, err) || !read_line(cur, &line, err))
        return false;
    row[0] = DB_INT(spool_slot(s, cur->place)->test_run_id);
    row[1] = DB_INT(cur->run_id);
    row[2] = DB_INT(spool_slot(s, cur->place)->tests_id);
    set_signature(cur->arena, line, cur->test.outcome == OUTCOME_UXSUCCESS, row);
    return true;
}

bool ingest_failures(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    const uint64_t *by = spool_totals(in->spool)->by_outcome;

    return by[OUTCOME_FAIL] + by[OUTCOME_UXSUCCESS] == 0 ||
           ingest_load(c, in, run_id, &into, next_failure, err);
}

/* --- later --------------------------------------------------------------------------------------- */

enum { FILL_BATCH = 500 };

struct fill {
    int64_t run_id;
    int64_t after; /* test_runs.id */
    struct arena *arena;
    struct db_value rows[FILL_BATCH][5];
    size_t n, next;
};

/* A failed test's best attachment, by failure_rank()'s order, in the database's own words. */
#define RANK                                                                                               \
    "CASE WHEN COALESCE(i.name, a.label) = 'message' THEN 4 WHEN COALESCE(i.name, a.label) = 'traceback' " \
    "THEN "                                                                                                \
    "3 WHEN COALESCE(i.name, a.label) LIKE 'traceback%' THEN 2 WHEN i.mime_type LIKE 'text/x-traceback%' " \
    "THEN "                                                                                                \
    "1 ELSE 0 END"

static bool read_batch(struct db_conn *c, struct fill *f, struct error *err)
{
    static const char sql[] =
        "SELECT d.id, d.test_id, d.status, d.best, (SELECT RIGHT(a.attachment, ?) FROM attachments a WHERE "
        "a.id = "
        "d.best) AS tail FROM (SELECT tr.id, tr.test_id, tr.status, (SELECT a.id FROM attachments a"
        " LEFT JOIN attachment_info i ON i.attachment_id = a.id WHERE a.test_run_id = tr.id AND " RANK " > 0"
        " ORDER BY " RANK " DESC, a.id LIMIT 1) AS best FROM test_runs tr"
        " LEFT JOIN test_run_failures x ON x.test_run_id = tr.id"
        " WHERE tr.run_id = ? AND tr.id > ? AND tr.status IN ('fail', 'uxsuccess') AND x.test_run_id IS NULL"
        " AND tr.test_id IS NOT NULL ORDER BY tr.id LIMIT ?) d ORDER BY d.id";
    struct db_rows *rows =
        DB_QUERY(c, err, sql, DB_INT(FAILURE_TAIL), DB_INT(f->run_id), DB_INT(f->after), DB_INT(FILL_BATCH));

    arena_reset(f->arena);
    f->n = f->next = 0;
    if (!rows)
        return false;
    while (f->n < FILL_BATCH && db_next(rows, err)) {
        struct db_value *row = f->rows[f->n++];

        f->after = db_i64(rows, "id");
        row[0] = DB_INT(f->after);
        row[1] = DB_INT(f->run_id);
        row[2] = DB_INT(db_i64(rows, "test_id"));
        set_signature(f->arena, failure_line(db_str(rows, "tail")),
                      str_eq_cstr(db_str(rows, "status"), "uxsuccess"), row);
    }
    return db_end(rows);
}

static const char let_go[] = "DELETE FROM run_trash WHERE run_id = ?";

static bool next_filled(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct fill *f = arg;

    (void)err;
    *end = f->next == f->n;
    if (!*end)
        memcpy(row, f->rows[f->next++], sizeof(f->rows[0]));
    return true;
}

/* Who deletes the run begins by writing this row: he waits for us, on another Galera node one of the two is
 * refused at COMMIT, and he who comes second finds what the first has done. */
static bool hold_run(struct db_conn *c, int64_t run_id, bool *there, struct error *err)
{
    struct db_value id = DB_INT(run_id);
    struct db_done held;

    *there = false;
    if (!DB_EXEC(
            c, &held, err,
            "INSERT IGNORE INTO run_trash (run_id, project, deleted_at) VALUES (?, '', UTC_TIMESTAMP(6))",
            id))
        return false;
    if (held.affected == 0)
        return true;
    struct db_rows *rows =
        db_query_one(c, "SELECT run_id FROM run_info WHERE run_id = ?", &id, 1, there, err);
    db_close(rows);
    return rows && (*there || DB_EXEC(c, NULL, err, let_go, id));
}

/* Of a run that is gone or going nothing is written. */
static bool insert_batch(struct db_conn *c, void *arg, struct error *err)
{
    struct fill *f = arg;
    bool there;

    f->next = 0;
    if (!hold_run(c, f->run_id, &there, err))
        return false;
    if (!there)
        f->n = 0;
    return !there || (db_bulk_insert(c, &into, next_filled, f, NULL, err) &&
                      DB_EXEC(c, NULL, err, let_go, DB_INT(f->run_id)));
}

bool failures_fill(struct db_conn *c, int64_t run_id, uint64_t *filled, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct fill *f = arena_calloc(arena, 1, sizeof(*f));
    bool ok;

    f->run_id = run_id;
    f->arena = arena_new(0);
    do {
        ok = read_batch(c, f, err);
        fault_point("signatures.read");
        ok = ok && (f->n == 0 || db_transaction(c, insert_batch, NULL, f, err));
        *filled += ok ? f->n : 0;
    } while (ok && f->n == FILL_BATCH);
    arena_free(f->arena);
    arena_free(arena);
    return ok;
}

/* Runs of ours that failed and have no row. */
static const char runs_to_fill[] =
    "SELECT i.run_id FROM run_info i JOIN runs r ON r.id = i.run_id WHERE i.run_id > ? AND r.fails > 0"
    " AND NOT EXISTS (SELECT 1 FROM test_run_failures f WHERE f.run_id = i.run_id) ORDER BY i.run_id LIMIT ?";

bool failures_fill_all(struct db_conn *c, uint64_t *runs, uint64_t *tests, struct error *err)
{
    enum { RUNS = 100 };
    int64_t ids[RUNS], after = 0;
    size_t n;

    *runs = *tests = 0;
    do {
        struct db_rows *rows = DB_QUERY(c, err, runs_to_fill, DB_INT(after), DB_INT(RUNS));

        n = 0;
        if (!rows)
            return false;
        while (n < RUNS && db_next(rows, err))
            ids[n++] = db_i64(rows, "run_id");
        if (!db_end(rows))
            return false;
        for (size_t i = 0; i < n; i++, ++*runs)
            if (!failures_fill(c, after = ids[i], tests, err))
                return false;
    } while (n == RUNS);
    return true;
}
