#include "config.h"
#include "handlers/tests.h"
#include "base/conf_options.h"
#include "db/tests.h"
#include "handlers/json_reply.h"
#include "handlers/subunit.h"

static bool get_limit(struct request *r, uint64_t *limit, struct error *err)
{
    *limit = r->conf->api.default_limit;
    if (!query_u64(r, "limit", 0, UINT32_MAX, limit, err))
        return false;
    if (*limit > r->conf->api.max_limit)
        *limit = r->conf->api.max_limit;
    return true;
}

static void add_test(struct json_writer *w, const struct test_row *test)
{
    json_obj_begin(w);
    json_key_i64(w, "id", test->id);
    json_key_str(w, "test_id", test->name);
    json_key_i64(w, "run_count", test->run_count);
    json_key_i64(w, "success", test->success);
    json_key_i64(w, "failure", test->failure);
    json_key_float(w, "run_time", test->run_time);
    json_obj_end(w);
}

/* --- GET /v1/tests ------------------------------------------------------------------------------- */

struct listing {
    struct json_reply out;
    int64_t last;
};

static bool list_test(void *arg, const struct test_row *test, struct error *err)
{
    struct listing *l = arg;

    add_test(&l->out.w, test);
    l->last = test->id;
    return json_reply_flush(&l->out, false, err);
}

static bool answer_list(struct request *r, struct db_conn *c, struct str prefix, struct str name,
                        uint64_t marker, uint64_t limit, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct listing l = {.last = 0};
    struct test_row one;
    bool more = false, ok;

    json_reply_begin(&l.out, r);
    json_obj_begin(&l.out.w);
    json_key(&l.out.w, "tests");
    json_arr_begin(&l.out.w);
    if (name.p) {
        ok = tests_get(c, r->arena, &viewer, 0, name, &one, err);
        if (ok)
            ok = list_test(&l, &one, err);
        else
            ok = err->kind == ERROR_NOT_FOUND;
    } else {
        ok = tests_list(c, r->arena, &viewer, prefix, marker, limit, list_test, &l, &more, err);
    }
    return json_reply_end_list(&l.out, ok, json_marker(r, more ? l.last : 0), err);
}

bool tests_index(struct request *r, struct error *err)
{
    struct str prefix, name;
    uint64_t marker = 0, limit;

    if (!query_get(r, "prefix", true, &prefix, err) || !query_get(r, "name", false, &name, err) ||
        !query_u64(r, "marker", 1, INT64_MAX, &marker, err) || !get_limit(r, &limit, err) ||
        !query_check(r, err))
        return false;
    if (prefix.p && name.p)
        return error_set(err, ERROR_BAD_REQUEST, "prefix and name exclude each other");
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);

    return c && answer_list(r, c, prefix.p ? prefix : STR(""), name, marker, limit, err);
}

/* --- one ----------------------------------------------------------------------------------------- */

static bool find_test(struct request *r, struct db_conn *c, struct test_row *out, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    uint64_t id = 0;

    if (!str_to_u64(r->capture[0], INT64_MAX, &id) || id == 0)
        return error_set(err, ERROR_NOT_FOUND, "The test was not found");
    return tests_get(c, r->arena, &viewer, id, (struct str){NULL, 0}, out, err);
}

bool tests_show(struct request *r, struct error *err)
{
    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    struct json_reply out;
    struct test_row test;

    if (!c || !find_test(r, c, &test, err))
        return false;
    json_reply_begin(&out, r);
    add_test(&out.w, &test);
    bool ok = json_reply_flush(&out, true, err);
    json_reply_free(&out);
    return ok;
}

struct history {
    struct json_reply out;
    struct str last;
};

static bool list_outcome(void *arg, const struct test_outcome *outcome, struct error *err)
{
    struct history *h = arg;
    struct json_writer *w = &h->out.w;

    json_obj_begin(w);
    json_key_str(w, "uuid", outcome->run_uuid);
    json_key_time(w, "run_at", outcome->run_at);
    json_key_str(w, "result-id", outcome->result_id);
    json_key_str(w, "cpid", outcome->cpid);
    json_key_str(w, "status", outcome->status);
    json_key(w, "run_time");
    if (outcome->seconds < 0)
        json_null(w);
    else
        json_double(w, outcome->seconds);
    json_obj_end(w);
    h->last = outcome->run_uuid;
    return json_reply_flush(&h->out, false, err);
}

bool tests_runs(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct history h = {.last = STR("")};
    struct test_row test;
    struct str marker;
    uint64_t limit;
    bool more = false;

    if (!query_get(r, "marker", false, &marker, err) || !get_limit(r, &limit, err) || !query_check(r, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !find_test(r, c, &test, err))
        return false;
    json_reply_begin(&h.out, r);
    json_obj_begin(&h.out.w);
    json_key(&h.out.w, "test");
    add_test(&h.out.w, &test);
    json_key(&h.out.w, "runs");
    json_arr_begin(&h.out.w);
    bool ok = tests_history(c, r->arena, &viewer, &test, marker, limit, list_outcome, &h, &more, err);
    return json_reply_end_list(&h.out, ok, more && h.last.n ? h.last : (struct str){NULL, 0}, err);
}
