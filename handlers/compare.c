#include "config.h"
#include "handlers/compare.h"
#include "db/run_compare.h"
#include "handlers/json_reply.h"
#include "handlers/subunit.h"

#include <math.h>
#include <stdlib.h>

#define DEFAULT_THRESHOLD 1.5

struct comparison {
    struct json_reply out;
    int open; /* the kinds before it have had their lists */
};

/* Opens the lists up to that of KIND: each is there, also the empty ones. */
static void open_list(struct comparison *x, int kind)
{
    while (x->open < kind) {
        if (x->open >= 0)
            json_arr_end(&x->out.w);
        if (++x->open == COMPARE_KINDS)
            return;
        json_key(&x->out.w, compare_kind_name((enum compare_kind)x->open));
        json_arr_begin(&x->out.w);
    }
}

static void key_seconds(struct json_writer *w, const char *key, double seconds)
{
    if (seconds < 0)
        json_key_null(w, key);
    else
        json_key_double(w, key, seconds);
}

static bool add_row(void *arg, const struct compare_row *row, struct error *err)
{
    struct comparison *x = arg;
    struct json_writer *w = &x->out.w;

    open_list(x, (int)row->kind);
    json_obj_begin(w);
    json_key_i64(w, "id", row->test_id);
    json_key_str(w, "test_id", row->name);
    json_key_str(w, "status", row->status);
    json_key_str(w, "base_status", row->base_status);
    key_seconds(w, "run_time", row->seconds);
    key_seconds(w, "base_run_time", row->base_seconds);
    json_obj_end(w);
    return json_reply_flush(&x->out, false, err);
}

static void add_run(struct json_writer *w, const char *key, const struct run *run)
{
    json_key(w, key);
    json_obj_begin(w);
    subunit_run_counts(w, run);
    json_key_str(w, "cpid", run->cpid);
    json_obj_end(w);
}

static bool get_threshold(struct request *r, double *out, struct error *err)
{
    struct str text;
    char *end;

    *out = DEFAULT_THRESHOLD;
    if (!query_get(r, "threshold", false, &text, err))
        return false;
    if (!text.p)
        return true;
    *out = strtod(arena_str(r->arena, text).p, &end);
    if (*end || !isfinite(*out) || *out < 1)
        return error_set(err, ERROR_BAD_REQUEST, "threshold: '%.*s' is no number from 1 on", STR_ARG(text));
    return true;
}

bool compare_get(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct comparison x = {.open = -1};
    struct run run, base;
    double threshold;

    if (!get_threshold(r, &threshold, err) || !query_check(r, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !subunit_run(r, c, &run, err))
        return false;
    if (!uuid_is(r->capture[1]))
        return error_set(err, ERROR_NOT_FOUND, "Run %.*s was not found", STR_ARG(r->capture[1]));
    if (!run_get(c, r->arena, &viewer, r->capture[1], &base, err))
        return false;
    json_reply_begin(&x.out, r);
    json_obj_begin(&x.out.w);
    add_run(&x.out.w, "new", &run);
    add_run(&x.out.w, "base", &base);
    bool ok = run_compare(c, run.id, base.id, threshold, add_row, &x, err);
    if (ok) {
        open_list(&x, COMPARE_KINDS);
        json_obj_end(&x.out.w);
        ok = json_reply_flush(&x.out, true, err);
    }
    json_reply_free(&x.out);
    return ok;
}
