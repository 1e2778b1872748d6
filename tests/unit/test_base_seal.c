#include "config.h"
#include "base/seal.h"
#include "tests/unit/unit.h"

#include <string.h>

#define KEY "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

static struct arena *arena;
static unsigned char key[SEAL_KEY_SIZE];

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(4096);
    return seal_key_parse(STR(KEY), key) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void keys(void **state)
{
    unsigned char k[SEAL_KEY_SIZE] = {7};

    (void)state;
    assert_int_equal(key[0], 0);
    assert_int_equal(key[1], 0x11);
    assert_int_equal(key[10], 0xaa);
    assert_int_equal(key[31], 0xff);
    assert_false(seal_key_parse(STR(""), k));
    assert_false(seal_key_parse((struct str){NULL, 0}, k));
    assert_false(seal_key_parse((struct str){KEY, 63}, k));
    assert_false(seal_key_parse(STR(KEY "0"), k));
    assert_false(seal_key_parse(STR("g0112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"), k));
    assert_false(seal_key_parse(STR("00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeef "), k));
    assert_int_equal(k[0], 7);
}

static void there_and_back(void **state)
{
    static char big[SEAL_PLAIN_MAX + 1];
    const struct str texts[] = {STR(""), STR("x"), STR("{\"token\": \"gAAAA\"}"), {big, SEAL_PLAIN_MAX}};
    struct str sealed, plain;
    struct error err;

    (void)state;
    memset(big, 'b', sizeof(big));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(seal(arena, key, STR("task"), texts[i], &sealed, &err));
        assert_int_equal(sealed.n, texts[i].n + 1 + 12 + 16);
        assert_true(seal_open(arena, key, STR("task"), sealed, &plain, &err));
        assert_true(str_eq(plain, texts[i]));
        assert_int_equal(plain.p[plain.n], 0);
    }
    assert_false(seal(arena, key, STR("task"), (struct str){big, sizeof(big)}, &sealed, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

/* The same text never looks the same, and nothing of it can be read. */
static void nothing_shows(void **state)
{
    struct str text = STR("gAAAAABsecret-token"), a, b;

    (void)state;
    assert_true(seal(arena, key, STR("t"), text, &a, NULL));
    assert_true(seal(arena, key, STR("t"), text, &b, NULL));
    assert_false(str_eq(a, b));
    assert_null(memmem(a.p, a.n, "secret", 6));
}

static void any_change_is_seen(void **state)
{
    unsigned char other[SEAL_KEY_SIZE];
    struct str sealed, plain;
    struct error err;

    (void)state;
    assert_true(seal(arena, key, STR("task-a"), STR("token"), &sealed, &err));
    for (size_t i = 0; i < sealed.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            char *copy = arena_memdup(arena, sealed.p, sealed.n);

            copy[i] = (char)(copy[i] ^ (1 << bit));
            assert_false(seal_open(arena, key, STR("task-a"), (struct str){copy, sealed.n}, &plain, &err));
            assert_int_equal(err.kind, ERROR_INTERNAL);
        }
    for (size_t n = 0; n < sealed.n; n++)
        assert_false(seal_open(arena, key, STR("task-a"), (struct str){sealed.p, n}, &plain, &err));
    assert_false(seal_open(arena, key, STR("task-b"), sealed, &plain, &err));
    assert_false(seal_open(arena, key, STR(""), sealed, &plain, &err));
    memcpy(other, key, sizeof(other));
    other[31] ^= 1;
    assert_false(seal_open(arena, other, STR("task-a"), sealed, &plain, &err));
    assert_true(seal_open(arena, key, STR("task-a"), sealed, &plain, &err));
}

struct witness {
    const char *p;
    size_t n;
    bool clean;
};

static void look(void *arg)
{
    struct witness *w = arg;

    w->clean = true;
    for (size_t i = 0; i < w->n; i++)
        w->clean = w->clean && w->p[i] == 0;
}

static void reset_wipes(void **state)
{
    struct arena *a = arena_new(4096);
    struct witness w = {.clean = false};
    struct str sealed, plain;

    (void)state;
    arena_defer(a, look, &w); /* runs after the wiping, which was deferred later */
    assert_true(seal(arena, key, STR("t"), STR("token"), &sealed, NULL));
    assert_true(seal_open(a, key, STR("t"), sealed, &plain, NULL));
    w.p = plain.p;
    w.n = plain.n;
    arena_free(a);
    assert_true(w.clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),          cmocka_unit_test(there_and_back),
        cmocka_unit_test(nothing_shows), cmocka_unit_test(any_change_is_seen),
        cmocka_unit_test(reset_wipes),
    };

    return cmocka_run_group_tests_name("base/seal", tests, set_up, tear_down);
}
