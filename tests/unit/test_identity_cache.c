/* The cache of validated tokens: one question for many askers, bounds, what is kept and for how long. */
#include "config.h"
#include "identity/cache.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000LL

static const struct cache_times minute = {60 * SECOND, 60 * SECOND, 20 * SECOND};

/* A Keystone of this test's. */
struct source {
    atomic_int asked;
    unsigned sleep_us;
    enum error_kind says; /* ERROR_NONE: a token */
    size_t padding;       /* bytes of the user's name */
};

static bool source_fetch(void *ctx, struct token_info **out, struct error *err)
{
    static char padding[1 << 20];
    struct source *s = ctx;
    struct token_info t = {.id.user_id = STR("someone"), .id.user_name = {padding, s->padding}};

    atomic_fetch_add(&s->asked, 1);
    if (s->sleep_us)
        usleep(s->sleep_us);
    if (s->says != ERROR_NONE)
        return error_set(err, s->says, "the source says no");
    *out = token_info_new(&t);
    return true;
}

static void key_of(unsigned n, unsigned char key[SHA256_SIZE])
{
    hash_sha256(&n, sizeof(n), key);
}

static enum error_kind get(struct cache *c, unsigned n, const struct cache_times *times, struct source *s)
{
    unsigned char key[SHA256_SIZE];
    struct token_info *info = NULL;
    struct error err = {0};

    key_of(n, key);
    if (!cache_get(c, key, times, source_fetch, s, &info, &err))
        return err.kind;
    assert_true(str_eq(info->id.user_id, STR("someone")));
    token_info_unref(info);
    return ERROR_NONE;
}

static struct cache *small(void)
{
    return cache_new(&(struct cache_limits){.entries = 1600, .bytes = 16 << 20});
}

static void good_and_refused_are_kept(void **state)
{
    struct cache *c = small();
    struct source good = {0}, refuses = {.says = ERROR_UNAUTHORIZED};
    size_t n_good, n_refused;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(c, 1, &minute, &good), ERROR_NONE);
        assert_int_equal(get(c, 2, &minute, &refuses), ERROR_UNAUTHORIZED);
    }
    assert_int_equal(good.asked, 1);
    assert_int_equal(refuses.asked, 1);
    cache_count(c, &n_good, &n_refused);
    assert_int_equal(n_good, 1);
    assert_int_equal(n_refused, 1);
    cache_free(c);
}

static void unavailability_is_not_kept(void **state)
{
    struct cache *c = small();
    struct source s = {.says = ERROR_UNAVAILABLE};

    (void)state;
    assert_int_equal(get(c, 1, &minute, &s), ERROR_UNAVAILABLE);
    s.says = ERROR_NONE;
    assert_int_equal(get(c, 1, &minute, &s), ERROR_NONE);
    assert_int_equal(s.asked, 2);
    cache_free(c);
}

static void what_is_stale_is_asked_again(void **state)
{
    const struct cache_times brief = {20000, 20000, SECOND};
    struct cache *c = small();
    struct source s = {0};

    (void)state;
    assert_int_equal(get(c, 1, &brief, &s), ERROR_NONE);
    usleep(30000);
    s.says = ERROR_UNAUTHORIZED; /* revoked meanwhile */
    assert_int_equal(get(c, 1, &brief, &s), ERROR_UNAUTHORIZED);
    usleep(30000);
    s.says = ERROR_UNAVAILABLE;
    assert_int_equal(get(c, 1, &brief, &s), ERROR_UNAVAILABLE);
    assert_int_equal(s.asked, 3);
    cache_free(c);
}

static void nothing_is_kept_for_no_time(void **state)
{
    const struct cache_times none = {0, 0, SECOND};
    struct cache *c = small();
    struct source s = {0};
    size_t good, refused;

    (void)state;
    get(c, 1, &none, &s);
    get(c, 1, &none, &s);
    s.says = ERROR_UNAUTHORIZED;
    get(c, 1, &none, &s);
    assert_int_equal(s.asked, 3);
    cache_count(c, &good, &refused);
    assert_int_equal(good + refused, 0);
    cache_free(c);
}

static void guesses_do_not_push_out_what_is_good(void **state)
{
    struct cache *c = small();
    struct source good = {0}, refuses = {.says = ERROR_UNAUTHORIZED};
    size_t n_good, n_refused;

    (void)state;
    get(c, 0, &minute, &good);
    for (unsigned i = 1; i < 20000; i++)
        get(c, i, &minute, &refuses);
    get(c, 0, &minute, &good);
    assert_int_equal(good.asked, 1);
    cache_count(c, &n_good, &n_refused);
    assert_int_equal(n_good, 1);
    assert_true(n_refused <= 1600 && n_refused > 1000);
    cache_free(c);
}

static void the_longest_unused_goes_first(void **state)
{
    struct cache *c = small();
    struct source s = {0};
    size_t good, refused;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        get(c, i, &minute, &s);
        get(c, 0, &minute, &s); /* used all the time */
    }
    assert_int_equal(s.asked, 10000);
    cache_count(c, &good, &refused);
    assert_true(good <= 1600 && good > 1000);
    cache_free(c);
}

static void bytes_are_bounded(void **state)
{
    struct cache *c = small(); /* 1 MiB a shard */
    struct source s = {.padding = 100000};
    size_t good, refused;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(get(c, i, &minute, &s), ERROR_NONE);
    cache_count(c, &good, &refused);
    assert_true(good > 16 && good <= 160);
    cache_free(c);
}

/* --- threads ------------------------------------------------------------------------------------ */

struct asker {
    struct cache *cache;
    struct source *source;
    const struct cache_times *times;
    pthread_barrier_t *barrier;
    unsigned key;
    enum error_kind got;
};

static void *ask_once(void *arg)
{
    struct asker *a = arg;

    pthread_barrier_wait(a->barrier);
    a->got = get(a->cache, a->key, a->times, a->source);
    return NULL;
}

enum { ASKERS = 50 };

static void ask_together(struct source *s, const struct cache_times *times, struct asker a[ASKERS])
{
    struct cache *c = small();
    pthread_barrier_t barrier;
    pthread_t thread[ASKERS];

    pthread_barrier_init(&barrier, NULL, ASKERS);
    for (int i = 0; i < ASKERS; i++) {
        a[i] = (struct asker){c, s, times, &barrier, 7, ERROR_INTERNAL};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_once, &a[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&barrier);
    cache_free(c);
}

static void many_askers_make_one_question(void **state)
{
    static const enum error_kind answers[] = {ERROR_NONE, ERROR_UNAUTHORIZED};
    struct asker a[ASKERS];

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct source s = {.sleep_us = 100000, .says = answers[k]};

        ask_together(&s, &minute, a);
        assert_int_equal(s.asked, 1);
        for (int i = 0; i < ASKERS; i++)
            assert_int_equal(a[i].got, answers[k]);
    }
}

static void all_who_waited_share_a_failure(void **state)
{
    struct source s = {.sleep_us = 400000, .says = ERROR_UNAVAILABLE};
    struct asker a[ASKERS];

    (void)state;
    ask_together(&s, &minute, a);
    assert_int_equal(s.asked, 1);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(a[i].got, ERROR_UNAVAILABLE);
}

static void waiting_ends(void **state)
{
    const struct cache_times impatient = {SECOND, SECOND, 50000};
    struct source s = {.sleep_us = 600000};
    struct asker a[ASKERS];
    int good = 0;

    (void)state;
    ask_together(&s, &impatient, a);
    for (int i = 0; i < ASKERS; i++) {
        good += a[i].got == ERROR_NONE;
        assert_true(a[i].got == ERROR_NONE || a[i].got == ERROR_UNAVAILABLE);
    }
    assert_int_equal(good, 1); /* who asked; the others had no patience */
}

static void *ask_much(void *arg)
{
    struct asker *a = arg;
    unsigned seed = a->key;

    for (int i = 0; i < 5000; i++)
        get(a->cache, (unsigned)rand_r(&seed) % 3000, a->times, a->source);
    return NULL;
}

/* Hits, misses, evictions and staleness from many threads at once: for ThreadSanitizer and AddressSanitizer.
 */
static void a_crowd_does_no_harm(void **state)
{
    const struct cache_times brief = {3000, 1000, SECOND};
    struct source good = {0}, refuses = {.says = ERROR_UNAUTHORIZED};
    struct cache *c = cache_new(&(struct cache_limits){.entries = 160, .bytes = 1 << 20});
    struct asker a[8];
    pthread_t thread[8];

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        a[i] = (struct asker){c, i % 2 ? &good : &refuses, &brief, NULL, i, ERROR_NONE};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_much, &a[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_and_refused_are_kept),
        cmocka_unit_test(unavailability_is_not_kept),
        cmocka_unit_test(what_is_stale_is_asked_again),
        cmocka_unit_test(nothing_is_kept_for_no_time),
        cmocka_unit_test(guesses_do_not_push_out_what_is_good),
        cmocka_unit_test(the_longest_unused_goes_first),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(many_askers_make_one_question),
        cmocka_unit_test(all_who_waited_share_a_failure),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(a_crowd_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
