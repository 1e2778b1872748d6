/* Keystone's description of a token, read; the packed form of it. */
#include "config.h"
#include "identity/token.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define USER "\"user\":{\"id\":\"u1\",\"name\":\"Ann\",\"domain\":{\"id\":\"default\",\"name\":\"Default\"}}"
#define PROJECT "\"project\":{\"id\":\"p1\",\"name\":\"One\",\"domain\":{\"id\":\"d2\",\"name\":\"Two\"}}"
#define EXPIRES "\"expires_at\":\"2030-01-02T03:04:05.000000Z\""
#define ROLES "\"roles\":[{\"id\":\"1\",\"name\":\"member\"},{\"id\":\"2\",\"name\":\"reader\"}]"

static struct token_info *parse(const char *text)
{
    struct arena *arena = arena_new(0);
    struct token_info *t = NULL;
    struct error err;

    if (!token_info_parse(str_of(text), arena, &t, &err)) {
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_null(t);
    }
    arena_free(arena); /* nothing of it may be needed any more */
    return t;
}

static void a_project_token(void **state)
{
    struct token_info *t = parse("{\"token\":{" USER "," PROJECT "," EXPIRES "," ROLES ",\"methods\":[]}}");

    (void)state;
    assert_non_null(t);
    assert_true(str_eq(t->id.user_id, STR("u1")) && str_eq(t->id.user_name, STR("Ann")));
    assert_true(str_eq(t->id.user_domain_id, STR("default")) && str_eq(t->id.project_domain_id, STR("d2")));
    assert_true(str_eq(t->id.project_id, STR("p1")) && str_eq(t->id.project_name, STR("One")));
    assert_int_equal(t->id.n_roles, 2);
    assert_true(identity_has_role(&t->id, STR("member")) && identity_has_role(&t->id, STR("reader")));
    assert_false(identity_has_role(&t->id, STR("read")));
    assert_int_equal(t->id.expires_us, 1893553445000000);
    assert_false(t->restricted);
    token_info_unref(token_info_ref(t));
    token_info_unref(t);
}

static void a_token_without_a_project(void **state)
{
    struct token_info *t = parse("{\"token\":{" USER "," EXPIRES "}}");

    (void)state;
    assert_non_null(t);
    assert_int_equal(t->id.project_id.n, 0);
    assert_int_equal(t->id.n_roles, 0);
    token_info_unref(t);
}

static void access_rules(void **state)
{
    struct token_info *t = parse(
        "{\"token\":{" USER "," PROJECT "," EXPIRES "," ROLES ",\"application_credential\":{\"id\":\"x\","
        "\"access_rules\":[{\"id\":\"1\",\"service\":\"image\",\"method\":\"GET\",\"path\":\"/v2/**\"}]}}}");

    (void)state;
    assert_non_null(t);
    assert_true(t->restricted);
    assert_int_equal(t->n_rules, 1);
    assert_true(access_rules_allow(t->rules, t->n_rules, STR("image"), STR("GET"), STR("/v2/images")));
    token_info_unref(t);
    t = parse("{\"token\":{" USER "," EXPIRES ",\"application_credential\":{\"access_rules\":[]}}}");
    assert_true(t->restricted && t->n_rules == 0); /* allows nothing */
    token_info_unref(t);
    t = parse("{\"token\":{" USER "," EXPIRES ",\"application_credential\":{\"access_rules\":null}}}");
    assert_false(t->restricted);
    token_info_unref(t);
}

static void what_is_no_token(void **state)
{
    static const char *const bad[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"token\":null}",
        "{\"token\":{" USER "," PROJECT "}}",
        "{\"token\":{" USER ",\"expires_at\":null}}",
        "{\"token\":{" USER ",\"expires_at\":\"soon\"}}",
        "{\"token\":{" EXPIRES "}}",
        "{\"token\":{" EXPIRES ",\"user\":{\"id\":1}}}",
        "{\"token\":{" EXPIRES ",\"user\":{\"id\":\"\",\"name\":\"x\",\"domain\":{\"id\":\"d\"}}}}",
        "{\"token\":{" USER "," EXPIRES ",\"project\":{\"id\":\"\"}}}",
        "{\"token\":{" USER "," EXPIRES ",\"project\":[]}}",
        "{\"token\":{" USER "," EXPIRES ",\"roles\":{}}}",
        "{\"token\":{" USER "," EXPIRES ",\"roles\":[{\"name\":null}]}}",
        "{\"token\":{" USER "," EXPIRES ",\"roles\":[\"admin\"]}}",
        "{\"token\":{" USER "," EXPIRES ",\"application_credential\":{\"access_rules\":{}}}}",
        "{\"token\":{" USER "," EXPIRES ",\"application_credential\":{\"access_rules\":[{\"path\":\"/\"}]}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(bad[i]))
            fail_msg("taken: %s", bad[i]);
}

static void the_text_of_a_token(void **state)
{
    char text[8193];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_true(token_text_ok((struct str){text, 8192}));
    assert_false(token_text_ok((struct str){text, 8193}));
    assert_false(token_text_ok(STR("")));
    assert_true(token_text_ok(STR("gAAAAABl_-~!")));
    assert_false(token_text_ok(STR("a b")));
    assert_false(token_text_ok(STR("a\tb")));
    assert_false(token_text_ok(STR("a\r\nX-Roles: admin")));
    assert_false(token_text_ok(STR("a\0b")));
    assert_false(token_text_ok(STR("a\x7f")));
    assert_false(token_text_ok(STR("\xc3\xa4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_project_token),     cmocka_unit_test(a_token_without_a_project),
        cmocka_unit_test(access_rules),        cmocka_unit_test(what_is_no_token),
        cmocka_unit_test(the_text_of_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
