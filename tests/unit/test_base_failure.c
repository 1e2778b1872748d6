#include "config.h"
#include "base/failure.h"
#include "tests/unit/unit.h"

#include <string.h>

static void check_line(const char *tail, const char *line)
{
    struct str got = failure_line(str_of(tail));

    assert_true(str_eq_cstr(got, line));
}

static void test_line(void **state)
{
    (void)state;
    check_line("", "");
    check_line(" \n\n", "");
    check_line("one\ntwo\n\n", "two");
    check_line("Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    g()\n    ~^^\n"
               "mod.Error: it broke\nDetails: 17\n",
               "mod.Error: it broke");
    check_line("Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 1\n\nDuring "
               "handling of "
               "the above exception, another exception occurred:\n\nTraceback (most recent call last):\n"
               "  File \"b.py\", line 4, in g\nValueError: 2\r\n",
               "ValueError: 2");
    /* A tail that begins in the middle of a frame. */
    check_line("line 3, in f\n    g()\nAssertionError", "AssertionError");
    check_line("java.lang.AssertionError: x\n\tat org.junit.A(A.java:1)\nCaused by: java.io.E: y\n\tat "
               "b.C(D.java:2)\n"
               "\t... 23 more\n",
               "Caused by: java.io.E: y");
}

static void check_normal(const char *line, const char *normal)
{
    struct buf b;

    buf_init(&b, 4096);
    failure_normalise(str_of(line), &b);
    if (!str_eq_cstr(buf_str(&b), normal))
        fail_msg("%s: %.*s", line, (int)b.n, b.p);
    buf_free(&b);
}

static void test_normal(void **state)
{
    (void)state;
    check_normal("ValueError: 17 != 18.5", "ValueError: <N> != <N>");
    check_normal("server 8c3bd9e2-4f55-4e4c-a5cd-6e5a4a0e6f6b failed", "server <uuid> failed");
    check_normal("<object at 0x7f3a99c0>", "<object at <hex>>");
    check_normal("image 4bf92f3577b34da6a3ce929d0e0e4736", "image <hex>");
    check_normal("No such file: '/tmp/tmpab12/x.log'", "No such file: '<path>'");
    check_normal("see ./a/b and ../c/d or and/or", "see <path> and <path> or and/or");
    check_normal("connect to 10.0.0.5:8774 failed", "connect to <ip>:<N> failed");
    check_normal("GET https://10.0.0.5:8774/v2.1/servers?x=1 -> 500", "GET <url> -> <N>");
    check_normal("test_17b.Class2: deadbeef cafe", "test_<N>b.Class<N>: deadbeef cafe");
    check_normal("\xc3\xa9t\xc3\xa9 \xff\x01", "\xc3\xa9t\xc3\xa9 ? ");
    check_normal("", "");
}

static void test_long_lines(void **state)
{
    char line[5000];
    struct buf b;

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        memset(line, "x7\xe2"[kind], sizeof(line));
        buf_init(&b, 4096);
        failure_normalise((struct str){line, sizeof(line)}, &b);
        assert_true(buf_ok(&b) && b.n <= FAILURE_LINE && str_is_utf8(buf_str(&b)));
        buf_free(&b);
    }
}

static void test_rank(void **state)
{
    struct str none = {NULL, 0};

    (void)state;
    assert_true(failure_rank(STR("message"), none) > failure_rank(STR("traceback"), none));
    assert_true(failure_rank(STR("traceback"), none) > failure_rank(STR("traceback-1"), none));
    assert_true(failure_rank(STR("x"), STR("text/x-traceback;charset=utf8")) > 0);
    assert_int_equal(failure_rank(STR("pythonlogging:''"), STR("text/plain")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_rank),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
