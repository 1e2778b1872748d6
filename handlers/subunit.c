/* GET of /v1/subunit and of a run, DELETE. */
#include "config.h"
#include "handlers/subunit.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "handlers/json_reply.h"

#include <stdio.h>

struct viewer subunit_viewer(const struct request *r)
{
    return (struct viewer){r->identity->project_id, r->identity->is_staff};
}

bool subunit_run(struct request *r, struct db_conn *c, struct run *out, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);

    if (!uuid_is(r->capture[0]))
        return error_set(err, ERROR_NOT_FOUND, "Run %.*s was not found", STR_ARG(r->capture[0]));
    return run_get(c, r->arena, &viewer, r->capture[0], out, err);
}

/* --- writing ------------------------------------------------------------------------------------ */

/* A reply about runs. */
struct run_reply {
    struct json_reply json;
    const struct run *run; /* whose attachments are linked */
};

void subunit_run_counts(struct json_writer *w, const struct run *run)
{
    json_key_str(w, "uuid", run->uuid);
    json_key_time(w, "run_at", run->run_at);
    json_key_i64(w, "passes", run->passes);
    json_key_i64(w, "fails", run->fails);
    json_key_i64(w, "skips", run->skips);
    json_key_float(w, "run_time", run->run_time);
}

/* Of several runs, in their order: a row is at hand until there is none any more. */
struct metadata {
    struct db_rows *rows;
    bool at_hand;
};

static bool begin_metadata(struct metadata *m, struct db_conn *c, const struct run *runs, size_t n,
                           struct error *err)
{
    m->rows = run_metadata(c, runs, n, err);
    m->at_hand = m->rows && db_next(m->rows, err);
    return m->rows != NULL;
}

static void add_metadata(struct json_writer *w, struct metadata *m, int64_t run_id, struct error *err)
{
    /* A key may occur with several values, so this is a list of pairs. */
    json_key(w, "metadata");
    json_arr_begin(w);
    while (m->at_hand && db_i64(m->rows, "run_id") == run_id) {
        json_obj_begin(w);
        json_key_str(w, "key", db_str(m->rows, "key"));
        json_key_str(w, "value", db_str(m->rows, "value"));
        json_obj_end(w);
        m->at_hand = db_next(m->rows, err);
    }
    json_arr_end(w);
}

/* What goes wrong while M is read is seen at its end. */
static void add_run(struct json_writer *w, const struct run *run, struct metadata *m, struct error *err)
{
    subunit_run_counts(w, run);
    json_key_str(w, "artifacts", run->artifacts);
    json_key_str(w, "cpid", run->cpid);
    json_key_str(w, "result-id", run->result_id);
    json_key_str(w, "project", run->project);
    json_key_str(w, "user", run->user);
    json_key_time(w, "created_at", run->created_at);
    json_key_i64(w, "tests", run->tests);
    json_key_i64(w, "attachments", run->attachments);
    add_metadata(w, m, run->id, err);
}

/* --- GET /v1/subunit ---------------------------------------------------------------------------- */

/* Some of a page's. */
static bool add_runs(struct json_reply *out, struct db_conn *c, const struct run *runs, size_t n,
                     struct error *err)
{
    struct metadata metadata;
    bool ok = true;

    if (!begin_metadata(&metadata, c, runs, n, err))
        return false;
    for (size_t i = 0; ok && i < n; i++) {
        json_obj_begin(&out->w);
        add_run(&out->w, &runs[i], &metadata, err);
        json_obj_end(&out->w);
        ok = json_reply_flush(out, false, err);
    }
    return db_end(metadata.rows) && ok;
}

static bool get_date(struct request *r, const char *name, bool end, struct str *out, struct error *err)
{
    int64_t us;
    bool given;

    if (!query_time(r, name, end, &us, &given, err))
        return false;
    if (given)
        *out = str_of(clock_sql(us, arena_alloc(r->arena, CLOCK_ISO_SIZE)));
    return true;
}

static bool get_status(struct str text, enum run_status *out, struct error *err)
{
    *out = RUN_ANY;
    if (!text.p)
        return true;
    if (str_eq_cstr(text, "fail") || str_eq_cstr(text, "failed"))
        *out = RUN_FAILED;
    else if (str_eq_cstr(text, "passed"))
        *out = RUN_PASSED;
    else
        return error_set(err, ERROR_BAD_REQUEST, "status: runs are 'failed' or 'passed', not '%.*s'",
                         STR_ARG(text));
    return true;
}

static bool get_filter(struct request *r, struct run_filter *f, struct error *err)
{
    struct str status;

    f->limit = r->conf->api.default_limit;
    if (!query_get(r, "cpid", false, &f->cpid, err) || !query_get(r, "marker", false, &f->marker, err) ||
        !query_get(r, "status", false, &status, err) ||
        !query_u64(r, "limit", 0, UINT32_MAX, &f->limit, err) ||
        !get_date(r, "start_date", false, &f->start_date, err) ||
        !get_date(r, "end_date", true, &f->end_date, err))
        return false;
    if (f->limit > r->conf->api.max_limit)
        f->limit = r->conf->api.max_limit;
    if (!get_status(status, &f->status, err))
        return false;
    for (size_t i = 0; i < r->n_query; i++) {
        struct str key, value;

        if (!subunit_meta_param(&r->query[i], &key, &value))
            continue;
        if (f->n_meta == sizeof(f->meta) / sizeof(f->meta[0]))
            return error_set(err, ERROR_BAD_REQUEST, "meta.*: at most %zu filters are taken", f->n_meta);
        f->meta[f->n_meta].key = key;
        f->meta[f->n_meta++].value = value;
    }
    return query_check(r, err);
}

static bool list_runs(struct request *r, struct error *err)
{
    struct run_filter filter = {.limit = 0};
    struct viewer viewer = subunit_viewer(r);
    struct json_reply out;
    struct run *page;
    size_t n, step;
    bool more = false, ok = true;

    if (!get_filter(r, &filter, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !run_list(c, r->arena, &viewer, &filter, &page, &n, &more, err))
        return false;
    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    json_key(&out.w, "runs");
    json_arr_begin(&out.w);
    for (size_t i = 0; ok && i < n; i += step) {
        step = n - i < RUN_METADATA_MAX ? n - i : RUN_METADATA_MAX;
        ok = add_runs(&out, c, page + i, step, err);
    }
    return json_reply_end_list(&out, ok, more && n ? page[n - 1].uuid : (struct str){NULL, 0}, err);
}

/* --- GET /v1/subunit/{uuid} --------------------------------------------------------------------- */

static bool add_tests(struct run_reply *out, struct db_rows *rows, struct error *err)
{
    struct json_writer *w = &out->json.w;
    bool ok = true;

    json_key(w, "tests");
    json_arr_begin(w);
    while (ok && db_next(rows, err)) {
        json_obj_begin(w);
        json_key_i64(w, "id", db_i64(rows, "id"));
        json_key_str(w, "test_id", db_str(rows, "test_id"));
        json_key_i64(w, "run_count", db_i64(rows, "run_count"));
        json_key_i64(w, "success", db_i64(rows, "success"));
        json_key_i64(w, "failure", db_i64(rows, "failure"));
        json_key_float(w, "run_time", db_real(rows, "run_time"));
        json_obj_end(w);
        ok = json_reply_flush(&out->json, false, err);
    }
    json_arr_end(w);
    return ok;
}

static void key_moment(struct json_writer *w, const char *key, const char *us_key, struct db_rows *rows)
{
    json_key_time(w, key, db_str(rows, key));
    if (db_is_null(rows, us_key))
        json_key_null(w, us_key);
    else
        json_key_i64(w, us_key, db_i64(rows, us_key));
}

static void end_test_run(struct json_writer *w, int64_t open)
{
    if (!open)
        return;
    json_arr_end(w);
    json_obj_end(w);
}

/* Rows of one test_run follow each other, one for each piece of its metadata. */
static bool add_test_runs(struct run_reply *out, struct db_rows *rows, struct error *err)
{
    struct json_writer *w = &out->json.w;
    int64_t open = 0;
    bool ok = true;

    json_key(w, "test_runs");
    json_arr_begin(w);
    while (ok && db_next(rows, err)) {
        int64_t id = db_i64(rows, "id");

        if (id != open) {
            end_test_run(w, open);
            open = id;
            json_obj_begin(w);
            json_key_i64(w, "id", id);
            json_key_i64(w, "test_id", db_i64(rows, "test_id"));
            json_key_str(w, "status", db_str(rows, "status"));
            key_moment(w, "start_time", "start_time_microsecond", rows);
            key_moment(w, "stop_time", "stop_time_microsecond", rows);
            json_key(w, "metadata");
            json_arr_begin(w);
        }
        if (!db_is_null(rows, "key")) {
            json_obj_begin(w);
            json_key_str(w, "key", db_str(rows, "key"));
            json_key_str(w, "value", db_str(rows, "value"));
            json_obj_end(w);
        }
        ok = json_reply_flush(&out->json, false, err);
    }
    end_test_run(w, open);
    json_arr_end(w);
    return ok;
}

/* Part of the list of attachments: those of tests, or those of the run as a whole. */
static bool add_attachments(struct run_reply *out, struct db_rows *rows, struct error *err)
{
    struct json_writer *w = &out->json.w;
    bool ok = true;

    while (ok && db_next(rows, err)) {
        int64_t id = db_i64(rows, "id");
        char link[512];

        snprintf(link, sizeof(link), "%s/v1/subunit/%.*s/attachments/%lld", out->json.r->conf->api.public_url,
                 STR_ARG(out->run->uuid), (long long)id);
        json_obj_begin(w);
        json_key_i64(w, "id", id);
        if (db_is_null(rows, "test_run_id"))
            json_key_null(w, "test_run_id");
        else
            json_key_i64(w, "test_run_id", db_i64(rows, "test_run_id"));
        json_key_str(w, "label", db_str(rows, "label"));
        json_key_str(w, "name", db_str(rows, "name"));
        json_key_str(w, "mime_type", db_str(rows, "mime_type"));
        json_key_cstr(w, "attachment", link);
        json_key_i64(w, "size", db_i64(rows, "size"));
        json_obj_end(w);
        ok = json_reply_flush(&out->json, false, err);
    }
    return ok;
}

/* One of the three lists. */
static bool add_part(struct run_reply *out, struct db_rows *rows,
                     bool (*fn)(struct run_reply *out, struct db_rows *rows, struct error *err),
                     struct error *err)
{
    if (!rows)
        return false;
    bool sent = fn(out, rows, err);
    bool whole = db_end(rows);
    return sent && whole;
}

static const char *const statuses[] = {"success", "xfail",      "fail",   "uxsuccess",
                                       "skip",    "inprogress", "unknown"};

static bool get_part(struct request *r, struct run_part *part, uint64_t *limit, struct error *err)
{
    struct str status;
    uint64_t marker = 0;

    *limit = 0;
    if (!query_get(r, "status", false, &status, err) || !query_u64(r, "marker", 0, INT64_MAX, &marker, err) ||
        !query_u64(r, "limit", 1, UINT32_MAX, limit, err) || !query_check(r, err))
        return false;
    for (size_t i = 0; status.p && i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (str_eq_cstr(status, statuses[i]))
            part->status = statuses[i];
    if (status.p && !part->status)
        return error_set(err, ERROR_BAD_REQUEST,
                         "status: success, xfail, fail, uxsuccess, skip, inprogress or unknown is taken");
    part->after = (int64_t)marker;
    part->last = INT64_MAX;
    return true;
}

/* Of a run that another tool has put in, nobody has counted them. */
static bool has_attachments(const struct run *run)
{
    return run->attachments > 0 || !run->created_at.p;
}

static bool send_run(struct run_reply *out, struct db_conn *c, const struct run *run, struct run_part *part,
                     bool more, struct error *err)
{
    struct viewer viewer = subunit_viewer(out->json.r);
    struct json_writer *w = &out->json.w;
    struct metadata metadata;

    json_obj_begin(w);
    json_key(w, "subunit-data");
    json_obj_begin(w);
    if (!begin_metadata(&metadata, c, run, 1, err))
        return false;
    add_run(w, run, &metadata, err);
    json_obj_end(w);
    if (!db_end(metadata.rows))
        return false;
    if (!add_part(out, run_tests(c, &viewer, part, err), add_tests, err) ||
        !add_part(out, run_test_runs(c, part, err), add_test_runs, err))
        return false;
    json_key(w, "attachments");
    json_arr_begin(w);
    if (has_attachments(run) && !add_part(out, run_attachments(c, part, err), add_attachments, err))
        return false;
    /* Those of the run as a whole have no status, and stand on the last page. */
    if (has_attachments(run) && !part->status && !more &&
        !add_part(out, run_own_attachments(c, run->id, err), add_attachments, err))
        return false;
    json_arr_end(w);
    if (more)
        json_key_i64(w, "next_marker", part->last);
    json_obj_end(w);
    return json_reply_flush(&out->json, true, err);
}

/* Answers with RUN, or with the page of it that the query asks for. */
static bool answer_run(struct request *r, struct db_conn *c, const struct run *run, struct run_part *part,
                       uint64_t limit, struct error *err)
{
    struct run_reply out;
    bool more = false;

    part->run_id = run->id;
    if (limit && !run_page(c, part, limit, &more, err))
        return false;
    json_reply_begin(&out.json, r);
    out.run = run;
    bool ok = send_run(&out, c, run, part, more, err);
    json_reply_free(&out.json);
    return ok;
}

bool subunit_get(struct request *r, struct error *err)
{
    struct run_part part = {.status = NULL};
    struct run run;
    uint64_t limit;
    struct db_conn *c = get_part(r, &part, &limit, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    return c && subunit_run(r, c, &run, err) && answer_run(r, c, &run, &part, limit, err);
}

static bool get_by_result(struct request *r, struct str result_id, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct run_part part = {.status = NULL};
    struct run run;
    uint64_t limit;

    if (!uuid_is(result_id))
        return error_set(err, ERROR_NOT_FOUND, "Run of result %.*s was not found", STR_ARG(result_id));
    struct db_conn *c = get_part(r, &part, &limit, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    return c && run_get_by_result(c, r->arena, &viewer, result_id, &run, err) &&
           answer_run(r, c, &run, &part, limit, err);
}

bool subunit_list(struct request *r, struct error *err)
{
    struct str result_id;

    if (!query_get(r, "result_id", false, &result_id, err))
        return false;
    return result_id.p ? get_by_result(r, result_id, err) : list_runs(r, err);
}

bool subunit_delete(struct request *r, struct error *err)
{
    struct run run;
    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    if (!c || !subunit_run(r, c, &run, err) || !run_delete(c, run.id, err))
        return false;
    response_status(r, 204);
    return true;
}
