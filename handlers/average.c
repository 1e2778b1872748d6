#include "config.h"
#include "handlers/average.h"
#include "db/tests.h"

enum { PAGE = 1000 };

/* Where the format's times end, in 2106. What somebody says of his tests' times may lead there. */
static const int64_t end_us = INT64_C(4294967296) * 1000000;

struct average {
    subunit_sink_fn *sink;
    void *ctx;
    int64_t now_us;
    int64_t last; /* test */
};

static bool send(struct average *x, struct str name, enum subunit_status status, struct error *err)
{
    struct subunit_event e = {.has_id = true,
                              .id = {name.p, name.n},
                              .status = status,
                              .has_time = x->now_us < end_us,
                              .time = x->now_us < end_us ? x->now_us : 0,
                              .runnable = true};
    struct subunit_error why;

    if (subunit_write_event(&e, x->sink, x->ctx, &why))
        return true;
    if (why.code == SUBUNIT_ERROR_STOPPED)
        return error_set(err, ERROR_ABORTED, "nobody takes the stream any more");
    return error_set(err, ERROR_INTERNAL, "subunit: %s", why.message);
}

static bool send_test(struct average *x, struct str name, double seconds, struct error *err)
{
    if (!send(x, name, SUBUNIT_INPROGRESS, err))
        return false;
    /* A sum of odd times may be anything. */
    if (x->now_us < end_us)
        x->now_us += seconds > 0 && seconds < 1e7 ? (int64_t)(seconds * 1e6 + 0.5) : 0;
    return send(x, name, SUBUNIT_SUCCESS, err);
}

static bool add_counted(void *arg, const struct test_row *test, struct error *err)
{
    struct average *x = arg;

    x->last = test->id;
    return test->success <= 0 || send_test(x, test->name, test->run_time, err);
}

/* All runs: the counters, a page of tests at a time. */
static bool send_all(struct average *x, struct db_conn *c, const struct viewer *viewer, struct error *err)
{
    bool more = true;

    while (more) {
        struct arena *arena = arena_new(0);
        bool ok = tests_list(c, arena, viewer, STR(""), (uint64_t)x->last, PAGE, add_counted, x, &more, err);

        arena_free(arena);
        if (!ok)
            return false;
    }
    return true;
}

static bool send_rows(struct average *x, struct db_rows *rows, struct error *err)
{
    bool ok = rows != NULL;

    while (ok && db_next(rows, err))
        ok = send_test(x, db_str(rows, "test_id"), db_real(rows, "seconds"), err);
    return rows && db_end(rows) && ok;
}

static bool send_some(struct average *x, struct db_conn *c, const struct average_of *of, struct error *err)
{
    struct run_filter filter = {.n_meta = 1};
    struct arena *arena = arena_new(0);
    struct failure_runs *runs = arena_calloc(arena, 1, sizeof(*runs));

    filter.meta[0].key = of->key;
    filter.meta[0].value = of->value;
    bool ok = failure_runs_find(c, arena, &of->viewer, &filter, of->last, runs, err) &&
              (runs->n == 0 || send_rows(x, failure_runs_average(c, arena, runs, err), err));
    arena_free(arena);
    return ok;
}

bool average_stream(struct db_conn *c, const struct average_of *of, int64_t start_us, subunit_sink_fn *sink,
                    void *ctx, struct error *err)
{
    struct average x = {.sink = sink, .ctx = ctx, .now_us = start_us};

    return of->key.p ? send_some(&x, c, of, err) : send_all(&x, c, &of->viewer, err);
}
