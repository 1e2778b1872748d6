/* A run on its way into the database: names that come again, order, limits, totals. */
#include "config.h"
#include "db/spool.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct spool_limits wide = {1000000, 1 << 20, 1 << 30};

static struct spool *open_spool(const struct spool_limits *limits)
{
    struct error err;
    struct spool *s = spool_new("/tmp", limits, &err);

    assert_non_null(s);
    return s;
}

static bool add(struct spool *s, const char *name, enum spool_outcome outcome, int64_t start, int64_t stop,
                struct error *err)
{
    struct spool_test t = {.name = str_of(name),
                           .stream_id = str_of(name),
                           .outcome = outcome,
                           .has_start = true,
                           .has_stop = true,
                           .start_us = start,
                           .stop_us = stop};

    return spool_add(s, &t, err);
}

static void test_a_name_that_comes_again(void **state)
{
    struct spool *s = open_spool(&wide);
    struct arena *a = arena_new(0);
    struct spool_test t;
    struct error err;

    (void)state;
    assert_true(add(s, "one", OUTCOME_SUCCESS, 0, 10, &err) && add(s, "two", OUTCOME_SKIP, 10, 30, &err) &&
                add(s, "one", OUTCOME_FAIL, 40, 45, &err) && spool_finish(s, &err));
    assert_int_equal(spool_count(s), 2);
    assert_true(spool_read(s, 0, a, &t, &err));
    assert_true(str_eq_cstr(t.name, "one"));
    assert_int_equal(t.outcome, OUTCOME_FAIL);
    assert_int_equal(t.start_us, 40);
    assert_true(spool_read(s, 1, a, &t, &err));
    assert_true(str_eq_cstr(t.name, "two"));
    /* only what counts in the end is in the totals */
    assert_int_equal(spool_totals(s)->by_outcome[OUTCOME_SUCCESS], 0);
    assert_int_equal(spool_totals(s)->by_outcome[OUTCOME_FAIL], 1);
    assert_int_equal(spool_totals(s)->run_time_us, 25);
    assert_int_equal(spool_totals(s)->wall_time_us, 35);
    arena_free(a);
    spool_free(s);
}

static void test_many_names(void **state)
{
    enum { MANY = 5000 };
    struct spool *s = open_spool(&wide);
    struct arena *a = arena_new(0);
    struct spool_test t;
    struct error err;
    char name[32];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "test_%d", i);
        assert_true(add(s, name, OUTCOME_SUCCESS, i, i + 1, &err));
    }
    assert_true(spool_finish(s, &err));
    const uint32_t *order = spool_key_order(s);
    for (size_t i = 0; i < MANY; i++) {
        unsigned char digest[SHA256_SIZE];

        arena_reset(a);
        assert_true(spool_read(s, i, a, &t, &err));
        assert_int_equal(t.start_us, i);
        hash_sha256(t.name.p, t.name.n, digest);
        assert_int_equal(spool_find(s, digest), i);
        if (i)
            assert_true(memcmp(spool_slot(s, order[i - 1])->sha256, spool_slot(s, order[i])->sha256,
                               sizeof(spool_slot(s, 0)->sha256)) < 0);
    }
    arena_free(a);
    spool_free(s);
}

static void test_limits(void **state)
{
    const struct spool_limits narrow = {2, 10, 4096};
    struct spool *s = open_spool(&narrow);
    struct error err;
    char piece[2048] = {0};

    (void)state;
    assert_true(add(s, "one", OUTCOME_SUCCESS, 0, 1, &err) && add(s, "two", OUTCOME_SUCCESS, 0, 1, &err));
    assert_false(add(s, "three", OUTCOME_SUCCESS, 0, 1, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_true(add(s, "two", OUTCOME_FAIL, 0, 1, &err));
    spool_content_begin(s);
    assert_true(spool_content_add(s, piece, 10, &err));
    assert_false(spool_content_add(s, piece, 1, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    spool_free(s);

    const struct spool_limits small = {1000, 1 << 20, 4096};
    s = open_spool(&small);
    spool_content_begin(s);
    assert_true(spool_content_add(s, piece, sizeof(piece), &err) &&
                spool_content_add(s, piece, sizeof(piece), &err));
    assert_false(add(s, "one", OUTCOME_SUCCESS, 0, 1, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    spool_free(s);
}

static void test_no_folder(void **state)
{
    struct error err;

    (void)state;
    assert_null(spool_new("/nowhere/at/all", &wide, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_that_comes_again),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
