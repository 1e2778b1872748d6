/* [database] connection in parts. */
#include "config.h"
#include "db/dsn.h"
#include "tests/unit/unit.h"

#include <string.h>

static void test_all_parts(void **state)
{
    struct db_dsn d;
    struct error err;

    (void)state;
    assert_true(db_dsn_parse(
        STR("mysql+pymysql://us%40er:p%2Fw%3A@db.example:3307/name?charset=utf8&ssl_ca=/ca"), &d, &err));
    assert_string_equal(d.user, "us@er");
    assert_string_equal(d.password, "p/w:");
    assert_string_equal(d.host, "db.example");
    assert_int_equal(d.port, 3307);
    assert_string_equal(d.name, "name");
    assert_string_equal(d.ssl_ca, "/ca");
    assert_true(d.ssl && d.ssl_verify);
    db_dsn_free(&d);
}

static void test_socket(void **state)
{
    struct db_dsn d;
    struct error err;

    (void)state;
    assert_true(db_dsn_parse(STR("mysql://u:p@localhost/n?unix_socket=/run/x.sock"), &d, &err));
    assert_string_equal(d.unix_socket, "/run/x.sock");
    assert_false(d.ssl);
    db_dsn_free(&d);
}

static void test_mistakes(void **state)
{
    static const char *const bad[] = {"", "postgresql://u:SECRET@h/n", "mysql://u:SECRET@h:99999/n",
                                      "mysql://u:SECRET@h/n?colour=red", "mysql://u:SECRET%zz@h/n"};
    struct db_dsn d;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(db_dsn_parse(str_of(bad[i]), &d, &err));
        assert_null(strstr(err.message, "SECRET"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parts),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
