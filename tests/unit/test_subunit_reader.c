/* The readers: pieces, limits, offsets, and what the corpus has no stream for. */
#include "config.h"
#include "subunit/tally-subunit.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events written down as text, with files of the same name joined. */
struct journal {
    char text[8192];
    size_t n;
    size_t events;
    size_t stop_after;
    char file_of[256];
};

static void note(struct journal *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct journal *j, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(j->text + j->n, sizeof(j->text) - j->n, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof(j->text) - j->n);
    j->n += (size_t)n;
}

static int record(void *ctx, const struct subunit_event *e)
{
    struct journal *j = ctx;
    char file_of[256];

    (void)snprintf(file_of, sizeof(file_of), "%.*s/%.*s", (int)e->id.n, e->id.p == NULL ? "" : e->id.p,
                   (int)e->file_name.n, e->file_name.p == NULL ? "" : e->file_name.p);
    bool goes_on = e->has_file && !e->file_restarts && strcmp(file_of, j->file_of) == 0;
    if (!goes_on) {
        note(j, "\n%s", subunit_status_name(e->status));
        if (e->has_id)
            note(j, " id=%.*s", (int)e->id.n, e->id.p);
        if (e->has_route_code)
            note(j, " route=%.*s", (int)e->route_code.n, e->route_code.p);
        if (e->has_time)
            note(j, " @%lld", (long long)e->time);
        for (size_t i = 0; i < e->n_tags; i++)
            note(j, " +%.*s", (int)e->tags[i].n, e->tags[i].p);
        if (e->files_void)
            note(j, " void");
        if (e->has_file)
            note(j, " %.*s(%.*s)=", (int)e->file_name.n, e->file_name.p, (int)e->mime.n,
                 e->mime.p == NULL ? "" : e->mime.p);
    }
    j->file_of[0] = '\0';
    if (e->has_file) {
        note(j, "%.*s", (int)e->file.n, e->file.p);
        memcpy(j->file_of, file_of, sizeof(file_of));
    }
    return ++j->events == j->stop_after;
}

static int64_t fixed_clock(void *ctx)
{
    return *(int64_t *)ctx;
}

/* Feeds TEXT in pieces of CHUNK bytes, each a block of its own so that reading past it is found. */
static bool feed(struct subunit_reader *r, const char *text, size_t n, size_t chunk,
                 struct subunit_error *err)
{
    for (size_t at = 0; at < n; at += chunk) {
        size_t part = n - at < chunk ? n - at : chunk;
        char *piece = malloc(part);
        memcpy(piece, text + at, part);
        bool ok = subunit_reader_feed(r, piece, part, err);
        free(piece);
        if (!ok)
            return false;
    }
    return subunit_reader_finish(r, err);
}

static void run(const struct subunit_reader_opts *opts, const char *text, size_t n, size_t chunk,
                struct journal *j, struct subunit_error *err)
{
    size_t stop_after = j->stop_after;

    *j = (struct journal){.stop_after = stop_after};
    *err = (struct subunit_error){.code = SUBUNIT_OK};
    struct subunit_reader *r = subunit_reader_new(opts, record, j);
    assert_non_null(r);
    if (feed(r, text, n, chunk, err))
        assert_int_equal(err->code, SUBUNIT_OK);
    else
        assert_int_not_equal(err->code, SUBUNIT_OK);
    subunit_reader_free(r);
}

/* The journal is WANT and the error CODE at OFFSET, for every size of piece. */
static void expect(const struct subunit_reader_opts *opts, const char *text, size_t n, const char *want,
                   enum subunit_error_code code, uint64_t offset)
{
    static const size_t chunks[] = {1, 2, 3, 5, 7, 16, 100000};

    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct journal j = {.n = 0};
        struct subunit_error err;
        run(opts, text, n, chunks[i], &j, &err);
        assert_int_equal(err.code, code);
        if (code != SUBUNIT_OK)
            assert_int_equal(err.offset, offset);
        if (want != NULL)
            assert_string_equal(j.text, want);
    }
}

static void expect_v1(const char *text, const char *want, enum subunit_error_code code, uint64_t offset)
{
    static int64_t clock = 1000000;
    struct subunit_reader_opts opts = {.now = fixed_clock, .now_ctx = &clock};

    expect(&opts, text, strlen(text), want, code, offset);
}

static void test_simple_details(void **state)
{
    (void)state;
    expect_v1(
        "test: a\nfailure: a [\none\n ]two\n  ]three\n]four\n]\n",
        "\ninprogress id=a @1000000"
        "\nunknown id=a @1000000 traceback(text/x-traceback; charset=\"utf8\")=one\n]two\n  ]three\n]four\n"
        "\nfail id=a @1000000",
        SUBUNIT_OK, 0);
    expect_v1(
        "test: a\nskip: a [\n]\ntest: b\nsuccess: b [\n \n]\n",
        "\ninprogress id=a @1000000\nunknown id=a @1000000 reason(text/plain)=\nskip id=a @1000000"
        "\ninprogress id=b @1000000\nunknown id=b @1000000 message(text/plain)= \n\nsuccess id=b @1000000",
        SUBUNIT_OK, 0);
}

static void test_multipart_details(void **state)
{
    (void)state;
    expect_v1("test: a\nerror: a [ multipart\nContent-Type: x/y;z=1\nlog\n3\r\nab\n2\r\ncd0\r\n"
              "Content-Type: x/y\nempty\n0\r\nContent-Type: x/z\nlog\n1\r\n]0\r\n]\n",
              "\ninprogress id=a @1000000"
              "\nunknown id=a @1000000 log(x/y;z=1)=ab\ncd"
              "\nunknown id=a @1000000 empty(x/y)="
              "\nunknown id=a @1000000 log(x/z)=]"
              "\nfail id=a @1000000",
              SUBUNIT_OK, 0);
}

/* A size that is no number swallows the rest, unless a line could be taken for a size after all. */
static void test_multipart_stuck(void **state)
{
    const char *head = "test: a\nfailure: a [ multipart\nContent-Type: x/y\nlog\n";
    char text[512];

    (void)state;
    (void)snprintf(text, sizeof(text), "%szz\r\ntest: b\nsuccess: b\n", head);
    expect_v1(
        text,
        "\ninprogress id=a @1000000"
        "\nunknown id=a @1000000 void traceback(text/x-traceback; charset=\"utf8\"; language=\"python\")="
        "testtools.testresult.real._StringException: lost connection during failure report of test 'a'\n"
        "\nfail id=a @1000000",
        SUBUNIT_OK, 0);
    (void)snprintf(text, sizeof(text), "%szz\r\nhello\n1f\r\nx", head);
    expect_v1(text, NULL, SUBUNIT_ERROR_CORRUPT, strlen(head) + 13);
    (void)snprintf(text, sizeof(text), "%s5\nhello0\r\n]\n", head);
    expect_v1(text, NULL, SUBUNIT_ERROR_CORRUPT, strlen(head));
    (void)snprintf(text, sizeof(text), "%sFFFFFFFFFFFFFFFFFFFFFFFF\r\nabc", head);
    expect_v1(text, NULL, SUBUNIT_OK, 0);
}

static void test_lost_connection(void **state)
{
    (void)state;
    expect_v1("test: a\n",
              "\ninprogress id=a @1000000"
              "\nunknown id=a @1000000 traceback(text/x-traceback; charset=\"utf8\"; language=\"python\")="
              "testtools.testresult.real._StringException: lost connection during test 'a'\n"
              "\nfail id=a @1000000",
              SUBUNIT_OK, 0);
    expect_v1(
        "test: a\nskip: a [\nbecause",
        "\ninprogress id=a @1000000"
        "\nunknown id=a @1000000 reason(text/plain)=because"
        "\nunknown id=a @1000000 void traceback(text/x-traceback; charset=\"utf8\"; language=\"python\")="
        "testtools.testresult.real._StringException: lost connection during skip report of test 'a'\n"
        "\nfail id=a @1000000",
        SUBUNIT_OK, 0);
}

static void test_tags(void **state)
{
    (void)state;
    expect_v1("tags: x y\ntest: a\ntags: -x z z\nsuccess: a\ntest: b\nsuccess: b\ntags: -x -y\ntest: "
              "c\nsuccess: c\n",
              "\ninprogress id=a @1000000\nsuccess id=a @1000000 +y +z"
              "\ninprogress id=b @1000000\nsuccess id=b @1000000 +x +y"
              "\ninprogress id=c @1000000\nsuccess id=c @1000000",
              SUBUNIT_OK, 0);
}

static void test_times(void **state)
{
    (void)state;
    expect_v1(
        "time: 1970-01-02 00:00:00.000251Z\ntest: a\ntime: 1970-1-2T02:00:00+02:00\nsuccess: a\n",
        "\ninprogress id=a @86400000250" /* Python's own rounding: 0.000251 * 1e6 is 250.99999999999997 */
        "\nsuccess id=a @86400000000",
        SUBUNIT_OK, 0);
    expect_v1("time: 1969-12-31 23:59:59Z\ntime: 1970-01-01 00:00:00Z\ntest: a\nsuccess: a\n",
              "\ninprogress id=a @0\nsuccess id=a @0", SUBUNIT_OK, 0);
    expect_v1("time: 1969-12-31 23:59:59Z\ntest: a\n", "", SUBUNIT_ERROR_CORRUPT, 27);
    expect_v1("time: 2106-02-07 06:28:16Z\ntest: a\n", "", SUBUNIT_ERROR_CORRUPT, 27);
    expect_v1("test: a\ntime: 2026-02-29 00:00:00Z\n", NULL, SUBUNIT_ERROR_CORRUPT, 8);
    expect_v1("test: a\ntime: 2026-01-01 00:00:00+24:00\nsuccess: a\n", NULL, SUBUNIT_ERROR_CORRUPT, 40);
}

static void test_foreign_lines(void **state)
{
    struct subunit_reader_opts lenient = {.non_subunit_name = "stdout"};
    const char *text = "make: all\ntime: 1970-01-01 00:00:01Z\ntest: a\nhello\nsuccess: b\nsuccess: a\n";

    (void)state;
    expect_v1(text, "", SUBUNIT_ERROR_FOREIGN, 0);
    expect_v1("test: a\nsuccess: a\nnoise", NULL, SUBUNIT_ERROR_FOREIGN, 19);
    expect(&lenient, text, strlen(text),
           "\nunknown stdout()=make: all\n"
           "\ninprogress id=a @1000000"
           "\nunknown stdout()=hello\nsuccess: b\n"
           "\nsuccess id=a @1000000",
           SUBUNIT_OK, 0);
}

/* A long line of noise is passed on as it comes; a directive as long is over the limit. */
static void test_long_lines(void **state)
{
    struct subunit_reader_opts opts = {.non_subunit_name = "stdout", .limits = {.max_line_bytes = 300}};
    char text[1200];
    struct journal j = {.n = 0};
    struct subunit_error err;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\n';
    run(&opts, text, sizeof(text), 50, &j, &err);
    assert_int_equal(err.code, SUBUNIT_OK);
    assert_int_equal(j.n, strlen("\nunknown stdout()=") + sizeof(text));
    memcpy(text, "test: ", 6);
    expect(&opts, text, sizeof(text), NULL, SUBUNIT_ERROR_LIMIT, 0);
}

static void test_limits(void **state)
{
    struct subunit_reader_opts opts = {.limits = {.max_id_chars = 3, .max_tags = 2, .max_text_bytes = 4}};

    (void)state;
    expect(&opts, "test: \xc3\xa9\xc3\xa9\xc3\xa9\nsuccess: \xc3\xa9\xc3\xa9\xc3\xa9\n", 29, NULL, SUBUNIT_OK,
           0);
    expect(&opts, "test: abcd\n", 11, "", SUBUNIT_ERROR_LIMIT, 0);
    expect(&opts, "tags: a b\ntags: -a\ntags: c\ntags: d\n", 35, "", SUBUNIT_ERROR_LIMIT, 27);
    expect(&opts, "tags: abcde\n", 12, "", SUBUNIT_ERROR_LIMIT, 0);
}

struct out {
    unsigned char p[4096];
    size_t n;
};

static bool collect(void *ctx, const void *bytes, size_t n)
{
    struct out *out = ctx;

    assert_true(n <= sizeof(out->p) - out->n);
    memcpy(out->p + out->n, bytes, n);
    out->n += n;
    return true;
}

static struct subunit_str str(const char *s)
{
    return (struct subunit_str){s, strlen(s)};
}

static void put(struct out *out, const struct subunit_event *e)
{
    struct subunit_error err;

    assert_true(subunit_write_event(e, collect, out, &err));
}

static void test_v2_limits(void **state)
{
    struct subunit_reader_opts opts = {.limits = {.max_id_chars = 3, .max_tags = 2, .max_text_bytes = 4}};
    struct subunit_str tags[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct out out = {.n = 0};

    (void)state;
    put(&out, &(struct subunit_event){
                  .has_id = true, .id = str("abc"), .has_tags = true, .tags = tags, .n_tags = 2});
    size_t first = out.n;
    put(&out, &(struct subunit_event){.has_id = true, .id = str("abcd")});
    expect(&opts, (char *)out.p, out.n, "\nunknown id=abc +a +b", SUBUNIT_ERROR_LIMIT, first);
    out.n = 0;
    put(&out, &(struct subunit_event){.has_tags = true, .tags = tags, .n_tags = 3});
    expect(&opts, (char *)out.p, out.n, "", SUBUNIT_ERROR_LIMIT, 0);
    out.n = 0;
    put(&out, &(struct subunit_event){.has_route_code = true, .route_code = str("12345")});
    expect(&opts, (char *)out.p, out.n, "", SUBUNIT_ERROR_LIMIT, 0);
}

static void test_v2_truncated(void **state)
{
    struct out out = {.n = 0};

    (void)state;
    put(&out, &(struct subunit_event){.has_id = true, .id = str("a"), .status = SUBUNIT_SUCCESS});
    size_t first = out.n;
    put(&out, &(struct subunit_event){.has_id = true, .id = str("b"), .status = SUBUNIT_SUCCESS});
    for (size_t n = first + 1; n < out.n; n++)
        expect(NULL, (char *)out.p, n, "\nsuccess id=a", SUBUNIT_ERROR_TRUNCATED, first);
    expect(NULL, (char *)out.p, out.n, "\nsuccess id=a\nsuccess id=b", SUBUNIT_OK, 0);
}

/* A header that ends with its piece is not read beyond: a length of four bytes would be. */
static void test_v2_header_at_end(void **state)
{
    expect(NULL, "\xb3\x28\x00\xc0\x00\x00", 6, "", SUBUNIT_ERROR_CORRUPT, 0);
    expect(NULL, "\xb3\x28\x00\x05\x00\x00", 6, "", SUBUNIT_ERROR_CORRUPT, 0);
    expect(NULL, "\xb3\x28\x00\x80\x00\x09", 6, "", SUBUNIT_ERROR_CORRUPT, 0);
    (void)state;
}

/* A lenient reader finds version 2 behind text, and version 1 where there is no packet. */
static void test_version_probe(void **state)
{
    struct subunit_reader_opts lenient = {.non_subunit_name = "n"};
    struct out out = {.n = 0};

    (void)state;
    collect(&out, "test: x\n", 8);
    put(&out, &(struct subunit_event){.has_id = true, .id = str("a"), .status = SUBUNIT_FAIL});
    expect(&lenient, (char *)out.p, out.n, "\nunknown n()=test: x\n\nfail id=a", SUBUNIT_OK, 0);
    out.p[out.n - 1] ^= 1;
    struct journal j = {.n = 0};
    struct subunit_error err;
    run(&lenient, (char *)out.p, out.n, 9, &j, &err);
    assert_non_null(strstr(j.text, "inprogress id=x"));
    expect(&(struct subunit_reader_opts){.version = 2}, "test: x\n", 8, "", SUBUNIT_ERROR_FOREIGN, 0);
    expect(NULL, "", 0, "", SUBUNIT_OK, 0);
}

static void test_use_after_error(void **state)
{
    struct journal j = {.stop_after = 2};
    struct subunit_error err;

    (void)state;
    run(NULL, "time: 1970-01-01 00:00:01Z\ntest: a\nsuccess: a\ntest: b\n", 54, 54, &j, &err);
    assert_int_equal(err.code, SUBUNIT_ERROR_STOPPED);
    assert_int_equal(err.offset, 35);
    assert_string_equal(j.text, "\ninprogress id=a @1000000\nsuccess id=a @1000000");
    j.stop_after = 0;
    struct subunit_reader *r = subunit_reader_new(NULL, record, &j);
    assert_false(subunit_reader_feed(r, "x\n", 2, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_FOREIGN);
    memset(&err, 0, sizeof(err));
    assert_false(subunit_reader_feed(r, "test: a\n", 8, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_FOREIGN);
    assert_false(subunit_reader_finish(r, NULL));
    subunit_reader_free(r);
    r = subunit_reader_new(NULL, record, &j);
    assert_true(subunit_reader_finish(r, &err));
    assert_int_equal(subunit_reader_version(r), 0);
    assert_false(subunit_reader_feed(r, "test: a\n", 8, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_USE);
    subunit_reader_free(r);
    subunit_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_details),
        cmocka_unit_test(test_multipart_details),
        cmocka_unit_test(test_multipart_stuck),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_foreign_lines),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_v2_limits),
        cmocka_unit_test(test_v2_truncated),
        cmocka_unit_test(test_v2_header_at_end),
        cmocka_unit_test(test_version_probe),
        cmocka_unit_test(test_use_after_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
