#include "config.h"
#include "base/buf.h"
#include "base/conf_options.h"
#include "handlers/stream_names.h"
#include "handlers/stream_spool.h"
#include "subunit/tally-subunit.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* --- a request whose body is a raw stream ---------------------------------------------------------- */

static struct buf stream;
static size_t at;

struct str request_header(const struct request *r, const char *name)
{
    (void)r;
    return strcmp(name, "Content-Type") == 0 ? STR("application/x-subunit") : (struct str){NULL, 0};
}

bool request_body_read(struct request *r, void *p, size_t n, size_t *got, struct error *err)
{
    (void)r;
    (void)err;
    *got = n < stream.n - at ? n : stream.n - at;
    memcpy(p, stream.p + at, *got);
    at += *got;
    return true;
}

static struct arena *arena;
static struct request r;
static struct stream_options options;
static struct stream_spool out;

static int setup(void **state)
{
    struct conf *conf = conf_default();

    (void)state;
    conf->subunit.spool_dir = "/tmp";
    arena = arena_new(0);
    r = (struct request){.arena = arena, .conf = conf};
    options = (struct stream_options){.attachments = true};
    buf_init(&stream, 64 << 20);
    at = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    buf_free(&stream);
    conf_unref((struct conf *)(uintptr_t)r.conf);
    return 0;
}

static void must_read(void)
{
    struct error err = {.kind = ERROR_NONE};

    if (!stream_read(&r, &options, &out, &err))
        fail_msg("%s", err.message);
}

/* --- streams --------------------------------------------------------------------------------------- */

static bool to_stream(void *ctx, const void *bytes, size_t n)
{
    (void)ctx;
    buf_add(&stream, bytes, n);
    return buf_ok(&stream);
}

static struct subunit_str text(const char *s)
{
    return (struct subunit_str){s, strlen(s)};
}

static void add(const struct subunit_event *e)
{
    assert_true(subunit_write_event(e, to_stream, NULL, NULL));
}

static void add_status(struct subunit_str id, enum subunit_status status, int64_t time)
{
    add(&(struct subunit_event){.id = id, .has_id = true, .status = status, .has_time = true, .time = time});
}

static struct subunit_event file_of(const char *id, const char *name, const char *content)
{
    return (struct subunit_event){
        .id = text(id), .has_id = true, .has_file = true, .file_name = text(name), .file = text(content)};
}

/* --- tests ----------------------------------------------------------------------------------------- */

static void check_content(const struct spool_attachment *a, const char *name, const char *content)
{
    unsigned char digest[SHA256_SIZE];
    char *p = arena_alloc(arena, (size_t)a->size);
    struct error err;

    assert_int_equal(a->size, strlen(content));
    assert_true(str_eq_cstr(a->name, name));
    assert_true(spool_content_read(out.spool, a->offset, p, (size_t)a->size, &err));
    assert_memory_equal(p, content, strlen(content));
    hash_sha256(content, strlen(content), digest);
    assert_memory_equal(a->sha256, digest, SHA256_SIZE);
}

/* The file of a test that never ends comes out of the fold after the foreign bytes at the stream's end. */
static void test_foreign_bytes_at_the_end(void **state)
{
    struct subunit_event file = file_of("open", "log", "the test's own words");
    const struct spool_attachment *own;
    struct spool_test test;
    struct error err;

    (void)state;
    options.non_subunit_name = "stdout";
    add_status(text("open"), SUBUNIT_INPROGRESS, 1);
    add(&file);
    buf_add_cstr(&stream, "foreign to all\n");
    must_read();
    assert_int_equal(spool_run_attachments(out.spool, &own), 1);
    check_content(&own[0], "stdout", "foreign to all\n");
    assert_true(spool_read(out.spool, 0, arena, &test, &err));
    assert_int_equal(test.n_attachments, 1);
    check_content(&test.attachments[0], "log", "the test's own words");
}

/* An expression of 2^45 states, of which every character of an id makes one. */
static void test_regex_keeps_no_states(void **state)
{
    static char pattern[256] = "(a|b)*a", id[4096];
    struct rusage before, after;
    uint64_t random_bits = 1;

    (void)state;
    for (int i = 0; i < 45; i++)
        strcat(pattern, "(a|b)");
    options.attr_regex = str_of(pattern);
    for (int k = 0; k < 40; k++) {
        for (size_t i = 0; i < sizeof(id); i++) {
            random_bits = random_bits * 6364136223846793005u + 1442695040888963407u;
            id[i] = random_bits >> 63 ? 'a' : 'b';
        }
        add_status((struct subunit_str){id, sizeof(id)}, SUBUNIT_SUCCESS, 1);
    }
    getrusage(RUSAGE_SELF, &before);
    must_read();
    getrusage(RUSAGE_SELF, &after);
    /* 17 MB each; what a sanitizer keeps of freed memory is bounded too. */
    assert_true(after.ru_maxrss - before.ru_maxrss < 500 * 1024);
}

static void refuse_regex(const char *pattern, const char *why)
{
    struct error err = {.kind = ERROR_NONE};
    regex_t regex;

    assert_false(stream_regex(str_of(pattern), &regex, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    if (!strstr(err.message, why))
        fail_msg("%s: %s", pattern, err.message);
}

static void take_regex(const char *pattern)
{
    struct error err = {.kind = ERROR_NONE};
    regex_t regex;

    if (!stream_regex(str_of(pattern), &regex, &err))
        fail_msg("%s: %s", pattern, err.message);
    regfree(&regex);
}

/* Each '+' makes two of what it stands behind: eighty of them are more than there is memory. */
static void test_regex_does_not_grow(void **state)
{
    static const char many[] = "'+' are not taken behind";
    char pattern[257], *p = pattern;

    (void)state;
    for (int i = 0; i < 80; i++)
        *p++ = '(';
    *p++ = 'a';
    for (int i = 0; i < 80; i++, p += 2)
        memcpy(p, ")+", 2);
    *p = '\0';
    refuse_regex(pattern, many);
    memset(pattern, '+', 200);
    memcpy(pattern, "(a)", 3);
    pattern[200] = '\0';
    refuse_regex(pattern, many);
    refuse_regex("(((((((((((([abc]+|x)+y?)+)+)*)+)+)+)+)+)+)+)+", many);
    take_regex("\\[([a-z]+(,[a-z0-9-]+)*)+\\]+");
    take_regex("(((((a)+)+)+)+)+");
    take_regex("(a+)[(+(+(+(+(+(+(+(+(+(+]\\+\\+\\+\\+\\+\\+");
    /* Empty rounds of a loop: the library takes for ever to find out that they lead nowhere. */
    refuse_regex("(()|b|)+", many);
    refuse_regex("(a*)+", many);
    refuse_regex("(a*b?|c)*", many);
    refuse_regex("(x|a?(b*|c)d?)+", many);
    refuse_regex("(^|\\b)*", many);
    refuse_regex("(a)**", many);
    take_regex("((a*b?c)+|(d|e?f)*)?");
    take_regex("(a|b+|(c?d?e)+)*");
    refuse_regex("+(", "attr_regex: ");
    refuse_regex(")))+++", "attr_regex: ");
}

/* Tried from each character on, and never found. */
static void test_regex_has_its_time(void **state)
{
    char pattern[257] = "", id[4096];
    struct error err;

    (void)state;
    while (strlen(pattern) < 240)
        strcat(pattern, "a+");
    strcat(pattern, "(z)");
    options.attr_regex = str_of(pattern);
    for (int i = 0; i < 500; i++) {
        memset(id, 'a', sizeof(id));
        id[0] = (char)('A' + i % 26);
        id[1] = (char)('A' + i / 26);
        add_status((struct subunit_str){id, sizeof(id)}, SUBUNIT_SUCCESS, 1);
    }
    assert_false(stream_read(&r, &options, &out, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    if (!strstr(err.message, "attr_regex: it takes too long"))
        fail_msg("%s", err.message);
}

/* From 1970 to 2106 each: their sum is more microseconds than 63 bits hold. */
static void test_sum_of_long_durations(void **state)
{
    enum { TESTS = 2500 };
    char name[16];

    (void)state;
    for (int i = 0; i < TESTS; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        add_status(text(name), SUBUNIT_INPROGRESS, 0);
        add_status(text(name), SUBUNIT_SUCCESS, UINT32_MAX * INT64_C(1000000));
    }
    must_read();
    double sum = (double)spool_totals(out.spool)->run_time_us;
    assert_true(sum > 1.0737e19 && sum < 1.0738e19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_foreign_bytes_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_regex_keeps_no_states, setup, teardown),
        cmocka_unit_test(test_regex_does_not_grow),
        cmocka_unit_test_setup_teardown(test_regex_has_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sum_of_long_durations, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
