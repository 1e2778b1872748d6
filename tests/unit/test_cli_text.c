/* Hostile text on a terminal: escaped, measured, cut. */
#include "config.h"
#include "cli/text.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct buf b;

static size_t escape(struct str s)
{
    buf_clear(&b);
    return text_escape(&b, s);
}

#define ASSERT_ESCAPED(literal, want, columns)           \
    do {                                                 \
        assert_int_equal(escape(STR(literal)), columns); \
        assert_true(str_eq(buf_str(&b), STR(want)));     \
    } while (0)

static void test_plain(void **state)
{
    (void)state;
    ASSERT_ESCAPED("", "", 0);
    ASSERT_ESCAPED("pkg.Class.test[id-1]\\d", "pkg.Class.test[id-1]\\d", 22);
    ASSERT_ESCAPED("Ünïcode", "Ünïcode", 7);
    ASSERT_ESCAPED("\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97",
                   4);                                         /* two ideographs, two columns each */
    ASSERT_ESCAPED("e\xcc\x81", "e\xcc\x81", 1);               /* a combining accent */
    ASSERT_ESCAPED("\xd7\xa9\xd7\x9c", "\xd7\xa9\xd7\x9c", 2); /* Hebrew letters are letters */
}

static void test_controls(void **state)
{
    (void)state;
    ASSERT_ESCAPED("a\nb\tc\r", "a\\nb\\tc\\r", 9);
    ASSERT_ESCAPED("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07", 23);
    ASSERT_ESCAPED("\0x\x7f", "\\x00x\\x7f", 9);
    ASSERT_ESCAPED("\xc2\x9b"
                   "31m",
                   "\\u009b31m", 9); /* CSI in one character */
    ASSERT_ESCAPED("\xc2\x85", "\\u0085", 6);
}

static void test_direction_and_the_invisible(void **state)
{
    (void)state;
    ASSERT_ESCAPED("\xe2\x80\xae"
                   "gpj.exe",
                   "\\u202egpj.exe", 13);
    ASSERT_ESCAPED("\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069", 13);
    ASSERT_ESCAPED("\xd8\x9c\xe2\x80\x8f", "\\u061c\\u200f", 12);
    ASSERT_ESCAPED("a\xe2\x80\x8b"
                   "b\xef\xbb\xbf",
                   "a\\u200bb\\ufeff", 14);
    ASSERT_ESCAPED("\xe2\x80\xa8", "\\u2028", 6);
    ASSERT_ESCAPED("\xf3\xa0\x81\x81", "\\U000e0041", 10); /* a tag character */
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    ASSERT_ESCAPED("a\xff\xfe", "a\\xff\\xfe", 9);
    ASSERT_ESCAPED("\xc0\x9b", "\\xc0\\x9b", 8);           /* an overlong ESC */
    ASSERT_ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80", 12); /* half a pair */
    ASSERT_ESCAPED("\xe2\x82", "\\xe2\\x82", 8);           /* cut off */
}

/* A heap of marks grows over the lines above; without a letter before them there is nothing to grow on. */
static void test_marks(void **state)
{
    (void)state;
    ASSERT_ESCAPED("a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\\u0301",
                   7);
    ASSERT_ESCAPED("\xcc\x81", "\\u0301", 6);
}

static void test_cut(void **state)
{
    (void)state;
    buf_clear(&b);
    assert_int_equal(text_cut(&b, STR("abcdef"), 6), 6);
    assert_true(str_eq(buf_str(&b), STR("abcdef")));
    buf_clear(&b);
    assert_int_equal(text_cut(&b, STR("abcdef"), 4), 4);
    assert_true(str_eq(buf_str(&b), STR("abc\xe2\x80\xa6")));
    buf_clear(&b);
    /* a wide character does not fit into one column */
    assert_int_equal(text_cut(&b, STR("\xe6\xbc\xa2\xe5\xad\x97x"), 4), 3);
    assert_true(str_eq(buf_str(&b), STR("\xe6\xbc\xa2\xe2\x80\xa6")));
    buf_clear(&b);
    assert_int_equal(text_cut(&b, STR("abc"), 0), 0);
    assert_int_equal(b.n, 0);
}

static void test_json(void **state)
{
    (void)state;
    buf_clear(&b);
    text_json(&b, STR("{\"a\": \"\xe2\x80\xae\xc2\x9b\xc3\xbc\xf3\xa0\x81\x81\"}"));
    assert_true(str_eq(buf_str(&b), STR("{\"a\": \"\\u202e\\u009b\xc3\xbc\\udb40\\udc41\"}")));
}

static int set_up(void **state)
{
    (void)state;
    text_init();
    buf_init(&b, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_direction_and_the_invisible),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
