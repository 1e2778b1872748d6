#include "config.h"
#include "base/buf.h"
#include "tests/unit/unit.h"

#include <string.h>

static void appends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_true(buf_ok(&b));
    assert_int_equal(buf_str(&b).n, 0);
    buf_add(&b, "ab", 2);
    buf_add(&b, NULL, 0);
    buf_add_str(&b, STR("cd"));
    buf_add_cstr(&b, "ef");
    buf_add_char(&b, 'g');
    buf_printf(&b, "%d%s", 12, "h");
    assert_string_equal(b.p, "abcdefg12h");
    assert_int_equal(b.n, 10);
    buf_shift(&b, 3);
    assert_string_equal(b.p, "defg12h");
    buf_shift(&b, 0);
    buf_shift(&b, 7);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    buf_add(&b, "a\0b", 3);
    assert_true(str_eq(buf_str(&b), STR("a\0b")));
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    buf_free(&b);
    assert_null(b.p);
}

static void limit(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5);
    buf_add_cstr(&b, "12345");
    assert_true(buf_ok(&b));
    buf_add_char(&b, '6');
    assert_false(buf_ok(&b));
    assert_string_equal(b.p, "12345");
    /* Nothing goes in behind what did not fit. */
    buf_shift(&b, 3);
    buf_add_char(&b, 'x');
    buf_printf(&b, "x");
    assert_null(buf_room(&b, 1));
    assert_string_equal(b.p, "45");
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_printf(&b, "%s", "abcdef");
    assert_false(buf_ok(&b));
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void room(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (size_t n = 0; n < 300; n++) {
        char *p = buf_room(&b, n);

        assert_non_null(p);
        memset(p, 'a' + (int)(n % 26), n);
        buf_grow(&b, n);
        assert_int_equal(b.p[b.n], '\0');
    }
    assert_int_equal(b.n, 299 * 300 / 2);
    assert_null(buf_room(&b, 100000));
    buf_free(&b);
    buf_init(&b, SIZE_MAX);
    assert_null(buf_room(&b, SIZE_MAX));
    buf_clear(&b);
    assert_null(buf_room(&b, SIZE_MAX / 2));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(limit),
        cmocka_unit_test(room),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
