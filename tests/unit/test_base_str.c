#include "config.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#include <string.h>

static void compares(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), (struct str){"a\0b", 3}));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_true(str_eq_cstr(STR("abc"), "abc"));
    assert_true(str_eq_cstr(STR(""), NULL));
    assert_true(str_eq_nocase(STR("Content-TYPE@"), STR("cONTENT-type@")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_false(str_eq_nocase(STR("\xc4"), STR("\xe4")));
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")) && str_ends(STR("abc"), STR("")));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("b"), STR("a")) > 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0 && str_cmp(STR("aa"), STR("a")) > 0);
    assert_true(str_cmp(STR("a\xff"), STR("a\x01")) > 0);
    assert_int_equal(str_cmp(STR(""), (struct str){NULL, 0}), 0);
    assert_true(str_eq_secret(STR("secret"), STR("secret")));
    assert_false(str_eq_secret(STR("secret"), STR("secrets")));
    assert_false(str_eq_secret(STR("secret"), STR("sEcret")));
    assert_true(str_eq_secret(STR(""), STR("")));
    assert_null(str_of(NULL).p);
}

static void cuts(void **state)
{
    struct str head, rest;

    (void)state;
    assert_true(str_eq(str_trim(STR(" \t\r\na b\n")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    assert_int_equal(str_trim((struct str){NULL, 0}).n, 0);
    assert_true(str_cut(STR("a=b=c"), '=', &head, &rest));
    assert_true(str_eq(head, STR("a")) && str_eq(rest, STR("b=c")));
    assert_false(str_cut(STR("abc"), '=', &head, &rest));
    assert_true(str_eq(head, STR("abc")) && rest.n == 0);
    assert_true(str_cut(STR("="), '=', &head, &rest));
    assert_true(head.n == 0 && rest.n == 0);
    assert_false(str_cut((struct str){NULL, 0}, '=', &head, &rest));
}

static void numbers(void **state)
{
    uint64_t u = 5;
    int64_t i = 5;

    (void)state;
    assert_true(str_to_u64(STR("0"), 10, &u) && u == 0);
    assert_true(str_to_u64(STR("007"), 10, &u) && u == 7);
    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &u) && u == UINT64_MAX);
    u = 5;
    assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &u));
    assert_false(str_to_u64(STR("99999999999999999999"), UINT64_MAX, &u));
    assert_false(str_to_u64(STR("11"), 10, &u));
    assert_false(str_to_u64(STR(""), 10, &u));
    assert_false(str_to_u64(STR("+1"), 10, &u));
    assert_false(str_to_u64(STR("-1"), 10, &u));
    assert_false(str_to_u64(STR(" 1"), 10, &u));
    assert_false(str_to_u64(STR("1\0"), 10, &u));
    assert_false(str_to_u64(STR("1/"), 100, &u));
    assert_false(str_to_u64(STR("1:"), 100, &u));
    assert_int_equal(u, 5);
    assert_true(str_to_i64(STR("-7"), -10, 10, &i) && i == -7);
    assert_true(str_to_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &i) && i == INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775807"), INT64_MIN, INT64_MAX, &i) && i == -INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &i) && i == INT64_MIN);
    assert_false(str_to_i64(STR("-9223372036854775809"), INT64_MIN, INT64_MAX, &i));
    assert_false(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &i));
    assert_false(str_to_i64(STR("--1"), INT64_MIN, INT64_MAX, &i));
    assert_false(str_to_i64(STR("-"), INT64_MIN, INT64_MAX, &i));
    assert_false(str_to_i64(STR("-11"), -10, 10, &i));
}

static void utf8(void **state)
{
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2z",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe2\x82",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf0\x9f\x98",
                                      "\xfe",
                                      "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(str_is_utf8(str_of(good[i])));
        assert_int_equal(str_utf8_char(str_of(good[i])), i == 1 ? 1 : strlen(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(str_is_utf8(str_of(bad[i])));
        assert_int_equal(str_utf8_char(str_of(bad[i])), 0);
    }
    assert_true(str_is_utf8(STR("a\0b")));
    assert_int_equal(str_utf8_len(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z")), 5);
    /* Cut anywhere within a character, it is none. */
    struct str s = STR("\xf0\x9f\x98\x80");
    for (size_t n = 1; n < 4; n++)
        assert_false(str_is_utf8((struct str){s.p, n}));
}

static void percent(void **state)
{
    static const char *const bad[] = {"%", "%4", "a%", "a%4", "%4g", "%g4", "%%41", "%+1"};
    char out[32];
    size_t n;

    (void)state;
    assert_true(str_percent_decode(STR("a%2Fb%c3%A9+%00."), false, out, &n));
    assert_int_equal(n, 8);
    assert_memory_equal(out, "a/b\xc3\xa9+\0.", 9);
    assert_true(str_percent_decode(STR("a+b%2B"), true, out, &n));
    assert_string_equal(out, "a b+");
    assert_true(str_percent_decode(STR(""), true, out, &n));
    assert_int_equal(n, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(str_percent_decode(str_of(bad[i]), false, out, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares), cmocka_unit_test(cuts),    cmocka_unit_test(numbers),
        cmocka_unit_test(utf8),     cmocka_unit_test(percent),
    };

    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
