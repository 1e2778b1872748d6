/* Memory does not grow with the stream: many tests, and attachments of 100 MB. */
#include "config.h"
#include "subunit/tally-subunit.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KIB 24576
#define BIG (UINT64_C(100) << 20)

struct seen {
    size_t tests;
    uint64_t attached;
};

static int on_test(void *ctx, const struct subunit_test *t)
{
    struct seen *seen = ctx;

    seen->tests++;
    for (size_t i = 0; i < t->n_attachments; i++) {
        const struct subunit_attachment *a = &t->attachments[i];
        char last;
        assert_int_equal(subunit_attachment_read(a, a->size - 1, &last, 1), 1);
        assert_true(last == 'z' || last == '\n');
        seen->attached += a->size;
    }
    return 0;
}

static int to_fold(void *fold, const struct subunit_event *e)
{
    return !subunit_fold_event(fold, e, NULL);
}

static bool to_reader(void *reader, const void *bytes, size_t n)
{
    return subunit_reader_feed(reader, bytes, n, NULL);
}

/* The most memory that the process had, in KiB. A sanitizer's is not ours. */
static long peak(void)
{
    char line[200];
    long kib = -1;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#endif
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    fclose(f);
    assert_true(kib > 0);
    return kib;
}

struct chain {
    struct seen seen;
    struct subunit_fold *fold;
    struct subunit_reader *reader;
};

static void begin(struct chain *c)
{
    struct subunit_fold_callbacks callbacks = {.test_done = on_test};

    c->seen = (struct seen){0};
    c->fold = subunit_fold_new(NULL, &callbacks, &c->seen);
    c->reader = subunit_reader_new(NULL, to_fold, c->fold);
    assert_true(c->fold != NULL && c->reader != NULL);
}

static void end(struct chain *c)
{
    struct subunit_error err;

    if (!subunit_reader_finish(c->reader, &err) || !subunit_fold_finish(c->fold, &err))
        fail_msg("%s", err.message);
    subunit_reader_free(c->reader);
    subunit_fold_free(c->fold);
    assert_true(peak() < MAX_KIB);
}

static void send(struct chain *c, const char *id, enum subunit_status status, int64_t time, const char *file,
                 size_t n)
{
    struct subunit_error err;
    struct subunit_event e = {
        .has_id = true,
        .id = {id, strlen(id)},
        .status = status,
        .has_time = true,
        .time = time,
        .has_file = n > 0,
        .file_name = {"log", 3},
        .file = {file, n},
    };

    if (!subunit_write_event(&e, to_reader, c->reader, &err))
        fail_msg("%s", err.message);
}

static void test_many_tests(void **state)
{
    struct chain c;
    char id[100];
    const int count = peak() == 0 ? 20000 : 500000;

    (void)state;
    begin(&c);
    for (int i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), "tempest.api.compute.servers.Test.test_number_%d[id-%d,smoke]", i, i);
        send(&c, id, SUBUNIT_INPROGRESS, i, NULL, 0);
        send(&c, id, SUBUNIT_NONE, i, "some words about itz", 20);
        send(&c, id, SUBUNIT_SUCCESS, i + 1, NULL, 0);
    }
    end(&c);
    assert_int_equal(c.seen.tests, count);
    assert_int_equal(c.seen.attached, (uint64_t)count * 20);
}

static void test_big_attachment_v2(void **state)
{
    static char chunk[1 << 20];
    struct chain c;

    (void)state;
    memset(chunk, 'z', sizeof(chunk));
    begin(&c);
    send(&c, "big", SUBUNIT_INPROGRESS, 1, NULL, 0);
    for (uint64_t at = 0; at < BIG; at += sizeof(chunk))
        send(&c, "big", SUBUNIT_NONE, 1, chunk, sizeof(chunk));
    send(&c, "big", SUBUNIT_FAIL, 1, NULL, 0);
    end(&c);
    assert_int_equal(c.seen.attached, BIG);
}

/* Once in brackets, without a line end in it, and once as one chunk. */
static void test_big_attachment_v1(void **state)
{
    static char chunk[1 << 20];
    struct chain c;
    struct subunit_error err;
    char head[100];

    (void)state;
    memset(chunk, 'z', sizeof(chunk));
    begin(&c);
    assert_true(to_reader(c.reader, "test: a\nfailure: a [\n", 21));
    for (uint64_t at = 0; at < BIG; at += sizeof(chunk))
        assert_true(subunit_reader_feed(c.reader, chunk, sizeof(chunk), &err));
    assert_true(to_reader(c.reader, "\n]\ntest: b\n", 11));
    assert_int_equal(c.seen.attached, BIG + 1);
    (void)snprintf(head, sizeof(head), "error: b [ multipart\nContent-Type: a/b\nlog\n%llx\r\n",
                   (unsigned long long)BIG);
    assert_true(to_reader(c.reader, head, strlen(head)));
    for (uint64_t at = 0; at < BIG; at += sizeof(chunk))
        assert_true(subunit_reader_feed(c.reader, chunk, sizeof(chunk), &err));
    assert_true(to_reader(c.reader, "0\r\n]\n", 5));
    end(&c);
    assert_int_equal(c.seen.attached, 2 * BIG + 1);
    assert_int_equal(c.seen.tests, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_tests),
        cmocka_unit_test(test_big_attachment_v2),
        cmocka_unit_test(test_big_attachment_v1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
