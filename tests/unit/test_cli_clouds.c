/* clouds.yaml and secure.yaml: found, merged, and what is wrong with them. */
#include "config.h"
#include "cli/clouds.h"
#include "tests/unit/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_cli_clouds.XXXXXX";
static struct clouds *clouds;
static struct error err;

static void put(const char *variable, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    setenv(variable, path, 1);
}

static void clouds_yaml(const char *text)
{
    put("OS_CLIENT_CONFIG_FILE", "clouds.yaml", text);
}

static const char two[] = "base: &base\n"
                          "  region_name: one\n"
                          "  auth: {auth_url: https://k/v3, project_name: demo}\n"
                          "clouds:\n"
                          "  first:\n"
                          "    <<: *base\n"
                          "    verify: no\n"
                          "    username: at-the-top\n"
                          "  second:\n"
                          "    <<: [{cacert: /a}, *base]\n"
                          "    region_name: two\n"
                          "    auth:\n"
                          "      auth_url: 'https://other'\n"
                          "      project_name: ~\n"
                          "      password: \"~\"\n"
                          "      user_id: [1]\n";

static void test_lookups(void **state)
{
    (void)state;
    clouds_yaml(two);
    assert_true(clouds_read(arena, "first", &clouds, &err));
    assert_string_equal(clouds_get(clouds, "auth.auth_url"), "https://k/v3");
    assert_string_equal(clouds_get(clouds, "region_name"), "one");
    assert_string_equal(clouds_get(clouds, "auth.username"), "at-the-top");
    assert_false(clouds_true(clouds, "verify", true));
    assert_true(clouds_true(clouds, "nothing", true));
    assert_null(clouds_get(clouds, "auth"));
    assert_null(clouds_get(clouds, "auth.auth_url.more"));
    assert_true(clouds_read(arena, "second", &clouds, &err));
    assert_string_equal(clouds_get(clouds, "region_name"), "two");
    assert_string_equal(clouds_get(clouds, "cacert"), "/a");
    assert_string_equal(clouds_get(clouds, "auth.auth_url"), "https://other");
    assert_string_equal(clouds_get(clouds, "auth.password"), "~");
    assert_null(clouds_get(clouds, "auth.project_name"));
    assert_null(clouds_get(clouds, "auth.user_id"));
}

static void test_secure_stands_above(void **state)
{
    (void)state;
    clouds_yaml(two);
    put("OS_CLIENT_SECURE_FILE", "secure.yaml",
        "clouds: {first: {auth: {password: s3cret, auth_url: https://safe}}}\n");
    assert_true(clouds_read(arena, "first", &clouds, &err));
    assert_string_equal(clouds_get(clouds, "auth.password"), "s3cret");
    assert_string_equal(clouds_get(clouds, "auth.auth_url"), "https://safe");
    assert_string_equal(clouds_get(clouds, "auth.project_name"), "demo");
    assert_true(clouds_read(arena, "second", &clouds, &err));
    assert_string_equal(clouds_get(clouds, "auth.auth_url"), "https://other");
}

static void test_which(void **state)
{
    (void)state;
    clouds_yaml(two);
    assert_false(clouds_read(arena, "third", &clouds, &err));
    assert_non_null(strstr(err.message, "there are: first second"));
    assert_true(clouds_read(arena, NULL, &clouds, &err));
    assert_null(clouds); /* two: which one is meant? */
    clouds_yaml("clouds: {only: {region_name: x}}");
    assert_true(clouds_read(arena, NULL, &clouds, &err));
    assert_string_equal(clouds_get(clouds, "region_name"), "x");
}

static void test_mistakes(void **state)
{
    static const char *const bad[] = {"clouds: [", "clouds:\n  a: {password: s3cret\n  b", "\t- x", "a: *b"};
    static const char *const empty[] = {"", "clouds:", "[]", "x", "clouds: [a]"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        clouds_yaml(bad[i]);
        assert_false(clouds_read(arena, "a", &clouds, &err));
        assert_non_null(strstr(err.message, "clouds.yaml: line"));
        assert_null(strstr(err.message, "s3cret"));
    }
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        clouds_yaml(empty[i]);
        assert_false(clouds_read(arena, "a", &clouds, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
    }
    setenv("OS_CLIENT_CONFIG_FILE", "/nowhere/clouds.yaml", 1);
    assert_false(clouds_read(arena, "a", &clouds, &err));
    assert_non_null(strstr(err.message, "/nowhere/clouds.yaml"));
}

/* A file that refers to itself, or a billion laughs, ends. */
static void test_hostile(void **state)
{
    (void)state;
    clouds_yaml("clouds: &c\n  a: &a\n    <<: *a\n    x: *c\n");
    assert_true(clouds_read(arena, "a", &clouds, &err));
    assert_null(clouds_get(clouds, "auth.password"));
    clouds_yaml("a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\n"
                "d: &d [*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d]\nclouds: {a: {<<: *e, "
                "region_name: r}}\n");
    assert_true(clouds_read(arena, "a", &clouds, &err));
    assert_string_equal(clouds_get(clouds, "region_name"), "r");
    assert_null(clouds_get(clouds, "cacert"));
    /* each merges the one before ten times: 10^15 looks without a limit */
    char text[4096] = "m0: &m0 {x: y}\n";
    for (int i = 1; i <= 15; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof(text) - n,
                 "m%d: &m%d {<<: [*m%d,*m%d,*m%d,*m%d,*m%d,*m%d,*m%d,*m%d,*m%d,*m%d]}\n", i, i, i - 1, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "clouds: {a: {<<: *m15}}\n");
    clouds_yaml(text);
    assert_true(clouds_read(arena, "a", &clouds, &err));
    assert_null(clouds_get(clouds, "cacert"));
}

static int set_up(void **state)
{
    arena_set_up(state);
    unsetenv("OS_CLIENT_SECURE_FILE");
    return chdir(folder);
}

static int tear_down(void **state)
{
    return arena_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lookups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secure_stands_above, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
    };

    if (!mkdtemp(folder))
        return 1;
    setenv("HOME", folder, 1);
    setenv("XDG_CONFIG_HOME", folder, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (chdir(folder) == 0) {
        unlink("clouds.yaml");
        unlink("secure.yaml");
        rmdir(folder);
    }
    return failed;
}
