/* ingest.h - a spooled run becomes rows, in one transaction: all of it or nothing.
 *
 * Rows are those that subunit2sql would write (with what docs/schema.md says is mended), the RefStack result
 * of its passing tests where one is asked for, and ours beside them.
 */
#ifndef TALLY_DB_INGEST_H
#define TALLY_DB_INGEST_H

#include "base/uuid.h"
#include "db/db.h"
#include "db/spool.h"

struct ingest_meta {
    struct str key; /* at most 255 characters each, checked by the caller */
    struct str value;
};

struct ingest {
    struct spool *spool;
    struct str project; /* the owner */
    struct str user;    /* who uploads */
    struct str cpid;
    struct str artifacts; /* p NULL: none */
    int64_t run_at_us;
    unsigned char sha256[SHA256_SIZE]; /* of the decoded stream */
    int stream_format;                 /* 1 or 2; 3: JUnit XML */
    uint64_t stream_bytes;
    const struct ingest_meta *meta;
    size_t n_meta;
    bool wall_time;
    struct str attr_prefix; /* attributes that begin so become test_metadata; p NULL: none */
    bool remove_prefix;
    struct str result_id; /* a result to link to; p NULL: one is made of the passing tests */

    /* What came of it. After ERROR_CONFLICT: the run that is there already (empty where there is none) and
     * its result. */
    char run_uuid[UUID_TEXT_SIZE];
    char run_result_id[UUID_TEXT_SIZE];
};

/* Stores the run. ERROR_CONFLICT: the project has this stream already, or the result has a run already. The
 * caller has checked that result_id may be linked; that it still exists and is not verified is checked again
 * here. */
bool ingest_run(struct db_conn *c, struct ingest *in, struct error *err);

/* --- for ingest's own files --------------------------------------------------------------------- */

/* Fills each slot's tests_id, making the tests that are missing. *ALL_NEW: this run brings every one of them.
 */
bool ingest_tests(struct db_conn *c, struct ingest *in, bool *all_new, struct error *err);

/* Loads what hangs on a test_run: metadata, test_run_info, attachments. Slots have their test_run_id. */
bool ingest_details(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err);

/* Writes down what the failures come to (failures.h). Slots have their test_run_id. */
bool ingest_failures(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err);

/* Reads the spool's records one after the other while a bulk load asks for rows. */
struct ingest_cursor {
    struct ingest *in;
    struct arena *arena; /* reset before each record */
    int64_t run_id;
    size_t next; /* place of the record to read next */
    struct spool_test test;
    size_t place; /* of TEST */
    size_t item;  /* of what hangs on TEST: the next one to hand out */
    size_t items;
    struct str *values; /* ITEMS of them, or of whatever the load wants */
};
bool ingest_cursor_read(struct ingest_cursor *cur, size_t place, struct error *err);

/* Runs one bulk load with a cursor of its own. */
bool ingest_load(struct db_conn *c, struct ingest *in, int64_t run_id, const struct db_bulk *into,
                 db_bulk_fn next, struct error *err);

#endif
