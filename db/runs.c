#include "config.h"
#include "db/runs.h"
#include "db/duration.h"
#include "db/run_lists.h"
#include "db/sql.h"

#include <stdio.h>
#include <string.h>

#define RUN_COLUMNS                                                                                         \
    "r.id, r.uuid, r.skips, r.fails, r.passes, r.run_time, r.artifacts, r.run_at, i.result_id, i.project, " \
    "i.user,"                                                                                               \
    " i.cpid, i.created_at, i.tests, i.attachments, i.stream_format"

/* A copy that outlives the row; p NULL stays so. */
static struct str keep(struct arena *arena, struct str s)
{
    return s.p ? arena_str(arena, s) : s;
}

static void read_run(struct db_rows *rows, struct arena *arena, struct run *out)
{
    *out = (struct run){
        .id = db_i64(rows, "id"),
        .uuid = keep(arena, db_str(rows, "uuid")),
        .skips = db_i64(rows, "skips"),
        .fails = db_i64(rows, "fails"),
        .passes = db_i64(rows, "passes"),
        .run_time = db_real(rows, "run_time"),
        .artifacts = keep(arena, db_str(rows, "artifacts")),
        .run_at = keep(arena, db_str(rows, "run_at")),
        .result_id = keep(arena, db_str(rows, "result_id")),
        .project = keep(arena, db_str(rows, "project")),
        .user = keep(arena, db_str(rows, "user")),
        .cpid = keep(arena, db_str(rows, "cpid")),
        .created_at = keep(arena, db_str(rows, "created_at")),
        .tests = db_i64(rows, "tests"),
        .attachments = db_i64(rows, "attachments"),
        .stream_format = db_i64(rows, "stream_format"),
    };
}

static bool get_one(struct db_conn *c, struct arena *arena, const struct viewer *viewer, const char *sql,
                    struct str key, struct run *out, struct error *err)
{
    struct db_value value = DB_STR(key);
    bool found, visible = false;
    struct db_rows *rows = db_query_one(c, sql, &value, 1, &found, err);

    if (!rows)
        return false;
    if (found) {
        read_run(rows, arena, out);
        visible = viewer->staff || (out->project.p && str_eq(out->project, viewer->project));
    }
    db_close(rows);
    return visible || error_set(err, ERROR_NOT_FOUND, "Run %.*s was not found", STR_ARG(key));
}

bool run_get(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str uuid,
             struct run *out, struct error *err)
{
    return get_one(c, arena, viewer,
                   "SELECT " RUN_COLUMNS
                   " FROM runs r LEFT JOIN run_info i ON i.run_id = r.id WHERE r.uuid = ?"
                   " AND NOT EXISTS (SELECT 1 FROM run_trash d WHERE d.run_id = r.id)",
                   uuid, out, err);
}

bool run_get_by_result(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str result_id, struct run *out, struct error *err)
{
    return get_one(c, arena, viewer,
                   "SELECT " RUN_COLUMNS
                   " FROM run_info i JOIN runs r ON r.id = i.run_id WHERE i.result_id = ?",
                   result_id, out, err);
}

/* --- lists -------------------------------------------------------------------------------------- */

bool run_place(struct db_conn *c, struct arena *arena, const struct viewer *viewer, struct str uuid,
               struct str *run_at, int64_t *id, struct error *err)
{
    struct run run;
    bool found;

    if (!run_get(c, arena, viewer, uuid, &run, err))
        return err->kind == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_BAD_REQUEST, "marker: run %.*s was not found", STR_ARG(uuid))
                   : false;
    struct db_value value = DB_INT(run.id);
    struct db_rows *rows =
        db_query_one(c, "SELECT run_at FROM run_info WHERE run_id = ?", &value, 1, &found, err);
    if (!rows)
        return false;
    *id = run.id;
    *run_at = found ? arena_str(arena, db_str(rows, "run_at")) : STR("1970-01-01");
    db_close(rows);
    return true;
}

/* Where the page begins: after the marker's run_at and id. */
static bool add_marker(struct sql *q, struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       struct str marker, struct error *err)
{
    struct str run_at;
    int64_t id;

    if (!run_place(c, arena, viewer, marker, &run_at, &id, err))
        return false;
    sql_value(q, " AND l.run_at <= ?", DB_STR(run_at));
    sql_value(q, " AND (l.run_at < ?", DB_STR(run_at));
    sql_value(q, " OR (l.run_at = ?", DB_STR(run_at));
    sql_value(q, " AND l.run_id < ?))", DB_INT(id));
    return true;
}

static size_t add_lists(struct arena *arena, const struct run_filter *f, struct db_value *lists)
{
    size_t n = 0;

    for (size_t k = 0; k < f->n_meta; k++)
        lists[n++] = run_list_meta(arena, f->meta[k].key, f->meta[k].value);
    if (f->cpid.p)
        lists[n++] = run_list_cpid(arena, f->cpid);
    if (n == 0)
        lists[n++] = run_list_all(arena);
    return n;
}

static bool build_list(struct sql *q, struct db_conn *c, struct arena *arena, const struct viewer *viewer,
                       const struct run_filter *f, struct error *err)
{
    struct db_value lists[RUN_PICK_LISTS];
    struct run_pick pick = {lists, add_lists(arena, f, lists), f->status, f->start_date, f->end_date};

    if (!run_pick_order(c, viewer, &pick, err))
        return false;
    sql_add(q, "SELECT " RUN_COLUMNS " FROM ");
    run_lists_from(q, viewer, &pick);
    sql_add(q, " STRAIGHT_JOIN run_info i ON i.run_id = l.run_id STRAIGHT_JOIN runs r ON r.id = l.run_id");
    run_lists_where(q, viewer, &pick);
    if (f->marker.p && !add_marker(q, c, arena, viewer, f->marker, err))
        return false;
    sql_value(q, " ORDER BY l.run_at DESC, l.run_id DESC LIMIT ?", DB_UINT(f->limit + 1));
    return true;
}

bool run_list(struct db_conn *c, struct arena *arena, const struct viewer *viewer,
              const struct run_filter *filter, struct run **page, size_t *n, bool *more, struct error *err)
{
    struct sql q;
    struct db_rows *rows = NULL;

    *page = arena_calloc(arena, filter->limit + 1, sizeof(**page));
    *n = 0;
    sql_begin(&q, arena);
    if (build_list(&q, c, arena, viewer, filter, err))
        rows = sql_query(&q, c, err);
    else
        sql_free(&q);
    if (!rows)
        return false;
    while (*n <= filter->limit && db_next(rows, err))
        read_run(rows, arena, &(*page)[(*n)++]);
    *more = *n > filter->limit;
    *n -= *more;
    return db_end(rows);
}

#define FOUR "?, ?, ?, ?"
#define ALL FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR

struct db_rows *run_metadata(struct db_conn *c, const struct run *runs, size_t n, struct error *err)
{
    struct db_value values[2 * RUN_METADATA_MAX];

    if (n == 1)
        return DB_QUERY(c, err, "SELECT run_id, `key`, value FROM run_metadata WHERE run_id = ? ORDER BY id",
                        DB_INT(runs[0].id));
    /* One text for any number of runs: no run has the id 0. */
    for (size_t i = 0; i < RUN_METADATA_MAX; i++)
        values[i] = values[RUN_METADATA_MAX + i] = DB_INT(i < n ? runs[i].id : 0);
    return db_query(c,
                    "SELECT run_id, `key`, value FROM run_metadata WHERE run_id IN (" ALL
                    ") ORDER BY FIELD(run_id, " ALL "), id",
                    values, 2 * RUN_METADATA_MAX, err);
}

/* --- parts of a run ----------------------------------------------------------------------------- */

#define PART " tr.run_id = ? AND tr.id > ? AND tr.id <= ? AND (? IS NULL OR tr.status = ?)"
#define PART_VALUES(p)                                                                               \
    DB_INT((p)->run_id), DB_INT((p)->after), DB_INT((p)->last), DB_STR_OR_NULL(str_of((p)->status)), \
        DB_STR_OR_NULL(str_of((p)->status))

bool run_page(struct db_conn *c, struct run_part *part, uint64_t limit, bool *more, struct error *err)
{
    uint64_t n = 0;
    struct db_rows *rows;

    part->last = INT64_MAX;
    rows = DB_QUERY(c, err, "SELECT tr.id FROM test_runs tr WHERE" PART " ORDER BY tr.id LIMIT ?",
                    PART_VALUES(part), DB_UINT(limit + 1));
    if (!rows)
        return false;
    int64_t last = part->after;
    while (db_next(rows, err))
        if (n++ < limit)
            last = db_i64(rows, "id");
    *more = n > limit;
    if (*more)
        part->last = last;
    return db_end(rows);
}

struct db_rows *run_tests(struct db_conn *c, const struct viewer *viewer, const struct run_part *part,
                          struct error *err)
{
    /* A test occurs once in a run. Staff see all runs, so the shared counters are theirs. */
    if (viewer->staff)
        return DB_QUERY(c, err,
                        "SELECT t.id, t.test_id, t.run_count, t.success, t.failure, t.run_time"
                        " FROM test_runs tr JOIN tests t ON t.id = tr.test_id WHERE" PART " ORDER BY tr.id",
                        PART_VALUES(part));
    return DB_QUERY(c, err,
                    "SELECT t.id, t.test_id, s.success + s.failure AS run_count, s.success, s.failure,"
                    " IF(s.success > 0, s.run_time / s.success, 0) AS run_time"
                    " FROM test_runs tr JOIN tests t ON t.id = tr.test_id"
                    " LEFT JOIN project_test_stats s ON s.tests_id = t.id AND s.project = ? WHERE" PART
                    " ORDER BY tr.id",
                    DB_STR(viewer->project), PART_VALUES(part));
}

struct db_rows *run_test_runs(struct db_conn *c, const struct run_part *part, struct error *err)
{
    return DB_QUERY(
        c, err,
        "SELECT tr.id, tr.test_id, tr.status, tr.start_time, tr.start_time_microsecond, tr.stop_time,"
        " tr.stop_time_microsecond, m.`key`, m.value"
        " FROM test_runs tr LEFT JOIN test_run_metadata m ON m.test_run_id = tr.id WHERE" PART
        " ORDER BY tr.id, m.id",
        PART_VALUES(part));
}

/* The length of an attachment whose size nobody has written down. Not a column of the join: a sort would then
 * carry the bytes themselves, through a temporary table on disk. */
#define SIZE "COALESCE(i.size, (SELECT OCTET_LENGTH(x.attachment) FROM attachments x WHERE x.id = a.id))"

struct db_rows *run_attachments(struct db_conn *c, const struct run_part *part, struct error *err)
{
    return DB_QUERY(c, err,
                    "SELECT a.id, a.test_run_id, a.label, " SIZE " AS size, i.name, i.mime_type"
                    " FROM test_runs tr JOIN attachments a ON a.test_run_id = tr.id"
                    " LEFT JOIN attachment_info i ON i.attachment_id = a.id WHERE" PART
                    " ORDER BY tr.id, a.id",
                    PART_VALUES(part));
}

struct db_rows *run_own_attachments(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_QUERY(
        c, err,
        "SELECT a.id, a.test_run_id, a.label, i.size, i.name, i.mime_type FROM attachment_info i"
        " JOIN attachments a ON a.id = i.attachment_id WHERE i.run_id = ? AND i.test_run_id IS NULL"
        " ORDER BY i.attachment_id",
        DB_INT(run_id));
}

#define EPOCH_US(column) \
    "TIMESTAMPDIFF(SECOND, '1970-01-01', tr." column ") * 1000000 + COALESCE(tr." column "_microsecond, 0)"

/* A value that was split over rows, in one piece again. */
#define PIECES(key)                                                                                    \
    "(SELECT GROUP_CONCAT(m.value ORDER BY m.id) FROM test_run_metadata m WHERE m.test_run_id = tr.id" \
    " AND m.`key` = '" key "') AS " key

struct db_rows *run_export(struct db_conn *c, int64_t run_id, struct error *err)
{
    static const char sql[] =
        "SELECT tr.id, t.test_id AS name, f.stream_id, f.route_code, f.tags AS tags_json, "
        "tr.status, " EPOCH_US("start_time") " AS start_us, " EPOCH_US("stop_time") " AS stop_us, " PIECES(
            "attrs") ", " PIECES("tags") ","
                                         " a.id AS attachment_id, a.label, i.name AS file_name, "
                                         "i.mime_type, " SIZE " AS size"
                                         " FROM test_runs tr JOIN tests t ON t.id = tr.test_id"
                                         " LEFT JOIN test_run_info f ON f.test_run_id = tr.id"
                                         " LEFT JOIN attachments a ON a.test_run_id = tr.id"
                                         " LEFT JOIN attachment_info i ON i.attachment_id = a.id"
                                         " WHERE tr.run_id = ? ORDER BY tr.start_time, "
                                         "tr.start_time_microsecond, tr.id, a.id";

    return DB_QUERY(c, err, sql, DB_INT(run_id));
}

struct db_rows *run_export_own(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_QUERY(c, err,
                    "SELECT attachment_id, name AS file_name, mime_type, size FROM attachment_info"
                    " WHERE run_id = ? AND test_run_id IS NULL ORDER BY attachment_id",
                    DB_INT(run_id));
}

bool run_sum(struct db_conn *c, int64_t run_id, struct run_sums *out, struct error *err)
{
    static const char sql[] =
        "SELECT COUNT(*) AS tests, COALESCE(SUM(status IN ('fail', 'uxsuccess')), 0) AS failures,"
        " COALESCE(SUM(status IN ('skip', 'xfail')), 0) AS skipped,"
        " COALESCE(SUM(COALESCE(status NOT IN ('success', 'fail', 'uxsuccess', 'skip', 'xfail'), 1)), 0) AS "
        "unfinished,"
        " COALESCE(SUM(GREATEST(" SQL_SECONDS ", 0)), 0) AS seconds,"
        " DATE_FORMAT(MIN(start_time), '%Y-%m-%dT%H:%i:%s') AS start FROM test_runs WHERE run_id = ?";
    struct db_value id = DB_INT(run_id);
    bool found;
    struct db_rows *rows = db_query_one(c, sql, &id, 1, &found, err);

    if (!rows)
        return false;
    *out = (struct run_sums){.tests = db_u64(rows, "tests"),
                             .failures = db_u64(rows, "failures"),
                             .skipped = db_u64(rows, "skipped"),
                             .unfinished = db_u64(rows, "unfinished"),
                             .seconds = db_real(rows, "seconds")};
    snprintf(out->start, sizeof(out->start), "%.*s", STR_ARG(db_str(rows, "start")));
    db_close(rows);
    return true;
}

/* --- attachments -------------------------------------------------------------------------------- */

bool run_attachment_get(struct db_conn *c, struct arena *arena, int64_t run_id, uint64_t id,
                        struct run_attachment *out, struct error *err)
{
    struct db_value values[] = {DB_UINT(id), DB_INT(run_id), DB_INT(run_id)};
    bool found;
    struct db_rows *rows =
        db_query_one(c,
                     "SELECT a.id, COALESCE(i.name, a.label, '') AS name, i.mime_type,"
                     " COALESCE(i.size, OCTET_LENGTH(a.attachment), 0) AS size FROM attachments a"
                     " LEFT JOIN attachment_info i ON i.attachment_id = a.id"
                     " LEFT JOIN test_runs tr ON tr.id = a.test_run_id"
                     " WHERE a.id = ? AND (tr.run_id = ? OR (a.test_run_id IS NULL AND i.run_id = ?))",
                     values, 3, &found, err);

    if (!rows)
        return false;
    if (found)
        *out = (struct run_attachment){.id = db_i64(rows, "id"),
                                       .name = keep(arena, db_str(rows, "name")),
                                       .mime = keep(arena, db_str(rows, "mime_type")),
                                       .size = db_u64(rows, "size")};
    db_close(rows);
    return found || error_set(err, ERROR_NOT_FOUND, "Attachment %llu was not found", (unsigned long long)id);
}

bool run_attachment_read(struct db_conn *c, struct arena *arena, int64_t id, uint64_t offset, struct str *out,
                         struct error *err)
{
    struct db_value values[] = {DB_UINT(offset + 1), DB_UINT(ATTACHMENT_PIECE), DB_INT(id)};
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT SUBSTRING(attachment, ?, ?) AS piece FROM attachments WHERE id = ?", values,
                     3, &found, err);

    if (!rows)
        return false;
    *out = found ? arena_str(arena, db_str(rows, "piece")) : (struct str){NULL, 0};
    db_close(rows);
    return true;
}
