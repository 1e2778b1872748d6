/* The drivers that need no Keystone, and what all have in common. */
#include "config.h"
#include "identity/identity.h"
#include "base/conf_options.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/tally-identity-XXXXXX";
static char tokens[64];

static struct conf *conf_of(const char *driver)
{
    struct conf *conf = conf_default();

    conf->identity.driver = driver;
    conf->identity.static_file = tokens;
    return conf;
}

/* Written beside and renamed, so that it is another file each time. */
static void write_tokens(const char *text, mode_t mode)
{
    char beside[80];
    int fd;

    snprintf(beside, sizeof(beside), "%s.new", tokens);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    assert_int_equal(rename(beside, tokens), 0);
}

/* What identity_check() says of a token; *ID for good ones lives in ARENA. */
static enum error_kind check(struct identity_driver *d, const char *token, struct arena *arena,
                             struct identity *id)
{
    struct identity_request req = {.token = str_of(token), .method = STR("GET"), .path = STR("/v1/subunit")};
    struct identity mine;
    struct error err = {0};

    return identity_check(d, &req, arena, id ? id : &mine, &err) ? ERROR_NONE : err.kind;
}

static void static_tokens(void **state)
{
    struct conf *conf = conf_of("static");
    struct identity_driver *d = identity_new(conf, NULL);
    struct arena *arena = arena_new(0);
    const char *what;
    struct identity id;

    (void)state;
    assert_non_null(d);
    write_tokens("# a comment\n\n"
                 "t-ann  ann  p1  member\r\n"
                 "t-bob\tbob\tp2\tadmin,reader\n"
                 "t-eve eve p3\n"
                 "t-adm adm p3 administrator,admin2,xadmin",
                 0600);
    assert_true(identity_healthy(d, &what));
    assert_string_equal(what, "static");
    assert_int_equal(check(d, "t-ann", arena, &id), ERROR_NONE);
    assert_true(str_eq(id.user_id, STR("ann")) && str_eq(id.project_id, STR("p1")));
    assert_true(identity_has_role(&id, STR("member")) && !id.is_admin && !id.is_staff);
    assert_int_equal(check(d, " t-bob ", arena, &id), ERROR_NONE);
    assert_true(id.is_admin && id.is_staff && id.n_roles == 2);
    assert_int_equal(check(d, "t-eve", arena, &id), ERROR_NONE);
    assert_int_equal(id.n_roles, 0);
    assert_int_equal(check(d, "t-adm", arena, &id), ERROR_NONE);
    assert_false(id.is_admin || id.is_staff); /* whole names only */
    assert_int_equal(check(d, NULL, arena, NULL), ERROR_UNAUTHORIZED);
    assert_int_equal(check(d, "", arena, NULL), ERROR_UNAUTHORIZED);
    assert_int_equal(check(d, "t-an", arena, NULL), ERROR_UNAUTHORIZED);
    assert_int_equal(check(d, "t-annn", arena, NULL), ERROR_UNAUTHORIZED);
    assert_int_equal(check(d, "#", arena, NULL), ERROR_UNAUTHORIZED);
    arena_free(arena);
    identity_free(d);
    conf_unref(conf);
}

static void static_file_must_be_private(void **state)
{
    static const mode_t bad[] = {0640, 0604, 0660, 0666, 0700, 0644, 04600};
    struct conf *conf = conf_of("static");
    struct identity_driver *d = identity_new(conf, NULL);
    struct arena *arena = arena_new(0);
    const char *what;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_tokens("t1 u p member\n", bad[i]);
        assert_int_equal(check(d, "t1", arena, NULL), ERROR_UNAVAILABLE);
        assert_false(identity_healthy(d, &what));
        assert_int_equal(chmod(tokens, 0600), 0); /* seen although the text is the same */
        assert_int_equal(check(d, "t1", arena, NULL), ERROR_NONE);
    }
    assert_int_equal(chmod(tokens, 0400), 0);
    assert_int_equal(check(d, "t1", arena, NULL), ERROR_NONE);
    if (geteuid() == 0) {
        assert_int_equal(chown(tokens, 65534, 65534), 0);
        assert_int_equal(check(d, "t1", arena, NULL), ERROR_UNAVAILABLE);
    }
    assert_int_equal(unlink(tokens), 0);
    assert_int_equal(check(d, "t1", arena, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(symlink("/dev/null", tokens), 0);
    assert_int_equal(check(d, "t1", arena, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(unlink(tokens), 0);
    assert_int_equal(mkfifo(tokens, 0600), 0);
    assert_int_equal(check(d, "t1", arena, NULL), ERROR_UNAVAILABLE);
    assert_int_equal(unlink(tokens), 0);
    write_tokens("t1 u p member\n", 0600);
    assert_int_equal(check(d, "t1", arena, NULL), ERROR_NONE);
    arena_free(arena);
    identity_free(d);
    conf_unref(conf);
}

static void static_file_is_read_again(void **state)
{
    static const char *const bad[] = {"t1\n", "t1 u\n", "t1 u p r s\n", "t1 u p\nt2 u\n", "t\x01x u p\n"};
    struct conf *conf = conf_of("static");
    struct identity_driver *d = identity_new(conf, NULL);
    struct arena *arena = arena_new(0);
    struct identity id;

    (void)state;
    write_tokens("t1 u p1 r\n", 0600);
    assert_int_equal(check(d, "t1", arena, &id), ERROR_NONE);
    write_tokens("t1 u p2 r\nt2 v p2 r\n", 0600);
    assert_true(str_eq(id.project_id, STR("p1"))); /* what a request holds stays */
    assert_int_equal(check(d, "t1", arena, &id), ERROR_NONE);
    assert_true(str_eq(id.project_id, STR("p2")));
    assert_int_equal(check(d, "t2", arena, &id), ERROR_NONE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_tokens(bad[i], 0600);
        assert_int_equal(check(d, "t1", arena, &id), ERROR_UNAVAILABLE);
    }
    write_tokens("", 0600);
    assert_int_equal(check(d, "t1", arena, &id), ERROR_UNAUTHORIZED);
    arena_free(arena);
    identity_free(d);
    conf_unref(conf);
}

/* --- proxy -------------------------------------------------------------------------------------- */

struct pair {
    const char *name;
    const char *value;
};

static struct str param_of(void *ctx, const char *name)
{
    for (const struct pair *p = ctx; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return str_of(p->value);
    return (struct str){NULL, 0};
}

static enum error_kind proxy(struct identity_driver *d, const struct pair *params, struct arena *arena,
                             struct identity *id)
{
    struct identity_request req = {.token = STR("any"),
                                   .method = STR("GET"),
                                   .path = STR("/v1/subunit"),
                                   .param = param_of,
                                   .ctx = (void *)params};
    struct error err = {0};

    return identity_check(d, &req, arena, id, &err) ? ERROR_NONE : err.kind;
}

static void proxy_believes_nginx(void **state)
{
    const struct pair good[] = {{"TALLY_AUTH_STATUS", "Confirmed"},
                                {"TALLY_AUTH_USER_ID", "u1"},
                                {"TALLY_AUTH_USER_NAME", "Ann"},
                                {"TALLY_AUTH_PROJECT_ID", "p1"},
                                {"TALLY_AUTH_PROJECT_NAME", "One"},
                                {"TALLY_AUTH_ROLES", "member, foundation,,"},
                                {NULL, NULL}};
    const struct pair unconfirmed[] = {{"TALLY_AUTH_STATUS", "Invalid"},
                                       {"TALLY_AUTH_USER_ID", "u1"},
                                       {"TALLY_AUTH_PROJECT_ID", "p1"},
                                       {NULL, NULL}};
    const struct pair no_project[] = {
        {"TALLY_AUTH_STATUS", "Confirmed"}, {"TALLY_AUTH_USER_ID", "u1"}, {NULL, NULL}};
    const struct pair no_user[] = {
        {"TALLY_AUTH_STATUS", "Confirmed"}, {"TALLY_AUTH_PROJECT_ID", "p1"}, {NULL, NULL}};
    /* as nginx passes on headers that a client calls TALLY_AUTH_... */
    const struct pair forged[] = {{"HTTP_TALLY_AUTH_STATUS", "Confirmed"}, {"HTTP_TALLY_AUTH_USER_ID", "u1"},
                                  {"HTTP_TALLY_AUTH_PROJECT_ID", "p1"},    {"HTTP_X_USER_ID", "u1"},
                                  {"HTTP_X_IDENTITY_STATUS", "Confirmed"}, {NULL, NULL}};
    const struct pair control[] = {{"TALLY_AUTH_STATUS", "Confirmed"},
                                   {"TALLY_AUTH_USER_ID", "u\n1"},
                                   {"TALLY_AUTH_PROJECT_ID", "p1"},
                                   {NULL, NULL}};
    struct conf *conf = conf_of("proxy");
    struct identity_driver *d = identity_new(conf, NULL);
    struct arena *arena = arena_new(0);
    struct identity id;

    (void)state;
    assert_int_equal(proxy(d, good, arena, &id), ERROR_NONE);
    assert_true(str_eq(id.user_id, STR("u1")) && str_eq(id.user_name, STR("Ann")));
    assert_true(str_eq(id.project_id, STR("p1")) && str_eq(id.project_name, STR("One")));
    assert_true(id.n_roles == 2 && id.is_staff && !id.is_admin);
    assert_int_equal(proxy(d, unconfirmed, arena, &id), ERROR_UNAUTHORIZED);
    assert_int_equal(proxy(d, no_project, arena, &id), ERROR_UNAUTHORIZED);
    assert_int_equal(proxy(d, no_user, arena, &id), ERROR_UNAUTHORIZED);
    assert_int_equal(proxy(d, forged, arena, &id), ERROR_UNAUTHORIZED);
    assert_int_equal(proxy(d, control, arena, &id), ERROR_UNAUTHORIZED);
    assert_int_equal(check(d, "t1", arena, &id), ERROR_UNAUTHORIZED); /* no parameters at all */
    arena_free(arena);
    identity_free(d);
    conf_unref(conf);
}

/* The drivers know no other's words: a static or keystone site is not open to the proxy's parameters. */
static void other_drivers_ask_for_no_parameter(void **state)
{
    const struct pair params[] = {{"TALLY_AUTH_STATUS", "Confirmed"},
                                  {"TALLY_AUTH_USER_ID", "u1"},
                                  {"TALLY_AUTH_PROJECT_ID", "p1"},
                                  {"TALLY_AUTH_ROLES", "admin"},
                                  {NULL, NULL}};
    struct conf *conf = conf_of("static");
    struct identity_driver *d = identity_new(conf, NULL);
    struct arena *arena = arena_new(0);
    struct identity id;

    (void)state;
    write_tokens("t1 u p member\n", 0600);
    assert_int_equal(proxy(d, params, arena, &id), ERROR_UNAUTHORIZED);
    arena_free(arena);
    identity_free(d);
    conf_unref(conf);
}

/* --- all ---------------------------------------------------------------------------------------- */

static void bad_configurations_are_refused(void **state)
{
    struct conf *conf = conf_of("guess");
    struct error err;

    (void)state;
    assert_null(identity_new(conf, &err));
    conf->identity.driver = "static";
    conf->identity.static_file = "";
    assert_null(identity_new(conf, &err));
    conf->identity.driver = "keystone";
    conf->keystone_authtoken.auth_url = "";
    assert_null(identity_new(conf, &err));
    assert_non_null(strstr(err.message, "auth_url"));
    conf->identity.driver = "proxy";
    conf->keystone_authtoken.www_authenticate_uri = "http://x\"\r\n";
    assert_null(identity_new(conf, &err));
    conf_unref(conf);
}

static void the_challenge_names_keystone(void **state)
{
    struct conf *conf = conf_of("proxy");
    struct identity_driver *d;

    (void)state;
    conf->keystone_authtoken.auth_url = "http://inside:5000";
    d = identity_new(conf, NULL);
    assert_string_equal(identity_challenge(d), "Keystone uri=\"http://inside:5000\"");
    identity_free(d);
    conf->keystone_authtoken.www_authenticate_uri = "https://outside/identity";
    d = identity_new(conf, NULL);
    assert_string_equal(identity_challenge(d), "Keystone uri=\"https://outside/identity\"");
    identity_free(d);
    conf_unref(conf);
}

static void roles_are_the_sites_own(void **state)
{
    static const char *chief[] = {"chief"};
    struct conf *conf = conf_of("static");
    struct identity_driver *d;
    struct arena *arena = arena_new(0);
    struct identity id;

    (void)state;
    conf->identity.admin_roles.item = chief;
    conf->identity.admin_roles.n = 1;
    d = identity_new(conf, NULL);
    conf_unref(conf); /* the driver has its own reference */
    write_tokens("t1 u p chief\nt2 u p admin\n", 0600);
    assert_int_equal(check(d, "t1", arena, &id), ERROR_NONE);
    assert_true(id.is_admin && !id.is_staff);
    assert_int_equal(check(d, "t2", arena, &id), ERROR_NONE);
    assert_true(!id.is_admin && id.is_staff);
    arena_free(arena);
    identity_free(d);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(tokens, sizeof(tokens), "%s/tokens", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(tokens);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_tokens),
        cmocka_unit_test(static_file_must_be_private),
        cmocka_unit_test(static_file_is_read_again),
        cmocka_unit_test(proxy_believes_nginx),
        cmocka_unit_test(other_drivers_ask_for_no_parameter),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(the_challenge_names_keystone),
        cmocka_unit_test(roles_are_the_sites_own),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
