#include "config.h"
#include "base/buf.h"
#include "base/clock.h"
#include "handlers/junit_read.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

struct seen {
    struct buf b; /* "ID STATUS TIME;" of each event without a file, "ID NAME" of the pieces of files */
    int64_t last_us;
};

static bool on_event(void *ctx, const struct subunit_event *e, struct error *err)
{
    struct seen *seen = ctx;

    (void)err;
    if (e->has_time)
        seen->last_us = e->time;
    if (e->has_file)
        buf_printf(&seen->b, "%.*s:%.*s;", (int)e->id.n, e->id.p, (int)e->file_name.n, e->file_name.p);
    else if (e->status != SUBUNIT_INPROGRESS)
        buf_printf(&seen->b, "%.*s;", (int)e->id.n, e->id.p);
    return true;
}

/* DOCUMENT in pieces of STEP bytes; the message why it is refused, NULL: it is not. */
static const char *read_steps(struct str document, size_t step, struct seen *seen)
{
    static struct error err;
    struct junit_reader *j = junit_reader_new(4096, 0, on_event, seen);
    bool ok = true;

    assert_non_null(j);
    buf_init(&seen->b, 1 << 20);
    for (size_t at = 0; ok && at < document.n; at += step) {
        size_t n = document.n - at < step ? document.n - at : step;

        ok = junit_reader_feed(j, document.p + at, n, &err);
    }
    ok = ok && junit_reader_finish(j, &err);
    junit_reader_free(j);
    return ok ? NULL : err.message;
}

static void check(const char *document, const char *want)
{
    for (size_t step = 1; step < 100; step += 33) {
        struct seen seen;
        const char *why = read_steps(str_of(document), step, &seen);

        if (why || !str_eq_cstr(buf_str(&seen.b), want))
            fail_msg("%s\n%.*s", why ? why : "", (int)seen.b.n, seen.b.p);
        buf_free(&seen.b);
    }
}

static void test_suites_within_suites(void **state)
{
    (void)state;
    check("<testsuites><testsuite name='a'><testcase name='1'/><testsuite name='b'><testcase name='2'/>"
          "<testsuite><testcase name='3'/></testsuite><testcase name='4'/></testsuite><testcase name='5'/>"
          "<testcase name='6'><failure><testsuite name='x'/></failure></testcase><testcase name='7'/>"
          "</testsuite><testcase name='8'/></testsuites>",
          "a.1;b.2;3;b.4;a.5;a.6;a.7;8;");
}

/* Each lasts thirty years. */
static void test_time_ends(void **state)
{
    struct buf b;
    struct seen seen;

    (void)state;
    buf_init(&b, 8 << 20);
    buf_add_cstr(&b, "<testsuite timestamp='2026-01-01T00:00:00'>");
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "<testcase name='%d' time='999999999'/>", i);
    buf_add_cstr(&b, "</testsuite>");
    const char *why = read_steps(buf_str(&b), b.n, &seen);
    if (why)
        fail_msg("%s", why);
    char text[CLOCK_ISO_SIZE];
    assert_string_equal(clock_iso(seen.last_us, text), "9999-12-31T23:59:59Z");
    buf_free(&seen.b);
    buf_free(&b);
}

static struct str document_of(struct buf *b, const char *message, const char *text, size_t repeat)
{
    buf_init(b, 64 << 20);
    buf_printf(b, "<testsuite><testcase name='t'><failure message='%s'>", message);
    for (size_t i = 0; i < repeat; i++)
        buf_add_cstr(b, text);
    buf_printf(b, "%s</failure></testcase></testsuite>", message);
    return buf_str(b);
}

/* A line end is a piece of its own to the parser: the message is not looked for at each. */
static void test_many_lines(void **state)
{
    char message[4001];
    struct seen seen;
    struct buf b;

    (void)state;
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    struct str document = document_of(&b, message, "x\n", 1000000);
    clock_t begin = clock();
    assert_null(read_steps(document, 65536, &seen));
    assert_true(clock() - begin < 10 * CLOCKS_PER_SEC);
    /* Found although it came last. */
    assert_null(strstr(seen.b.p, "t:message"));
    buf_free(&seen.b);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suites_within_suites),
        cmocka_unit_test(test_time_ends),
        cmocka_unit_test(test_many_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
