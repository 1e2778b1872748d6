#include "config.h"
#include "base/arena.h"
#include "tests/unit/unit.h"

#include <stdalign.h>
#include <string.h>

static void aligned_and_separate(void **state)
{
    struct arena *a = arena_new(0);
    unsigned char *p[200];

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        p[i] = arena_alloc(a, i * 7);
        assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
        memset(p[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(p[i][k], i);
    arena_free(a);
}

static void large_blocks(void **state)
{
    struct arena *a = arena_new(64);
    char *p = arena_alloc(a, 1 << 20);

    (void)state;
    memset(p, 1, 1 << 20);
    assert_true(arena_used(a) >= 1 << 20);
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    /* The first block is kept. */
    char *q = arena_alloc(a, 8);
    arena_reset(a);
    assert_ptr_equal(arena_alloc(a, 8), q);
    arena_free(a);
    arena_free(NULL);
}

static void zeroed(void **state)
{
    struct arena *a = arena_new(0);

    (void)state;
    memset(arena_alloc(a, 4000), 0xff, 4000);
    arena_reset(a);
    unsigned char *p = arena_calloc(a, 100, 40);
    for (size_t i = 0; i < 4000; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(arena_calloc(a, 0, 40));
    arena_free(a);
}

static void copies(void **state)
{
    struct arena *a = arena_new(0);

    (void)state;
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_strdup(a, ""), "");
    char *p = arena_memdup(a, "a\0b", 3);
    assert_memory_equal(p, "a\0b", 4);
    assert_string_equal(arena_memdup(a, NULL, 0), "");
    struct str s = arena_str(a, (struct str){"abcdef", 3});
    assert_int_equal(s.n, 3);
    assert_string_equal(s.p, "abc");
    assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
    char *big = arena_printf(a, "%0*d", 50000, 7);
    assert_int_equal(strlen(big), 50000);
    arena_free(a);
}

static char order[10];

/* What arena_defer() takes. */
static void *letter(const char *s)
{
    static char letters[] = "1\0002\0003\0004\000x\000y";

    return memchr(letters, s[0], sizeof(letters));
}

static void note(void *arg)
{
    strcat(order, arg);
}

static struct arena *deferring;

static void defer_more(void *arg)
{
    arena_defer(deferring, note, arg);
}

static void cleanups(void **state)
{
    struct arena *a = arena_new(0);

    (void)state;
    order[0] = '\0';
    arena_defer(a, note, letter("1"));
    arena_defer(a, note, letter("2"));
    arena_defer(a, note, letter("3"));
    arena_reset(a);
    assert_string_equal(order, "321");
    arena_reset(a);
    assert_string_equal(order, "321");
    arena_defer(a, note, letter("4"));
    arena_free(a);
    assert_string_equal(order, "3214");
    /* A cleanup may add one. */
    deferring = arena_new(0);
    order[0] = '\0';
    arena_defer(deferring, note, letter("x"));
    arena_defer(deferring, defer_more, letter("y"));
    arena_free(deferring);
    assert_string_equal(order, "yx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_separate),
        cmocka_unit_test(large_blocks),
        cmocka_unit_test(zeroed),
        cmocka_unit_test(copies),
        cmocka_unit_test(cleanups),
    };

    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
