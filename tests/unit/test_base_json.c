#include "config.h"
#include "base/json.h"
#include "tests/unit/arena.h"

#include <stdio.h>
#include <string.h>

static const struct json *parse(const char *text)
{
    struct error err;
    struct json *j = json_parse(arena, str_of(text), NULL, &err);

    if (!j)
        fail_msg("%s: %s", text, err.message);
    return j;
}

/* Parses and writes again. */
static void same(const char *text)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 100000);
    json_writer_init(&w, &b);
    json_value(&w, parse(text));
    assert_true(buf_ok(&b));
    assert_string_equal(b.p, text);
    buf_free(&b);
}

static void refused_n(const char *text, size_t n, size_t line, size_t column, const char *why)
{
    char want[200];
    struct error err;

    assert_null(json_parse(arena, (struct str){text, n}, NULL, &err));
    snprintf(want, sizeof(want), "malformed JSON at line %zu column %zu: ", line, column);
    if (strncmp(err.message, want, strlen(want)) != 0 || !strstr(err.message, why))
        fail_msg("\"%s\": got \"%s\", want \"%s...%s\"", text, err.message, want, why);
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_true(err.has_offset);
}

static void refused(const char *text, size_t line, size_t column, const char *why)
{
    refused_n(text, strlen(text), line, column, why);
}

static void round_trips(void **state)
{
    (void)state;
    same("null");
    same("true");
    same("-0.5e+10");
    same("123456789012345678901234567890");
    same("\"\"");
    same("[]");
    same("{}");
    same("[1,\"two\",[3,[4]],{\"a\":{\"b\":null,\"c\":false}},{}]");
    same("{\"\":1,\"\\u0000\":2,\"\xc3\xa9\":3}");
    same("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u2028\\u2029\xf0\x9f\x98\x80\"");
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    const struct json *j = parse("\"\\ud83d\\ude00\\u00e9\\/\\u0041\\\\ud800\"");

    assert_true(str_eq(j->str, STR("\xf0\x9f\x98\x80\xc3\xa9/A\\ud800")));
    j = parse("[\"a\\u0000b\"]");
    assert_int_equal(j->first->str.n, 3);
    assert_memory_equal(j->first->str.p, "a\0b", 4);
}

static void malformed(void **state)
{
    (void)state;
    refused("", 1, 1, "nothing");
    refused(" \n ", 1, 1, "nothing");
    refused("{", 1, 2, "premature EOF");
    refused("[1,\n2", 2, 2, "premature EOF");
    refused("\"abc", 1, 5, "premature EOF");
    refused("{\"a\" 1}", 1, 6, "");
    refused("{\n  \"a\": 1,\n  \"b\": x\n}", 3, 8, "");
    refused("[1,]", 1, 4, "");
    refused("{\"a\":1,}", 1, 8, "");
    refused("1 2", 1, 4, "trailing garbage");
    refused("{} x", 1, 4, "");
    refused("01", 1, 3, "trailing garbage");
    refused("+1", 1, 1, "");
    refused("NaN", 1, 1, "");
    refused("nul", 1, 4, "");
    refused("/* c */ 1", 1, 1, "");
    refused("\"a\nb\"", 1, 2, "");
    refused("\"\\x\"", 1, 2, "");
    refused("\"\\u12g4\"", 1, 5, "");
    refused("'a'", 1, 1, "");
    refused_n("1\0", 2, 1, 2, "");
    refused_n("\0", 1, 1, 1, "");
}

static void bad_unicode(void **state)
{
    (void)state;
    refused("\"\xff\"", 1, 2, "not UTF-8");
    refused("{\n\"\xc3\xa9\xc3\xa9\": \"\xc0\x80\"}", 2, 8, "not UTF-8");
    refused("\"\xed\xa0\x80\"", 1, 2, "not UTF-8");
    refused("\"\\ud800\"", 1, 2, "surrogate");
    refused("\"\\ud800\\u0041\"", 1, 2, "surrogate");
    refused("\"x\\udc00\"", 1, 3, "surrogate");
    refused("\"\\ud800\\\\udc00\"", 1, 2, "surrogate");
    refused("\xef\xbb\xbf{}", 1, 1, "");
}

static void keys_once(void **state)
{
    struct buf b;
    struct error err;

    (void)state;
    refused("{\"a\":1,\"b\":2,\"a\":3}", 1, 19, "\"a\" twice");
    refused("{\"x\":{\"k\":1,\"\\u006b\":2}}", 1, 23, "\"k\" twice");
    same("[{\"a\":1},{\"a\":1},{\"a\":{\"a\":1}}]");
    buf_init(&b, 1000000);
    buf_add_char(&b, '{');
    for (int i = 0; i < 50000; i++)
        buf_printf(&b, "\"k%d\":%d,", i, i);
    size_t n = b.n;
    buf_add_cstr(&b, "\"last\":0}");
    assert_non_null(json_parse(arena, buf_str(&b), NULL, &err));
    b.n = n;
    buf_add_cstr(&b, "\"k777\":0}");
    assert_null(json_parse(arena, buf_str(&b), NULL, &err));
    assert_non_null(strstr(err.message, "\"k777\" twice"));
    assert_true(err.offset > n);
    buf_free(&b);
}

static void limits(void **state)
{
    const struct json_limits small = {20, 4, 3};
    struct error err;
    char text[300];

    (void)state;
    assert_non_null(json_parse(arena, STR("[[[]]]"), &small, &err));
    assert_null(json_parse(arena, STR("[[[[]]]]"), &small, &err));
    assert_non_null(strstr(err.message, "column 4: nested deeper than 3"));
    assert_non_null(json_parse(arena, STR("[1,2,3]"), &small, &err));
    assert_null(json_parse(arena, STR("[1,2,3,4]"), &small, &err));
    assert_null(json_parse(arena, STR("\"1234567890123456789\""), &small, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_non_null(json_parse(arena, (struct str){text, 128}, NULL, &err));
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(json_parse(arena, (struct str){text, 130}, NULL, &err));
    assert_non_null(strstr(err.message, "64 levels"));
    char digits[500];
    memset(digits, '1', sizeof(digits));
    assert_null(json_parse(arena, (struct str){digits, sizeof(digits)}, NULL, &err));
}

static void accessors(void **state)
{
    (void)state;
    const struct json *j =
        parse("{\"s\":\"x\",\"n\":42,\"f\":1.5,\"big\":99999999999999999999,\"b\":true,\"z\":null,"
              "\"a\":[1,2],\"e\":1e400}");
    struct str s;
    int64_t n = 7;
    double d = 0;
    bool b = false;

    assert_int_equal(j->n, 8);
    assert_true(json_to_str(json_get(j, "s"), &s) && str_eq(s, STR("x")));
    assert_true(json_to_i64(json_get(j, "n"), 0, 100, &n) && n == 42);
    assert_false(json_to_i64(json_get(j, "n"), 0, 41, &n));
    assert_false(json_to_i64(json_get(j, "f"), 0, 100, &n));
    assert_false(json_to_i64(json_get(j, "big"), INT64_MIN, INT64_MAX, &n));
    assert_int_equal(n, 42);
    assert_true(json_to_double(json_get(j, "f"), &d) && d > 1.4 && d < 1.6);
    assert_false(json_to_double(json_get(j, "e"), &d));
    assert_true(json_to_bool(json_get(j, "b"), &b) && b);
    assert_true(json_is(json_get(j, "z"), JSON_NULL));
    assert_null(json_get(j, "none"));
    assert_null(json_get(json_get(j, "a"), "x"));
    assert_null(json_get(NULL, "x"));
    assert_false(json_to_str(NULL, &s));
    int sum = 0;
    for (const struct json *e = JSON_FIRST(json_get(j, "a")); e; e = e->next)
        sum = sum * 10 + (e->str.p[0] - '0');
    assert_int_equal(sum, 12);
}

static void members(void **state)
{
    (void)state;
    const struct json *j = parse("{\"s\":\"x\",\"n\":42,\"b\":true,\"z\":null,\"a\":[1,2]}");
    const struct json *node;
    struct error err;
    struct str s = STR("old");
    int64_t n = 7;
    bool b = false;

    assert_true(json_member_str(j, "no", false, &s, &err) && str_eq(s, STR("old")));
    assert_false(json_member_str(j, "no", true, &s, &err));
    assert_string_equal(err.message, "\"no\" is missing");
    assert_false(json_member_str(j, "z", false, &s, &err));
    assert_string_equal(err.message, "\"z\" must be a string, not null");
    assert_true(json_member_str(j, "s", true, &s, &err) && str_eq(s, STR("x")));
    assert_true(json_member_i64(j, "n", true, 0, 50, &n, &err) && n == 42);
    assert_false(json_member_i64(j, "n", true, 0, 40, &n, &err));
    assert_string_equal(err.message, "\"n\" must be an integer from 0 to 40, not 42");
    assert_false(json_member_i64(j, "s", true, 0, 40, &n, &err));
    assert_true(json_member_bool(j, "b", true, &b, &err) && b);
    assert_false(json_member_bool(j, "n", true, &b, &err));
    assert_true(json_member_node(j, "a", true, JSON_ARRAY, &node, &err) && node->n == 2);
    assert_false(json_member_node(j, "a", true, JSON_OBJECT, &node, &err));
    assert_string_equal(err.message, "\"a\" must be an object, not an array");
    assert_null(node);
    const char *const keys[] = {"s", "n", "b", "z", "a"};
    assert_true(json_only(j, keys, 5, &err));
    assert_false(json_only(j, keys, 4, &err));
    assert_string_equal(err.message, "unknown member \"a\"");
    assert_null(json_parse_object(arena, STR("[]"), NULL, &err));
    assert_string_equal(err.message, "the body must be a JSON object, not an array");
}

static void writes(void **state)
{
    struct json_writer w;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_str(&w, "s", STR("a\"\x01\xff\xe2\x82"));
    json_key_cstr(&w, "none", NULL);
    json_key_i64(&w, "i", INT64_MIN);
    json_key_u64(&w, "u", UINT64_MAX);
    json_key_bool(&w, "t", true);
    json_key_null(&w, "z");
    json_key_double(&w, "d", 0.1);
    json_key_double(&w, "third", 1.0 / 3);
    json_key_double(&w, "inf", 1e308 * 10);
    json_key(&w, "list");
    json_arr_begin(&w);
    json_i64(&w, 1);
    json_obj_begin(&w);
    json_obj_end(&w);
    json_arr_begin(&w);
    json_arr_end(&w);
    json_raw(&w, STR("{\"r\":1}"));
    json_value(&w, NULL);
    json_arr_end(&w);
    json_obj_end(&w);
    assert_string_equal(b.p, "{\"s\":\"a\\\"\\u0001\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"none\":null,"
                             "\"i\":-9223372036854775808,\"u\":18446744073709551615,\"t\":true,\"z\":null,"
                             "\"d\":0.1,\"third\":0.3333333333333333,\"inf\":null,"
                             "\"list\":[1,{},[],{\"r\":1},null]}");
    buf_free(&b);
}

/* Whatever the bytes and however they are cut, pieces write what one string writes. */
static void pieces(void **state)
{
    static const char all[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x41\xe2\x28\xa1\xff\xed\xa0\x80"
                              "\xe2\x80\xa8\n\"\xf4\x90\x80\x80z\xf0\x9f\x98";
    const size_t n = sizeof(all) - 1;
    struct buf whole, cut;
    struct json_writer w;
    struct json_str_state s;

    (void)state;
    buf_init(&whole, 10000);
    buf_init(&cut, 10000);
    for (size_t len = 0; len <= n; len++) {
        buf_clear(&whole);
        json_writer_init(&w, &whole);
        json_str(&w, (struct str){all, len});
        for (size_t step = 1; step < 7; step++) {
            buf_clear(&cut);
            json_writer_init(&w, &cut);
            json_str_begin(&w, &s);
            for (size_t i = 0; i < len; i += step)
                json_str_piece(&w, &s, (struct str){all + i, len - i < step ? len - i : step});
            json_str_end(&w, &s);
            assert_string_equal(cut.p, whole.p);
        }
        struct error err;
        assert_non_null(json_parse(arena, buf_str(&whole), NULL, &err));
    }
    buf_free(&whole);
    buf_free(&cut);
}

/* The caller empties the buffer between any two calls. */
static void writes_in_parts(void **state)
{
    struct json_writer w;
    struct buf b;
    char all[200] = "";

    (void)state;
    buf_init(&b, 1000);
    json_writer_init(&w, &b);
    json_arr_begin(&w);
    for (int i = 0; i < 5; i++) {
        strcat(all, b.p);
        buf_clear(&b);
        json_obj_begin(&w);
        json_key(&w, "i");
        strcat(all, b.p);
        buf_clear(&b);
        json_i64(&w, i);
        json_obj_end(&w);
    }
    json_arr_end(&w);
    strcat(all, b.p);
    assert_string_equal(all, "[{\"i\":0},{\"i\":1},{\"i\":2},{\"i\":3},{\"i\":4}]");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trips, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(escapes_are_decoded, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(malformed, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(bad_unicode, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(keys_once, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(limits, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(accessors, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(members, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(writes, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(pieces, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(writes_in_parts, arena_set_up, arena_tear_down),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
