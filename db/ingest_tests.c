/* The tests of a run: which are known, which this run brings. */
#include "config.h"
#include "db/ingest.h"
#include "base/log.h"

#include <string.h>

/* Look-ups go by this many digests a statement; the last one is filled up by repeating its last digest. */
enum { BATCH = 256 };

#define Q16 "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
#define Q256                                                                                            \
    Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 "," Q16 \
        "," Q16 "," Q16 "," Q16

static struct db_value digest_of(struct spool *s, size_t place)
{
    return DB_BYTES(((struct str){(const char *)spool_slot(s, place)->sha256, SHA256_SIZE}));
}

/* Takes the ids that a statement found. */
static bool take_ids(struct db_conn *c, struct ingest *in, const char *sql, const struct db_value *values,
                     size_t *found, struct error *err)
{
    struct db_rows *rows = db_query(c, sql, values, BATCH, err);

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        struct str digest = db_str(rows, "digest");
        ptrdiff_t place =
            digest.n == SHA256_SIZE ? spool_find(in->spool, (const unsigned char *)digest.p) : -1;

        if (place < 0 || db_is_null(rows, "tests_id"))
            continue;
        spool_slot(in->spool, (size_t)place)->tests_id = db_i64(rows, "tests_id");
        ++*found;
    }
    return db_end(rows);
}

/* Asks SQL for all names that have no id yet, in key order. */
static bool look_up(struct db_conn *c, struct ingest *in, const char *sql, size_t *found, struct error *err)
{
    struct db_value values[BATCH];
    const uint32_t *order = spool_key_order(in->spool);
    size_t n = spool_count(in->spool), filled = 0;

    for (size_t i = 0; i < n; i++) {
        if (spool_slot(in->spool, order[i])->tests_id == 0)
            values[filled++] = digest_of(in->spool, order[i]);
        if (filled == 0 || (filled < BATCH && i + 1 < n))
            continue;
        for (size_t k = filled; k < BATCH; k++)
            values[k] = values[filled - 1];
        if (!take_ids(c, in, sql, values, found, err))
            return false;
        filled = 0;
    }
    return true;
}

/* --- tests that are missing --------------------------------------------------------------------- */

/* A new row's counters are those that subunit2sql gives it; where other tests of the run are known already
 * they start at zero, and are counted with them. */
static bool next_new_test(struct ingest_cursor *cur, bool counted, struct db_value *row, bool *end,
                          struct error *err)
{
    struct spool *s = cur->in->spool;
    size_t n = spool_count(s);

    while (cur->next < n && !spool_slot(s, cur->next)->is_new)
        cur->next++;
    if (cur->next == n) {
        *end = true;
        return true;
    }
    if (!ingest_cursor_read(cur, cur->next++, err))
        return false;
    enum spool_outcome outcome = cur->test.outcome;
    bool passes = counted && spool_outcome_passes(outcome), fails = counted && spool_outcome_fails(outcome);
    row[0] = DB_STR(cur->test.name);
    row[1] = DB_INT(passes || fails);
    row[2] = DB_INT(passes);
    row[3] = DB_INT(fails);
    bool timed = cur->test.has_start && cur->test.has_stop;
    row[4] = timed ? DB_REAL((double)spool_duration_us(&cur->test) / 1e6) : DB_NULL_VALUE;
    return true;
}

static bool next_counted_test(void *arg, struct db_value *row, bool *end, struct error *err)
{
    return next_new_test(arg, true, row, end, err);
}

static bool next_uncounted_test(void *arg, struct db_value *row, bool *end, struct error *err)
{
    return next_new_test(arg, false, row, end, err);
}

static bool next_key(void *arg, struct db_value *row, bool *end, struct error *err)
{
    (void)err;
    struct ingest_cursor *cur = arg;
    struct spool *s = cur->in->spool;
    const uint32_t *order = spool_key_order(s);
    size_t n = spool_count(s);

    while (cur->next < n && !spool_slot(s, order[cur->next])->marked)
        cur->next++;
    if (cur->next == n) {
        *end = true;
        return true;
    }
    row[0] = digest_of(s, order[cur->next]);
    row[1] = DB_INT(spool_slot(s, order[cur->next])->tests_id);
    cur->next++;
    return true;
}

static const char select_keys[] =
    "SELECT name_sha256 AS digest, tests_id FROM test_keys WHERE name_sha256 IN (" Q256
    ") LOCK IN SHARE MODE";
static const char select_tests[] =
    "SELECT test_id_sha256 AS digest, MIN(id) AS tests_id FROM tests WHERE test_id_sha256 IN (" Q256
    ") GROUP BY test_id_sha256";

/* The steps are: keys that are there; tests that another tool has put in without a key; the rest is made. Its
 * keys go in last: where a rival was faster, they are duplicates, and the whole transaction is run again. */
static bool make_missing(struct db_conn *c, struct ingest *in, size_t found, bool all_new, struct error *err)
{
    static const struct db_bulk tests = {"tests", "test_id, run_count, success, failure, run_time", 5, false};
    static const struct db_bulk keys = {"test_keys", "name_sha256, tests_id", 2, true};
    size_t n = spool_count(in->spool);

    for (size_t i = 0; i < n; i++)
        spool_slot(in->spool, i)->is_new = spool_slot(in->spool, i)->tests_id == 0;
    if (found < n &&
        !(ingest_load(c, in, 0, &tests, all_new ? next_counted_test : next_uncounted_test, err) &&
          look_up(c, in, select_tests, &found, err)))
        return false;
    if (found < n)
        return error_set(err, ERROR_INTERNAL, "%zu tests were not found after they were written", n - found);
    return ingest_load(c, in, 0, &keys, next_key, err);
}

bool ingest_tests(struct db_conn *c, struct ingest *in, bool *all_new, struct error *err)
{
    size_t n = spool_count(in->spool), found = 0;

    for (size_t i = 0; i < n; i++) {
        struct spool_slot *slot = spool_slot(in->spool, i);

        slot->tests_id = slot->test_run_id = 0;
        slot->is_new = slot->marked = false; /* marked: without a key */
    }
    if (!look_up(c, in, select_keys, &found, err))
        return false;
    if (found == n) {
        *all_new = n == 0;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        spool_slot(in->spool, i)->marked = spool_slot(in->spool, i)->tests_id == 0;
    if (!look_up(c, in, select_tests, &found, err))
        return false;
    *all_new = found == 0;
    return make_missing(c, in, found, *all_new, err);
}
