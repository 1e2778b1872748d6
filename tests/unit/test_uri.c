#include "config.h"
#include "handlers/uri.h"
#include "tests/unit/arena.h"

#include <string.h>

static struct request r;

/* --- path --------------------------------------------------------------------------------------- */

static void path_is(const char *raw, const char *want)
{
    struct str path;
    struct error err;

    if (!uri_decode_path(arena, str_of(raw), &path, &err))
        fail_msg("%s: %s", raw, err.message);
    assert_true(str_eq_cstr(path, want));
}

static void path_is_refused(const char *raw, enum error_kind kind)
{
    struct str path;
    struct error err;

    if (uri_decode_path(arena, str_of(raw), &path, &err))
        fail_msg("%s is taken as %.*s", raw, STR_ARG(path));
    if (err.kind != kind)
        fail_msg("%s: kind %d, %s", raw, err.kind, err.message);
}

static void test_path_is_decoded_once(void **state)
{
    (void)state;
    path_is("/", "/");
    path_is("/v1/a%20b", "/v1/a b");
    path_is("/%2541", "/%41");
    path_is("/a+b", "/a+b");
    path_is("/%c3%A9", "/\xc3\xa9");
    path_is("//a//", "//a//");
    path_is("/...", "/...");
    path_is("/%2525%25", "/%25%");
}

static void test_path_is_refused(void **state)
{
    static const char *const bad[] = {"",     "a",       "*",       "http://h/",  "/%",     "/%4",
                                      "/%4g", "/%g4",    "/%00",    "/a%0ab",     "/a\tb",  "/%7f",
                                      "/..",  "/a/../b", "/a/.",    "/%2e%2e/a",  "/a/%2E", "/./",
                                      "/%ff", "/%c3",    "/%c0%af", "/%ed%a0%80", "/%-1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        path_is_refused(bad[i], ERROR_BAD_REQUEST);
    path_is_refused("/a%2Fb", ERROR_NOT_FOUND);
    path_is_refused("/a%2fb", ERROR_NOT_FOUND);
    path_is_refused("/a/..%2fb", ERROR_BAD_REQUEST); /* what a reader that decodes first would see */
}

static void test_path_is_bounded(void **state)
{
    char *raw = arena_alloc(arena, URI_MAX_BYTES + 2);

    (void)state;
    memset(raw, 'a', URI_MAX_BYTES + 1);
    raw[0] = '/';
    raw[URI_MAX_BYTES + 1] = '\0';
    path_is_refused(raw, ERROR_BAD_REQUEST);
    raw[URI_MAX_BYTES] = '\0';
    path_is(raw, raw);
}

static void test_split(void **state)
{
    struct str path, query;

    (void)state;
    uri_split(STR("/a?b?c"), &path, &query);
    assert_true(str_eq_cstr(path, "/a"));
    assert_true(str_eq_cstr(query, "b?c"));
    uri_split(STR("/a"), &path, &query);
    assert_int_equal(query.n, 0);
}

/* --- query -------------------------------------------------------------------------------------- */

static bool parse(const char *raw, struct error *err)
{
    memset(&r, 0, sizeof(r));
    r.arena = arena;
    return uri_parse_query(arena, str_of(raw), &r.query, &r.n_query, err);
}

static void query(const char *raw)
{
    struct error err;

    if (!parse(raw, &err))
        fail_msg("%s: %s", raw, err.message);
}

static void test_query_is_decoded(void **state)
{
    (void)state;
    query("a=1&&b=x+y%20z&meta.k%3D=%26%3d&c&d=&e=1=2");
    assert_int_equal(r.n_query, 6);
    assert_true(str_eq_cstr(r.query[0].name, "a"));
    assert_true(str_eq_cstr(r.query[1].value, "x y z"));
    assert_true(str_eq_cstr(r.query[2].name, "meta.k="));
    assert_true(str_eq_cstr(r.query[2].value, "&="));
    assert_true(str_eq_cstr(r.query[3].name, "c"));
    assert_int_equal(r.query[3].value.n, 0);
    assert_int_equal(r.query[4].value.n, 0);
    assert_true(str_eq_cstr(r.query[5].value, "1=2"));
    query("");
    assert_int_equal(r.n_query, 0);
    query("v=%0a%09%7f"); /* metadata may hold such */
    assert_int_equal(r.query[0].value.n, 3);
}

static void test_query_is_refused(void **state)
{
    static const char *const bad[] = {"=1",    "a=%",   "a=%0",   "a=%zz", "a=%00",
                                      "%00=1", "a=%ff", "a%0a=1", "&=",    "%=1"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i], &err))
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    }
}

static void test_query_is_bounded(void **state)
{
    char raw[2 * URI_MAX_PARAMS + 3];
    struct error err;

    (void)state;
    for (size_t i = 0; i <= URI_MAX_PARAMS; i++)
        memcpy(raw + 2 * i, "a&", 3);
    raw[2 * URI_MAX_PARAMS - 1] = '\0';
    query(raw);
    assert_int_equal(r.n_query, URI_MAX_PARAMS);
    raw[2 * URI_MAX_PARAMS - 1] = '&';
    assert_false(parse(raw, &err));
}

/* --- what handlers ask ---------------------------------------------------------------------------- */

static void test_query_get(void **state)
{
    struct str value;
    struct error err;

    (void)state;
    query("a=1&b=2&b=3&c=");
    assert_true(query_get(&r, "a", false, &value, &err));
    assert_true(str_eq_cstr(value, "1"));
    assert_true(query_get(&r, "none", false, &value, &err));
    assert_null(value.p);
    assert_false(query_get(&r, "b", true, &value, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_non_null(strstr(err.message, "\"b\""));
    assert_false(query_get(&r, "c", false, &value, &err));
    assert_true(query_get(&r, "c", true, &value, &err));
    assert_non_null(value.p);
    assert_int_equal(value.n, 0);
}

static void test_query_u64(void **state)
{
    static const char *const bad[] = {"n=0", "n=101", "n=-1",  "n=1x",
                                      "n=",  "n=+1",  "n=1.0", "n=18446744073709551617"};
    uint64_t n = 7;
    struct error err;

    (void)state;
    query("n=100");
    assert_true(query_u64(&r, "m", 1, 100, &n, &err));
    assert_int_equal(n, 7);
    assert_true(query_u64(&r, "n", 1, 100, &n, &err));
    assert_int_equal(n, 100);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        query(bad[i]);
        if (query_u64(&r, "n", 1, 100, &n, &err))
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
        assert_int_equal(n, 100);
    }
}

static void test_query_bool(void **state)
{
    bool b = false;
    struct error err;

    (void)state;
    query("t=True&f=0&x=maybe");
    assert_true(query_bool(&r, "t", &b, &err) && b);
    assert_true(query_bool(&r, "f", &b, &err) && !b);
    assert_false(query_bool(&r, "x", &b, &err));
}

static void test_query_check_names_the_unknown(void **state)
{
    struct str value;
    struct error err;

    (void)state;
    query("a=1&wrong=2");
    assert_true(query_get(&r, "a", false, &value, &err));
    assert_false(query_check(&r, &err));
    assert_non_null(strstr(err.message, "wrong"));
    assert_true(query_get(&r, "wrong", false, &value, &err));
    assert_true(query_check(&r, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_is_decoded_once),
        cmocka_unit_test(test_path_is_refused),
        cmocka_unit_test(test_path_is_bounded),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_query_is_decoded),
        cmocka_unit_test(test_query_is_refused),
        cmocka_unit_test(test_query_is_bounded),
        cmocka_unit_test(test_query_get),
        cmocka_unit_test(test_query_u64),
        cmocka_unit_test(test_query_bool),
        cmocka_unit_test(test_query_check_names_the_unknown),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
