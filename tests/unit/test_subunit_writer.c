/* The writer, and ids taken apart. */
#include "config.h"
#include "subunit/tally-subunit.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

struct out {
    unsigned char *p;
    size_t n;
    size_t room;
};

static bool collect(void *ctx, const void *bytes, size_t n)
{
    struct out *out = ctx;

    if (n > out->room - out->n)
        return false;
    memcpy(out->p + out->n, bytes, n);
    out->n += n;
    return true;
}

static struct subunit_str str(const char *s)
{
    return (struct subunit_str){s, strlen(s)};
}

/* What python-subunit's StreamResultToBytes writes for the same events. */
static void test_bytes(void **state)
{
    static const unsigned char plain[] = {0xb3, 0x29, 0x03, 0x0c, 0x03, 'f',
                                          'o',  'o',  0x45, 0x9d, 0xfe, 0x10};
    static const unsigned char full[] = {0xb3, 0x2f, 0xf6, 0x21, 0x69, 0xa4, 0x28, 0xc0, 0xd8, 0xeb, 0x97,
                                         0xc8, 0x01, 'a',  0x01, 0x01, 't',  0x03, 'x',  '/',  'y',  0x01,
                                         'f',  0x02, 0x00, 0xff, 0x02, 0xc3, 0xa9, 0x83, 0xdd, 0x4b, 0x91};
    unsigned char buf[200];
    struct out out = {buf, 0, sizeof(buf)};
    struct subunit_str tags[] = {{"t", 1}};
    struct subunit_event e = {.has_id = true, .id = str("foo"), .status = SUBUNIT_SUCCESS, .runnable = true};

    (void)state;
    assert_true(subunit_write_event(&e, collect, &out, NULL));
    assert_int_equal(out.n, sizeof(plain));
    assert_memory_equal(buf, plain, sizeof(plain));
    out.n = 0;
    e = (struct subunit_event){
        .has_id = true,
        .id = str("a"),
        .status = SUBUNIT_FAIL,
        .runnable = true,
        .eof = true,
        .has_time = true,
        .time = INT64_C(1772366016418093),
        .has_tags = true,
        .tags = tags,
        .n_tags = 1,
        .has_mime = true,
        .mime = str("x/y"),
        .has_file = true,
        .file_name = str("f"),
        .file = {"\0\xff", 2},
        .has_route_code = true,
        .route_code = str("\xc3\xa9"),
    };
    assert_true(subunit_write_event(&e, collect, &out, NULL));
    assert_int_equal(out.n, sizeof(full));
    assert_memory_equal(buf, full, sizeof(full));
}

struct seen {
    size_t events;
    uint64_t bytes;
    struct subunit_event last;
};

static int count(void *ctx, const struct subunit_event *e)
{
    struct seen *seen = ctx;

    for (size_t i = 0; i < e->file.n; i++)
        assert_int_equal((unsigned char)e->file.p[i], (unsigned char)((seen->bytes + i) * 7));
    seen->bytes += e->file.n;
    assert_int_equal(e->id.n, 2);
    assert_true(e->has_time && e->time == 5000001);
    seen->events++;
    seen->last = *e;
    return 0;
}

/* Around the sizes at which the length grows by a byte, and beyond what one packet holds. */
static void test_sizes(void **state)
{
    static const size_t sizes[] = {0,       1,       30,      40,      41,     42,    43,      44,
                                   45,      46,      47,      48,      63,     64,    65,      4000,
                                   5000,    16340,   16345,   16346,   16347,  16348, 16349,   16350,
                                   16351,   16352,   16353,   16383,   16384,  16385, 4194200, 4194260,
                                   4194270, 4194290, 4194303, 4194304, 9000000};
    size_t room = 9100000;
    unsigned char *buf = malloc(room), *file = malloc(room);

    (void)state;
    for (size_t i = 0; i < room; i++)
        file[i] = (unsigned char)(i * 7);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct out out = {buf, 0, room};
        struct subunit_error err;
        struct subunit_event e = {.has_id = true,
                                  .id = str("id"),
                                  .status = SUBUNIT_XFAIL,
                                  .eof = true,
                                  .has_time = true,
                                  .time = 5000001,
                                  .has_file = true,
                                  .file_name = str("log"),
                                  .file = {(char *)file, sizes[i]}};
        assert_true(subunit_write_event(&e, collect, &out, &err));
        struct seen seen = {.events = 0};
        struct subunit_reader *r = subunit_reader_new(NULL, count, &seen);
        assert_true(subunit_reader_feed(r, buf, out.n, &err));
        assert_true(subunit_reader_finish(r, &err));
        subunit_reader_free(r);
        assert_int_equal(seen.bytes, sizes[i]);
        assert_int_equal(seen.events, sizes[i] / 4194271 + 1);
        assert_int_equal(seen.last.status, SUBUNIT_XFAIL);
        assert_true(seen.last.eof);
    }
    free(buf);
    free(file);
}

static void test_refusals(void **state)
{
    unsigned char buf[10];
    struct out out = {buf, 0, sizeof(buf)};
    struct subunit_error err;
    struct subunit_event e = {.has_id = true, .id = str("a long test id")};

    (void)state;
    assert_false(subunit_write_event(&e, collect, &out, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_STOPPED);
    e.has_time = true;
    e.time = -1;
    assert_false(subunit_write_event(&e, collect, &out, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_USE);
    e.time = (INT64_C(1) << 32) * 1000000;
    assert_false(subunit_write_event(&e, collect, &out, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_USE);
    e.time = 0;
    char *text = calloc(1, 4200000);
    e.id = (struct subunit_str){text, 4200000};
    assert_false(subunit_write_event(&e, collect, &out, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_USE);
    free(text);
}

static void expect_name(const char *id, const char *head, const char *tail, const char *attrs)
{
    struct subunit_name name = subunit_name_split(str(id));

    assert_int_equal(name.head.n, strlen(head));
    assert_memory_equal(name.head.p, head, name.head.n);
    assert_int_equal(name.tail.n, strlen(tail));
    assert_memory_equal(name.tail.p, tail, name.tail.n);
    assert_int_equal(name.has_attrs, attrs != NULL);
    if (attrs != NULL) {
        assert_int_equal(name.attrs.n, strlen(attrs));
        assert_memory_equal(name.attrs.p, attrs, name.attrs.n);
    }
}

static void test_names(void **state)
{
    (void)state;
    expect_name("", "", "", NULL);
    expect_name("a.b", "a.b", "", NULL);
    expect_name("a[id-1,smoke]", "a", "", "id-1,smoke");
    expect_name("a[id]tail", "a", "tail", "id");
    expect_name("a[x][y]b", "a", "b", "x][y");
    expect_name("a[]", "a", "", "");
    expect_name("[all]", "[all]", "", "all");
    expect_name("a[open", "a[open", "", NULL);
    expect_name("a]b[c", "a]b[c", "", NULL);
    expect_name("a[x\n]b", "a[x\n]b", "", NULL);
    expect_name("a[x\nb[y]\n]c", "a[x\nb", "\n]c", "y");
    expect_name("a[[[\n[\n[q]", "a[[[\n[\n", "", "q");
}

static void test_status_names(void **state)
{
    (void)state;
    assert_string_equal(subunit_status_name(SUBUNIT_NONE), "unknown");
    assert_string_equal(subunit_status_name(SUBUNIT_XFAIL), "xfail");
    assert_string_equal(subunit_status_name((enum subunit_status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_sizes),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names), cmocka_unit_test(test_status_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
