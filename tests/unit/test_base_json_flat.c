#include "config.h"
#include "base/buf.h"
#include "base/json_flat.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct buf seen; /* "key=value;" */

static bool on_member(void *ctx, struct str key, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_printf(&seen, "%.*s=", STR_ARG(key));
    return true;
}

static bool on_data(void *ctx, const char *p, size_t n, struct error *err)
{
    (void)ctx;
    (void)err;
    assert_true(n > 0);
    assert_true(str_is_utf8((struct str){p, n}));
    buf_add(&seen, p, n);
    return true;
}

static bool on_end(void *ctx, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_add_char(&seen, ';');
    return true;
}

static bool read_in(struct str text, size_t step, struct error *err)
{
    const struct json_flat_sink sink = {NULL, on_member, on_data, on_end};
    struct json_flat f;

    buf_clear(&seen);
    buf_add_cstr(&seen, "");
    json_flat_init(&f, &sink);
    for (size_t i = 0; i < text.n; i += step)
        if (!json_flat_feed(&f, text.p + i, text.n - i < step ? text.n - i : step, err))
            return false;
    return json_flat_end(&f, err);
}

static const size_t steps[] = {1, 2, 3, 5, 1000};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void good(const char *text, struct str want)
{
    struct error err;

    for (size_t i = 0; i < STEPS; i++) {
        if (!read_in(str_of(text), steps[i], &err))
            fail_msg("%s: %s", text, err.message);
        assert_true(str_eq(buf_str(&seen), want));
    }
}

static void bad(const char *text, const char *why)
{
    struct error err;

    for (size_t i = 0; i < STEPS; i++) {
        if (read_in(str_of(text), steps[i], &err))
            fail_msg("taken: %s", text);
        if (!strstr(err.message, why))
            fail_msg("%s: got \"%s\", want \"%s\"", text, err.message, why);
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    }
}

static void objects(void **state)
{
    (void)state;
    buf_init(&seen, 100000);
    good("{}", STR(""));
    good(" \t\r\n{ } \n", STR(""));
    good("{\"a\":\"1\",\"b\" : \"\" , \"\":\"x\"}", STR("a=1;b=;=x;"));
    good("{\"\\u0061\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\uD83D\\uDE00\\u0041\"}",
         STR("a\n=\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
             "A;"));
    good("{\"k\":\"a\\u0000b\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}",
         STR("k=a\0b\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f;"));
    buf_free(&seen);
}

static void malformed(void **state)
{
    (void)state;
    buf_init(&seen, 100000);
    bad("", "line 1 column 1: nothing there");
    bad(" \n ", "line 2 column 2: nothing there");
    bad("{", "column 2: it ends too early");
    bad("{\"a\":\"b", "column 8: it ends too early");
    bad("{\"a\":\"b\\u00", "too early");
    bad("{\"a\":\"b\xe2", "too early");
    bad("[]", "column 1: an object is expected");
    bad("\xef\xbb\xbf{}", "column 1: an object is expected");
    bad("{\n \"a\":\n 1}", "line 3 column 2: the value must be a string");
    bad("{\"a\":{}}", "column 6: the value must be a string");
    bad("{\"a\" \"b\"}", "column 6: a colon is expected");
    bad("{\"a\":\"b\" \"c\"}", "column 10: a comma or } is expected");
    bad("{\"a\":\"b\",}", "column 10: a key is expected");
    bad("{,}", "a key is expected");
    bad("{a:1}", "a key is expected");
    bad("{}{}", "column 3: something behind the object");
    bad("{}\xff", "something behind the object");
    bad("{\"a\":\"b\nc\"}", "column 8: a control character");
    bad("{\"a\":\"\\x\"}", "column 8: an escape");
    bad("{\"a\":\"\\u00g0\"}", "column 11: \\u without four");
    bad("{\"a\":\"\\ud800\"}", "surrogate");
    bad("{\"a\":\"\\ud800\\n\"}", "surrogate");
    bad("{\"a\":\"\\ud800\\u0041\"}", "surrogate");
    bad("{\"a\":\"\\ud800\\ud800\"}", "surrogate");
    bad("{\"a\":\"\\udc00\"}", "surrogate");
    bad("{\"a\":\"\xff\"}", "not UTF-8");
    bad("{\"a\":\"\x80\"}", "not UTF-8");
    bad("{\"a\":\"\xc3\"}", "not UTF-8");
    bad("{\"a\":\"\xc0\x80\"}", "not UTF-8");
    bad("{\"a\":\"\xed\xa0\x80\"}", "not UTF-8");
    bad("{\"a\":\"\xf4\x90\x80\x80\"}", "not UTF-8");
    bad("{\"\xe2\x28\xa1\":\"\"}", "not UTF-8");
    buf_free(&seen);
}

static void long_keys(void **state)
{
    struct buf text;
    struct error err;

    (void)state;
    buf_init(&seen, 100000);
    buf_init(&text, 1000);
    for (size_t n = 256; n <= 257; n++) {
        buf_clear(&text);
        buf_add_cstr(&text, "{\"");
        for (size_t i = 0; i < n; i++)
            buf_add_char(&text, 'k');
        buf_add_cstr(&text, "\":\"\"}");
        assert_int_equal(read_in(buf_str(&text), 7, &err), n == 256);
    }
    assert_non_null(strstr(err.message, "a key of more than 256 bytes"));
    buf_free(&text);
    buf_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(malformed),
        cmocka_unit_test(long_keys),
    };

    return cmocka_run_group_tests_name("base/json_flat", tests, NULL, NULL);
}
