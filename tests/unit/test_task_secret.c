#include "config.h"
#include "image/task_secret.h"
#include "tests/unit/arena.h"

#include <stdio.h>
#include <string.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct conf *conf_with(const char *key)
{
    struct buf mistakes;
    char text[256];
    int n = snprintf(text, sizeof(text), "[task]\nsecret_key = %s\n", key);

    buf_init(&mistakes, 4096);
    struct conf *conf = conf_parse("test", (struct str){text, (size_t)n}, &mistakes);
    assert_int_equal(mistakes.n, 0);
    buf_free(&mistakes);
    return conf;
}

static void there_and_back(void **state)
{
    const struct str roles[] = {STR("member"), STR("\"odd\", role")};
    const struct task_secret in = {.token = STR("gAAAA-token"),
                                   .project_name = STR("demo"),
                                   .user_name = STR("j\xc3\xb6"),
                                   .roles = roles,
                                   .n_roles = 2,
                                   .is_admin = true};
    struct conf *conf = conf_with(KEY);
    struct task_secret out;
    struct str sealed;
    struct error err;

    (void)state;
    assert_true(task_secret_ready(conf, &err));
    assert_true(task_secret_seal(arena, conf, STR("task-a"), &in, &sealed, &err));
    assert_null(memmem(sealed.p, sealed.n, "token", 5));
    assert_true(task_secret_open(arena, conf, STR("task-a"), sealed, &out, &err));
    assert_true(str_eq(out.token, in.token));
    assert_true(str_eq(out.project_name, in.project_name));
    assert_true(str_eq(out.user_name, in.user_name));
    assert_int_equal(out.n_roles, 2);
    assert_true(str_eq(out.roles[0], roles[0]) && str_eq(out.roles[1], roles[1]));
    assert_true(out.is_admin);
    /* Another task's row does not open. */
    assert_false(task_secret_open(arena, conf, STR("task-b"), sealed, &out, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    conf_unref(conf);
}

/* An identity driver without tokens, and nobody's roles. */
static void nearly_empty(void **state)
{
    const struct task_secret in = {.n_roles = 0};
    struct conf *conf = conf_with(KEY);
    struct task_secret out;
    struct str sealed;

    (void)state;
    assert_true(task_secret_seal(arena, conf, STR("t"), &in, &sealed, NULL));
    assert_true(task_secret_open(arena, conf, STR("t"), sealed, &out, NULL));
    assert_null(out.token.p);
    assert_int_equal(out.n_roles, 0);
    assert_false(out.is_admin);
    conf_unref(conf);
}

static void keys_that_are_none(void **state)
{
    static const char *const keys[] = {"", "00", (KEY "00"), ("x" KEY)};
    const struct task_secret in = {.token = STR("t")};
    struct task_secret out;
    struct str sealed;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct conf *conf = conf_with(keys[i]);

        assert_false(task_secret_ready(conf, &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.message, "secret_key"));
        assert_false(task_secret_seal(arena, conf, STR("t"), &in, &sealed, &err));
        assert_false(task_secret_open(arena, conf, STR("t"), STR("x"), &out, &err));
        conf_unref(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(nearly_empty),
        cmocka_unit_test(keys_that_are_none),
    };

    return cmocka_run_group_tests_name("image/task_secret", tests, arena_set_up, arena_tear_down);
}
