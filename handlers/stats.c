#include "config.h"
#include "handlers/stats.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/uuid.h"
#include "db/stats.h"
#include "handlers/json_reply.h"
#include "handlers/subunit.h"

#include <inttypes.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

/* A series has so many pieces at most, a sum so many days: what is read is what lies between the dates. */
enum { BUCKETS_MAX = 1000, DAYS_MAX = 1000, SPLIT_MAX = 100, DEFAULT_BUCKETS = 30, DEFAULT_DAYS = 30 };

/* --- which runs ---------------------------------------------------------------------------------- */

struct span {
    int64_t start_us, end_us;
    char start[CLOCK_ISO_SIZE], end[CLOCK_ISO_SIZE];
    struct db_value lists[2];
    struct run_pick pick;
};

/* The dates; without them the UNITS before the end, which is now. */
static bool get_dates(struct request *r, int64_t unit_us, int units, struct span *s, struct error *err)
{
    bool start, end;

    s->end_us = clock_now_us();
    if (!query_time(r, "end_date", true, &s->end_us, &end, err))
        return false;
    s->start_us = s->end_us - units * unit_us;
    if (!query_time(r, "start_date", false, &s->start_us, &start, err))
        return false;
    if (s->start_us > s->end_us)
        return error_set(err, ERROR_BAD_REQUEST, "start_date: it comes after end_date");
    clock_sql(s->start_us, s->start);
    /* The whole second. */
    clock_iso_us(s->end_us - (s->end_us % SECOND_US + SECOND_US) % SECOND_US + SECOND_US - 1, s->end);
    s->end[10] = ' ';
    s->end[26] = '\0';
    s->pick.start_date = str_of(s->start);
    s->pick.end_date = str_of(s->end);
    return true;
}

/* key= and value= belong together; so may cpid=. */
static bool get_lists(struct request *r, struct span *s, struct error *err)
{
    struct str key, value, cpid;
    size_t n = 0;

    if (!query_get(r, "key", false, &key, err) || !query_get(r, "value", true, &value, err) ||
        !query_get(r, "cpid", false, &cpid, err))
        return false;
    if (!key.p != !value.p)
        return error_set(err, ERROR_BAD_REQUEST, "key and value: one is missing");
    if (key.p)
        s->lists[n++] = run_list_meta(r->arena, key, value);
    if (cpid.p)
        s->lists[n++] = run_list_cpid(r->arena, cpid);
    if (n == 0)
        s->lists[n++] = run_list_all(r->arena);
    s->pick.lists = s->lists;
    s->pick.n_lists = n;
    s->pick.status = RUN_ANY;
    return true;
}

/* --- writing ------------------------------------------------------------------------------------- */

static void add_sums(struct json_writer *w, const struct stats_bucket *b)
{
    int64_t known = b->passed_runs + b->failed_runs;

    json_key_i64(w, "runs", b->runs);
    json_key_i64(w, "passed_runs", b->passed_runs);
    json_key_i64(w, "failed_runs", b->failed_runs);
    if (known)
        json_key_double(w, "failure_rate", (double)b->failed_runs / (double)known);
    else
        json_key_null(w, "failure_rate");
    json_key_i64(w, "passes", b->passes);
    json_key_i64(w, "fails", b->fails);
    json_key_i64(w, "skips", b->skips);
    if (b->run_time < 0)
        json_key_null(w, "run_time");
    else
        json_key_double(w, "run_time", b->run_time);
}

/* --- GET /v1/stats/runs -------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t us; /* a month's shortest, so that none is too many */
} groups[STATS_GROUPS] = {
    [STATS_HOUR] = {"hour", 3600 * SECOND_US},
    [STATS_DAY] = {"day", DAY_US},
    [STATS_WEEK] = {"week", 7 * DAY_US},
    [STATS_MONTH] = {"month", 28 * DAY_US},
};

static bool get_group(struct request *r, enum stats_group *group, struct error *err)
{
    struct str text;

    *group = STATS_DAY;
    if (!query_get(r, "group", false, &text, err))
        return false;
    for (int i = 0; text.p && i <= STATS_GROUPS; i++) {
        if (i == STATS_GROUPS)
            return error_set(err, ERROR_BAD_REQUEST, "group: '%.*s' is none of hour, day, week and month",
                             STR_ARG(text));
        *group = (enum stats_group)i;
        if (str_eq_cstr(text, groups[i].name))
            break;
    }
    return true;
}

static bool check_buckets(const struct span *s, enum stats_group group, struct error *err)
{
    int64_t n = (s->end_us - s->start_us) / groups[group].us + 1;

    return n <= BUCKETS_MAX ||
           error_set(
               err, ERROR_BAD_REQUEST,
               "start_date and end_date are %" PRId64
               " times group=%s apart, at most %d are told of: take a longer group or dates that are closer",
               n, groups[group].name, BUCKETS_MAX);
}

/* *NONE: nothing of the caller's has this key. That of Tally's own keys, which have another value with each
 * run and are not counted, is so too. */
static bool check_split(struct db_conn *c, const struct viewer *viewer, struct str by, bool *none,
                        struct error *err)
{
    int64_t n = 0;

    *none = false;
    if (!by.p)
        return true;
    if (!stats_count_values(c, viewer, by, &n, err))
        return false;
    *none = n == 0;
    return n <= SPLIT_MAX ||
           error_set(err, ERROR_BAD_REQUEST,
                     "by: %.*s has more than %d values; ask for one by key= and value=", STR_ARG(by),
                     SPLIT_MAX);
}

struct series {
    struct json_reply out;
    bool split;
};

static bool add_bucket(void *arg, const struct stats_bucket *b, struct error *err)
{
    struct series *s = arg;
    struct json_writer *w = &s->out.w;

    json_obj_begin(w);
    json_key_str(w, "date", b->date);
    if (s->split)
        json_key_str(w, "value", b->value);
    add_sums(w, b);
    json_obj_end(w);
    return json_reply_flush(&s->out, false, err);
}

bool stats_get_runs(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct span *span = arena_calloc(r->arena, 1, sizeof(*span));
    enum stats_group group;
    struct series s;
    struct str by;

    if (!get_group(r, &group, err) || !get_dates(r, groups[group].us, DEFAULT_BUCKETS, span, err) ||
        !get_lists(r, span, err) || !query_get(r, "by", false, &by, err) || !query_check(r, err) ||
        !check_buckets(span, group, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    bool none;
    if (!c || !check_split(c, &viewer, by, &none, err) || !run_pick_order(c, &viewer, &span->pick, err))
        return false;
    s.split = by.p != NULL;
    json_reply_begin(&s.out, r);
    json_obj_begin(&s.out.w);
    json_key(&s.out.w, "series");
    json_arr_begin(&s.out.w);
    bool ok = none || stats_series(c, r->arena, &viewer, &span->pick, group, by, add_bucket, &s, err);
    if (ok) {
        json_arr_end(&s.out.w);
        json_obj_end(&s.out.w);
        ok = json_reply_flush(&s.out, true, err);
    }
    json_reply_free(&s.out);
    return ok;
}

/* --- GET /v1/stats/tests ------------------------------------------------------------------------- */

bool stats_get_tests(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct span *span = arena_calloc(r->arena, 1, sizeof(*span));
    struct stats_bucket sum;
    struct json_reply out;
    uint64_t test_id = 0;

    if (!get_dates(r, DAY_US, DEFAULT_DAYS, span, err) || !get_lists(r, span, err) ||
        !query_u64(r, "test_id", 1, INT64_MAX, &test_id, err) || !query_check(r, err))
        return false;
    if ((span->end_us - span->start_us) / DAY_US >= DAYS_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "start_date and end_date are more than %d days apart",
                         DAYS_MAX);
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !run_pick_order(c, &viewer, &span->pick, err) ||
        !stats_counts(c, &viewer, &span->pick, test_id, &sum, err))
        return false;
    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    json_key_time(&out.w, "start_date", span->pick.start_date);
    json_key_time(&out.w, "end_date", span->pick.end_date);
    add_sums(&out.w, &sum);
    json_obj_end(&out.w);
    bool ok = json_reply_flush(&out, true, err);
    json_reply_free(&out);
    return ok;
}

/* --- GET /v1/stats/failures ---------------------------------------------------------------------- */

static bool add_failure(void *arg, const struct stats_failure *f, struct error *err)
{
    struct json_reply *out = arg;
    struct json_writer *w = &out->w;

    json_obj_begin(w);
    json_key_i64(w, "id", f->tests_id);
    json_key_str(w, "test_id", f->name);
    json_key_str(w, "status", f->status);
    json_key_i64(w, "test_run", f->id);
    json_key_str(w, "uuid", f->run->uuid);
    json_key_time(w, "run_at", f->run->run_at);
    json_key_str(w, "cpid", f->run->cpid);
    json_key_str(w, "artifacts", f->run->artifacts);
    json_obj_end(w);
    return json_reply_flush(out, false, err);
}

/* A test_run, or a run whose failures were not there any more. */
static bool get_place(struct request *r, struct run_filter *f, uint64_t *marker, struct error *err)
{
    struct str text;

    if (!query_get(r, "marker", false, &text, err))
        return false;
    if (!text.p || (str_to_u64(text, INT64_MAX, marker) && *marker > 0))
        return true;
    f->marker = text;
    return uuid_is(text) ||
           error_set(err, ERROR_BAD_REQUEST, "marker: '%.*s' is neither a test_run nor a run", STR_ARG(text));
}

static bool get_failures(struct request *r, struct run_filter *f, uint64_t *marker, uint64_t *limit,
                         struct error *err)
{
    struct str key, value;

    *limit = r->conf->api.default_limit;
    if (!query_get(r, "key", false, &key, err) || !query_get(r, "value", true, &value, err) ||
        !query_get(r, "cpid", false, &f->cpid, err) || !get_place(r, f, marker, err) ||
        !query_u64(r, "limit", 0, UINT32_MAX, limit, err) || !query_check(r, err))
        return false;
    if (!key.p != !value.p)
        return error_set(err, ERROR_BAD_REQUEST, "key and value: one is missing");
    if (key.p) {
        f->meta[0].key = key;
        f->meta[0].value = value;
        f->n_meta = 1;
    }
    if (*limit > r->conf->api.max_limit)
        *limit = r->conf->api.max_limit;
    return true;
}

bool stats_get_failures(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct run_filter filter = {.limit = 0};
    struct json_reply out;
    uint64_t marker = 0, limit;
    struct str next;

    if (!get_failures(r, &filter, &marker, &limit, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c)
        return false;
    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    json_key(&out.w, "failures");
    json_arr_begin(&out.w);
    bool ok = stats_failures(c, r->arena, &viewer, &filter, marker, limit, add_failure, &out, &next, err);
    return json_reply_end_list(&out, ok, next, err);
}
