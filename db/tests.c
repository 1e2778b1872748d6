#include "config.h"
#include "db/tests.h"
#include "db/duration.h"

static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

static struct test_row read_test(struct db_rows *rows, struct arena *arena)
{
    return (struct test_row){
        .id = db_i64(rows, "id"),
        .name = keep(arena, db_str(rows, "test_id")),
        .runs = db_i64(rows, "runs"),
        .run_count = db_i64(rows, "run_count"),
        .success = db_i64(rows, "success"),
        .failure = db_i64(rows, "failure"),
        .run_time = db_real(rows, "run_time"),
    };
}

#define OF_ALL                                                                                               \
    "SELECT t.id, t.test_id, t.run_count AS runs, t.run_count, t.success, t.failure, t.run_time FROM tests " \
    "t"
#define OF_PROJECT                                                                              \
    "SELECT t.id, t.test_id, s.runs, s.success + s.failure AS run_count, s.success, s.failure," \
    " IF(s.success > 0, s.run_time / s.success, 0) AS run_time FROM tests t"
#define STATS " STRAIGHT_JOIN project_test_stats s ON s.tests_id = t.id AND s.project = ?"

/* --- a page of them ------------------------------------------------------------------------------ */

/* The range of heads, then the names themselves, as bytes (a blank at the end counts): a prefix may be longer
 * than a head. */
#define PAGE                                                                                                 \
    " WHERE t.test_id_head >= LEFT(?, 255) AND t.test_id_head <= CONCAT(LEFT(?, 254), _utf8mb4 x'F48FBFBF')" \
    " AND CAST(LEFT(t.test_id, CHAR_LENGTH(?)) AS BINARY) = CAST(? AS BINARY)"                               \
    " AND (? = 0 OR t.test_id_head > ? OR (t.test_id_head = ? AND t.id > ?))"                                \
    " ORDER BY t.test_id_head, t.id LIMIT ?"

static const char page_of_all[] = OF_ALL " FORCE INDEX (ix_tests_test_id_head)" PAGE;
static const char page_of_project[] = OF_PROJECT " FORCE INDEX (ix_tests_test_id_head)" STATS PAGE;

static bool find_marker(struct db_conn *c, struct arena *arena, uint64_t marker, struct str *head,
                        struct error *err)
{
    struct db_value id = DB_UINT(marker);
    bool found;
    struct db_rows *rows;

    *head = STR("");
    if (marker == 0)
        return true;
    rows = db_query_one(c, "SELECT test_id_head FROM tests WHERE id = ?", &id, 1, &found, err);
    if (!rows)
        return false;
    if (found)
        *head = arena_str(arena, db_str(rows, "test_id_head"));
    db_close(rows);
    return found ||
           error_set(err, ERROR_BAD_REQUEST, "marker: test %llu was not found", (unsigned long long)marker);
}

bool tests_list(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str prefix,
                uint64_t marker, uint64_t limit, test_fn fn, void *arg, bool *more, struct error *err)
{
    struct str head;
    uint64_t n = 0;
    bool ok = true;

    if (!find_marker(c, arena, marker, &head, err))
        return false;
    const struct db_value values[] = {
        DB_STR(viewer->project), DB_STR(prefix), DB_STR(prefix), DB_STR(prefix),  DB_STR(prefix),
        DB_UINT(marker),         DB_STR(head),   DB_STR(head),   DB_UINT(marker), DB_UINT(limit + 1)};
    struct db_rows *rows = viewer->staff ? db_query(c, page_of_all, values + 1, 9, err)
                                         : db_query(c, page_of_project, values, 10, err);

    if (!rows)
        return false;
    while (ok && n <= limit && db_next(rows, err)) {
        struct test_row test = read_test(rows, arena);

        if (n++ < limit)
            ok = fn(arg, &test, err);
    }
    *more = n > limit;
    return db_end(rows) && ok;
}

/* --- one ----------------------------------------------------------------------------------------- */

#define BY_ID " WHERE t.id = ?"
#define BY_NAME " WHERE t.test_id_sha256 = UNHEX(SHA2(?, 256)) ORDER BY t.id LIMIT 1"

bool tests_get(struct db_conn *c, struct arena *arena, const struct viewer *viewer, uint64_t id,
               struct str name, struct test_row *out, struct error *err)
{
    /* Of tests that stand twice in an adopted database, the lowest id is the one that goes on. */
    static const char *const sql[2][2] = {{OF_PROJECT STATS BY_ID, OF_PROJECT STATS BY_NAME},
                                          {OF_ALL BY_ID, OF_ALL BY_NAME}};
    const struct db_value values[] = {DB_STR(viewer->project), id ? DB_UINT(id) : DB_STR(name)};
    bool found;
    struct db_rows *rows = db_query_one(c, sql[viewer->staff][id == 0], values + viewer->staff,
                                        2 - (size_t)viewer->staff, &found, err);

    if (!rows)
        return false;
    if (found)
        *out = read_test(rows, arena);
    db_close(rows);
    return found || error_set(err, ERROR_NOT_FOUND, "The test was not found");
}

/* --- its history --------------------------------------------------------------------------------- */

#define OUTCOME                                                                                     \
    "SELECT r.uuid, CAST(i.run_at AS CHAR) AS run_at, i.result_id, i.cpid, tr.status, " SQL_SECONDS \
    " AS seconds FROM "
#define PAGE_OF_RUNS                                                                                      \
    " STRAIGHT_JOIN runs r ON r.id = i.run_id"                                                            \
    " WHERE tr.test_id = ? AND i.run_at <= ? AND (i.run_at < ? OR i.run_id < ?) AND (? OR i.project = ?)" \
    " ORDER BY i.run_at DESC, i.run_id DESC LIMIT ?"
#define ITS_ROW " STRAIGHT_JOIN test_runs tr ON tr.run_id = i.run_id"

/* A test that most runs have is found by walking along the runs; one that few have, by its own rows. */
enum { FEW = 200 };
static const char by_test[] =
    OUTCOME "test_runs tr STRAIGHT_JOIN run_info i ON i.run_id = tr.run_id" PAGE_OF_RUNS;
static const char by_run[] = OUTCOME "run_info i FORCE INDEX (ix_run_info_run_at)" ITS_ROW PAGE_OF_RUNS;
static const char by_project_run[] =
    OUTCOME "run_info i FORCE INDEX (ix_run_info_project_run_at)" ITS_ROW PAGE_OF_RUNS;

bool tests_history(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                   const struct test_row *test, struct str marker, uint64_t limit, test_outcome_fn fn,
                   void *arg, bool *more, struct error *err)
{
    struct str run_at = STR("9999-12-31 23:59:59"); /* without a marker: the end of time */
    int64_t run_id = INT64_MAX;
    uint64_t n = 0;
    bool ok = true;
    const char *sql = test->runs <= FEW ? by_test : viewer->staff ? by_run : by_project_run;

    if (marker.p && !run_place(c, arena, viewer, marker, &run_at, &run_id, err))
        return false;
    struct db_rows *rows =
        DB_QUERY(c, err, sql, DB_INT(test->id), DB_STR(run_at), DB_STR(run_at), DB_INT(run_id),
                 DB_INT(viewer->staff), DB_STR(viewer->project), DB_UINT(limit + 1));
    if (!rows)
        return false;
    while (ok && n <= limit && db_next(rows, err)) {
        struct test_outcome o = {
            .run_uuid = keep(arena, db_str(rows, "uuid")),
            .run_at = keep(arena, db_str(rows, "run_at")),
            .result_id = keep(arena, db_str(rows, "result_id")),
            .cpid = keep(arena, db_str(rows, "cpid")),
            .status = keep(arena, db_str(rows, "status")),
            .seconds = db_is_null(rows, "seconds") ? -1 : db_real(rows, "seconds"),
        };

        if (n++ < limit)
            ok = fn(arg, &o, err);
    }
    *more = n > limit;
    return db_end(rows) && ok;
}
