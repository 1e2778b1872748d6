#include "config.h"
#include "handlers/route.h"
#include "tests/unit/arena.h"

#include <string.h>

static int find(enum method method, const char *path, struct request *r, const char **allow)
{
    memset(r, 0, sizeof(*r));
    r->arena = arena;
    r->method = method;
    r->path = str_of(path);
    *allow = NULL;
    return route_find(r, allow);
}

/* Puts a word for every capture into the pattern. */
static const char *example_of(const char *pattern)
{
    char *out = arena_alloc(arena, strlen(pattern) * 2 + 1);
    size_t n = 0;

    for (const char *p = pattern; *p; p++) {
        if (*p == '{') {
            out[n++] = 'x';
            p = strchr(p, '}');
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return out;
}

static void test_every_route_is_found(void **state)
{
    struct request r;
    const char *allow;

    (void)state;
    for (size_t i = 0; i < n_routes; i++) {
        const char *path = example_of(routes[i].pattern);

        assert_int_equal(find(routes[i].method, path, &r, &allow), 200);
        if (r.route != &routes[i])
            fail_msg("%s %s finds %s", method_name(routes[i].method), path, r.route->pattern);
        for (size_t c = 0; c < r.n_captures; c++)
            assert_true(str_eq_cstr(r.capture[c], "x"));
    }
}

/* A HEAD route of its own would answer differently from GET. */
static void test_table_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_routes; i++) {
        assert_non_null(routes[i].handler);
        assert_non_null(routes[i].summary);
        assert_true(routes[i].pattern[0] == '/');
        assert_int_not_equal(routes[i].method, METHOD_HEAD);
        assert_int_not_equal(routes[i].method, METHOD_OTHER);
        for (size_t j = 0; j < i; j++)
            assert_false(routes[i].method == routes[j].method &&
                         strcmp(routes[i].pattern, routes[j].pattern) == 0);
    }
}

static void test_head_is_served_by_get(void **state)
{
    struct request r;
    const char *allow;

    (void)state;
    assert_int_equal(find(METHOD_HEAD, "/versions", &r, &allow), 200);
    assert_int_equal(r.route->method, METHOD_GET);
}

static void test_unknown_paths(void **state)
{
    static const char *const paths[] = {"",         "versions",    "//",        "/versions/", "/v2/",
                                        "/Version", "/versions/x", "/healthz/", "//versions", "/v1",
                                        "/v1/",     "/v2/nothing", "/v1//",     "/versions//"};
    struct request r;
    const char *allow;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (find(METHOD_GET, paths[i], &r, &allow) != 404)
            fail_msg("%s is found", paths[i]);
}

static void test_405_tells_what_is_allowed(void **state)
{
    struct request r;
    const char *allow;

    (void)state;
    assert_int_equal(find(METHOD_POST, "/versions", &r, &allow), 405);
    assert_string_equal(allow, "GET, HEAD");
    assert_null(r.route);
    assert_int_equal(find(METHOD_OTHER, "/versions", &r, &allow), 405);
    assert_string_equal(allow, "GET, HEAD");
    assert_int_equal(find(METHOD_OTHER, "/nothing", &r, &allow), 404);
}

/* What a client may send in either form. */
static void test_v1_takes_a_trailing_slash(void **state)
{
    struct request r;
    const char *allow;

    (void)state;
    for (size_t i = 0; i < n_routes; i++) {
        const char *path = arena_printf(arena, "%s/", example_of(routes[i].pattern));
        bool v1 = strncmp(routes[i].pattern, "/v1/", 4) == 0;

        if (strcmp(routes[i].pattern, "/") != 0)
            assert_int_equal(find(routes[i].method, path, &r, &allow), v1 ? 200 : 404);
        assert_int_equal(find(routes[i].method, arena_printf(arena, "%s/", path), &r, &allow), 404);
    }
}

static void test_method_names(void **state)
{
    (void)state;
    assert_int_equal(method_from_name(STR("PATCH")), METHOD_PATCH);
    assert_int_equal(method_from_name(STR("get")), METHOD_OTHER);
    assert_int_equal(method_from_name(STR("")), METHOD_OTHER);
    assert_string_equal(method_name(METHOD_DELETE), "DELETE");
    assert_string_equal(method_name(METHOD_OTHER), "OTHER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_found),
        cmocka_unit_test(test_table_is_well_formed),
        cmocka_unit_test(test_head_is_served_by_get),
        cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_405_tells_what_is_allowed),
        cmocka_unit_test(test_v1_takes_a_trailing_slash),
        cmocka_unit_test(test_method_names),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
