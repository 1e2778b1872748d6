/* The line of progress, and figures for people. */
#include "config.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *text(const struct progress *p, size_t width)
{
    static char out[256];
    struct buf b;

    buf_init(&b, sizeof(out));
    progress_text(p, 12 * 1000000, width, &b);
    memcpy(out, b.p ? b.p : "", b.n);
    out[b.n] = '\0';
    buf_free(&b);
    return out;
}

static void test_line(void **state)
{
    struct progress p = {
        .what = "run.subunit", .total = 40000000, .done = 10000000, .rate = 10e6, .began_us = 0};

    (void)state;
    assert_string_equal(text(&p, 79),
                        "run.subunit  [####              ]  25%  10.0 MB of 40.0 MB  10.0 MB/s  ETA 0:03");
    assert_int_equal(strlen(text(&p, 79)), 79);
    assert_string_equal(text(&p, 60), "run.subunit  10.0 MB of 40.0 MB  10.0 MB/s  ETA 0:03");
    assert_string_equal(text(&p, 45), "run\xe2\x80\xa6  10.0 MB of 40.0 MB  10.0 MB/s  ETA 0:03");
    assert_string_equal(text(&p, 30), "  ");
    p.total = -1;
    assert_string_equal(text(&p, 79), "run.subunit  10.0 MB  10.0 MB/s  0:12");
    p.total = 0;
    p.done = 0;
    p.rate = 0;
    assert_string_equal(text(&p, 79), "run.subunit  0 B of 0 B  0:12");
}

static void test_figures(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(output_bytes(999, out), "999 B");
    assert_string_equal(output_bytes(1000, out), "1.0 kB");
    assert_string_equal(output_bytes(12345678, out), "12.3 MB");
    assert_string_equal(output_bytes(5e15, out), "5000.0 TB");
    assert_string_equal(output_duration(-1, out), "0:00");
    assert_string_equal(output_duration(61, out), "1:01");
    assert_string_equal(output_duration(3723, out), "1:02:03");
    assert_string_equal(output_duration(1e30, out), "0:00");
}

static void test_member(void **state)
{
    struct arena *arena = arena_new(4096);
    const struct json *j = json_parse(arena, STR("{\"a\": {\"b\": [1, {\"c\": 2}]}}"), NULL, NULL);

    (void)state;
    assert_true(str_eq_cstr(output_member(j, "a.b.1.c")->str, "2"));
    assert_null(output_member(j, "a.b.2"));
    assert_null(output_member(j, "a.x.c"));
    assert_null(output_member(NULL, "a"));
    arena_free(arena);
}

int main(void)
{
    text_init();

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
