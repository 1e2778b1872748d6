/* The fold: records, attachments and their spilling, bounds. */
#include "config.h"
#include "subunit/tally-subunit.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct journal {
    char text[16384];
    size_t n;
    size_t tests;
    size_t stop_after;
    bool check_bytes; /* contents are what pattern() makes */
};

static struct subunit_str str(const char *s)
{
    return (struct subunit_str){s, strlen(s)};
}

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

/* Byte AT of a file whose name begins with WHO: reading the wrong block shows. */
static unsigned char pattern(char who, uint64_t at)
{
    return (unsigned char)((at * 2654435761u >> 11) + at + (unsigned char)who);
}

static void check_contents(const struct subunit_attachment *a)
{
    static unsigned char buf[40000];
    size_t step = 1 + (size_t)(a->size % sizeof(buf));

    for (uint64_t at = 0; at < a->size; at += step) {
        ptrdiff_t n = subunit_attachment_read(a, at, buf, step);
        assert_int_equal(n, a->size - at < step ? a->size - at : step);
        for (ptrdiff_t i = 0; i < n; i++)
            if (buf[i] != pattern(a->name.p[0], at + (uint64_t)i))
                fail_msg("byte %llu of %.*s", (unsigned long long)at + (unsigned long long)i, (int)a->name.n,
                         a->name.p);
    }
    assert_int_equal(subunit_attachment_read(a, a->size, buf, 1), 0);
}

static int on_test(void *ctx, const struct subunit_test *t)
{
    struct journal *j = ctx;

    if (j->check_bytes) {
        for (size_t i = 0; i < t->n_attachments; i++)
            check_contents(&t->attachments[i]);
        return ++j->tests == j->stop_after;
    }
    note(j, "\n%s %.*s%s", subunit_status_name(t->status), (int)t->id.n, t->id.p, t->ended ? "" : " unended");
    if (t->has_route_code)
        note(j, " route=%.*s", (int)t->route_code.n, t->route_code.p);
    if (t->has_start)
        note(j, " from %lld", (long long)t->start);
    if (t->has_stop)
        note(j, " to %lld", (long long)t->stop);
    for (size_t i = 0; i < t->n_tags; i++)
        note(j, " +%.*s", (int)t->tags[i].n, t->tags[i].p);
    for (size_t i = 0; i < t->n_attachments; i++) {
        const struct subunit_attachment *a = &t->attachments[i];
        char buf[100];
        assert_true(a->size < sizeof(buf));
        ptrdiff_t n = subunit_attachment_read(a, 0, buf, sizeof(buf));
        assert_int_equal(n, a->size);
        note(j, " %.*s(%.*s)=%.*s", (int)a->name.n, a->name.p, (int)a->mime.n,
             a->mime.p == NULL ? "" : a->mime.p, (int)n, buf);
    }
    return ++j->tests == j->stop_after;
}

static int on_stream_file(void *ctx, const struct subunit_event *e)
{
    note(ctx, "\nstream %.*s=%.*s", (int)e->file_name.n, e->file_name.p, (int)e->file.n, e->file.p);
    return 0;
}

static struct subunit_fold *new_fold(const struct subunit_fold_opts *opts, struct journal *j)
{
    struct subunit_fold_callbacks callbacks = {.test_done = on_test, .stream_file = on_stream_file};
    struct subunit_fold *f = subunit_fold_new(opts, &callbacks, j);

    assert_non_null(f);
    return f;
}

static struct subunit_event event(const char *id, enum subunit_status status, int64_t time)
{
    return (struct subunit_event){
        .has_id = true, .id = str(id), .status = status, .has_time = time >= 0, .time = time};
}

static void give(struct subunit_fold *f, struct subunit_event e)
{
    struct subunit_error err;

    if (!subunit_fold_event(f, &e, &err))
        fail_msg("%s", err.message);
}

static void give_file(struct subunit_fold *f, struct subunit_event e, const char *name, const char *bytes)
{
    e.has_file = true;
    e.file_name = str(name);
    e.file = str(bytes);
    give(f, e);
}

static void test_records(void **state)
{
    struct journal j = {.n = 0};
    struct subunit_fold *f = new_fold(NULL, &j);
    struct subunit_str tags[] = {{"x", 1}, {"y", 1}};

    (void)state;
    struct subunit_event e = event("a", SUBUNIT_INPROGRESS, 1);
    e.has_tags = true;
    e.tags = tags;
    e.n_tags = 2;
    give(f, e);
    e = event("a", SUBUNIT_INPROGRESS, 5);
    e.has_route_code = true;
    give(f, e); /* an empty route code is another key than none */
    assert_int_equal(subunit_fold_open_tests(f), 2);
    e = event("a", SUBUNIT_SUCCESS, -1);
    e.has_tags = true;
    e.tags = tags + 1;
    e.n_tags = 1;
    give(f, e);
    give(f, event("b", SUBUNIT_EXISTS, 7));
    e = event("c", SUBUNIT_INPROGRESS, -1);
    give(f, e);
    give(f, event("c", SUBUNIT_NONE, 8));
    e = event("c", SUBUNIT_FAIL, 9);
    e.has_tags = true;
    give(f, e);
    give_file(f, event("d", SUBUNIT_NONE, 3), "log", "1");
    give_file(f, event("", SUBUNIT_SKIP, 4), "reason", "2");
    struct subunit_event stray = {.has_file = true, .file_name = str("stdout"), .file = str("3")};
    give(f, stray);
    assert_true(subunit_fold_finish(f, NULL));
    assert_string_equal(j.text, "\nsuccess a from 1 +y"
                                "\nexists b from 7 to 7"
                                "\nfail c to 9"
                                "\nskip  from 4 to 4 reason()=2"
                                "\nstream stdout=3"
                                "\nunknown d unended from 3 log()=1"
                                "\ninprogress a unended route= from 5");
    subunit_fold_free(f);
}

static void test_attachments(void **state)
{
    struct journal j = {.n = 0};
    struct subunit_fold *f = new_fold(NULL, &j);
    struct subunit_event e = event("a", SUBUNIT_NONE, -1);

    (void)state;
    e.has_mime = true;
    e.mime = str("x/y");
    give_file(f, e, "log", "");
    give_file(f, e, "two", "22");
    give_file(f, e, "log", "1");
    e.mime = str("other");
    give_file(f, e, "log", "11");
    give_file(f, e, "empty", "");
    give_file(f, event("a", SUBUNIT_FAIL, -1), "two", "3");
    assert_string_equal(j.text, "\nfail a two(x/y)=223 log(x/y)=111");
    subunit_fold_free(f);
}

/* Version 1: a part that comes again replaces the earlier one in its place; a lost connection voids all. */
static void test_restarts(void **state)
{
    struct journal j = {.n = 0};
    struct subunit_fold *f = new_fold(NULL, &j);
    struct subunit_event e = event("a", SUBUNIT_NONE, -1);

    (void)state;
    e.file_restarts = true;
    give_file(f, e, "one", "");
    give_file(f, e, "two", "22");
    e.has_mime = true;
    e.mime = str("x/y");
    give_file(f, e, "one", "1");
    give_file(f, e, "two", "");
    give(f, event("a", SUBUNIT_FAIL, -1));
    e = event("b", SUBUNIT_NONE, -1);
    give_file(f, e, "one", "1");
    e.files_void = true;
    give_file(f, e, "traceback", "lost");
    give(f, event("b", SUBUNIT_FAIL, -1));
    assert_string_equal(j.text, "\nfail a one(x/y)=1\nfail b traceback()=lost");
    subunit_fold_free(f);
}

static void give_pattern(struct subunit_fold *f, const char *id, const char *name, uint64_t at, size_t n)
{
    char *bytes = malloc(n);
    struct subunit_event e = event(id, SUBUNIT_NONE, -1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)pattern(name[0], at + i);
    e.has_file = true;
    e.file_name = str(name);
    e.file = (struct subunit_str){bytes, n};
    give(f, e);
    free(bytes);
}

/* Files of many sizes, grown in turns, with tests that end in between so that blocks are used again. */
static void test_spill(void **state)
{
    struct subunit_fold_opts opts = {.attachment_memory = 5000, .attachment_memory_all = 20000};
    struct journal j = {.check_bytes = true};
    struct subunit_fold *f = new_fold(&opts, &j);
    uint64_t sizes[40] = {0};
    unsigned seed = 7;

    (void)state;
    for (int step = 0; step < 3000; step++) {
        char id[8], name[2];
        seed = seed * 1103515245u + 12345u;
        unsigned which = (seed >> 16) % 40;
        (void)snprintf(id, sizeof(id), "t%u", which / 4);
        name[0] = (char)('a' + which);
        name[1] = '\0';
        size_t n = 1 + (seed >> 8) % ((seed >> 20) % 7 == 0 ? 40000 : 900);
        give_pattern(f, id, name, sizes[which], n);
        sizes[which] += n;
        if (step % 50 == 49) {
            give(f, event(id, SUBUNIT_SUCCESS, -1));
            for (unsigned k = which / 4 * 4; k < which / 4 * 4 + 4; k++)
                sizes[k] = 0;
        }
    }
    assert_true(subunit_fold_finish(f, NULL));
    assert_true(j.tests >= 60);
    subunit_fold_free(f);
}

/* Bytes of the unlinked file that this process holds open in DIR. */
static int64_t spill_bytes(const char *dir)
{
    int64_t size = -1;

    for (int fd = 0; fd < 256; fd++) {
        char path[64], target[300];
        struct stat st;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        if (strncmp(target, dir, strlen(dir)) == 0 && target[strlen(dir)] == '/' && stat(path, &st) == 0)
            size = st.st_size;
    }
    return size;
}

/* The file is as large as what is open at one time, goes back to nothing, and leaves no name behind. */
static void test_spill_file(void **state)
{
    char dir[] = "/tmp/tally-fold-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct subunit_fold_opts opts = {.spill_dir = dir, .attachment_memory = 100, .max_spill_bytes = 1 << 20};
    struct journal j = {.check_bytes = true};
    struct subunit_fold *f = new_fold(&opts, &j);
    struct subunit_error err;

    (void)state;
    assert_int_equal(spill_bytes(dir), -1);
    for (int round = 0; round < 50; round++) {
        give_pattern(f, "stays", "s", (uint64_t)round * 1000, 1000);
        give_pattern(f, "goes", "g", 0, 300000);
        assert_true(spill_bytes(dir) < 500000);
        give(f, event("goes", SUBUNIT_SUCCESS, -1));
    }
    assert_true(spill_bytes(dir) > 0);
    give(f, event("stays", SUBUNIT_SUCCESS, -1));
    assert_int_equal(spill_bytes(dir), 0);
    give_pattern(f, "goes", "g", 0, 300000);
    struct subunit_event e = event("big", SUBUNIT_NONE, -1);
    static char bytes[1 << 20];
    e.has_file = true;
    e.offset = 77;
    e.file = (struct subunit_str){bytes, sizeof(bytes)};
    assert_false(subunit_fold_event(f, &e, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_LIMIT);
    assert_int_equal(err.offset, 77);
    subunit_fold_free(f);
    assert_int_equal(rmdir(dir), 0);
}

static void test_spill_fault(void **state)
{
    struct subunit_fold_opts opts = {.spill_dir = "/nowhere/at/all", .attachment_memory = 1};
    struct journal j = {.n = 0};
    struct subunit_fold *f = new_fold(&opts, &j);
    struct subunit_event e = event("a", SUBUNIT_NONE, -1);
    struct subunit_error err;

    (void)state;
    e.has_file = true;
    e.file = str("22");
    assert_false(subunit_fold_event(f, &e, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_IO);
    assert_int_equal(err.sys_errno, 2);
    assert_false(subunit_fold_event(f, &e, &err));
    subunit_fold_free(f);
}

static void test_many_files(void **state)
{
    struct journal j = {.check_bytes = true};
    struct subunit_fold_opts opts = {.limits = {.max_attachments = 3000}};
    struct subunit_fold *f = new_fold(&opts, &j);
    struct subunit_error err;
    char name[20];

    (void)state;
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 3000; i++) {
            (void)snprintf(name, sizeof(name), "%cfile-%d", 'a' + i % 26, i);
            give_pattern(f, "t", name, (uint64_t)turn * 3, 3);
        }
    struct subunit_event e = event("t", SUBUNIT_NONE, -1);
    e.has_file = true;
    e.file_name = str("one more");
    e.file = str("x");
    assert_false(subunit_fold_event(f, &e, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_LIMIT);
    subunit_fold_free(f);
}

static void test_many_tests(void **state)
{
    struct journal j = {.check_bytes = true};
    struct subunit_fold_opts opts = {.limits = {.max_open_tests = 5000}};
    struct subunit_fold *f = new_fold(&opts, &j);
    struct subunit_error err;
    char id[20];

    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 5000; i++) {
            (void)snprintf(id, sizeof(id), "test-%d", i);
            give(f, event(id, SUBUNIT_INPROGRESS, i));
        }
        assert_int_equal(subunit_fold_open_tests(f), 5000);
        for (int i = 0; i < 5000 && turn < 2; i++) {
            (void)snprintf(id, sizeof(id), "test-%d", i * 7 % 5000);
            give(f, event(id, SUBUNIT_SUCCESS, i));
        }
    }
    struct subunit_event e = event("another", SUBUNIT_INPROGRESS, 1);
    assert_false(subunit_fold_event(f, &e, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_LIMIT);
    assert_int_equal(j.tests, 10000);
    subunit_fold_free(f);
}

static void test_open_bytes(void **state)
{
    struct subunit_fold_opts opts = {.limits = {.max_open_bytes = 100000}};
    struct journal j = {.check_bytes = true};
    struct subunit_fold *f = new_fold(&opts, &j);
    struct subunit_error err = {.code = SUBUNIT_OK};
    char id[512];
    int i;

    (void)state;
    memset(id, 'x', 500);
    for (i = 0; i < 1000; i++) {
        (void)snprintf(id + 500, sizeof(id) - 500, "%d", i);
        struct subunit_event e = event(id, SUBUNIT_INPROGRESS, 1);
        if (!subunit_fold_event(f, &e, &err))
            break;
    }
    assert_int_equal(err.code, SUBUNIT_ERROR_LIMIT);
    assert_true(i > 50 && i < 200);
    subunit_fold_free(f);
}

static void test_stops(void **state)
{
    struct journal j = {.stop_after = 2};
    struct subunit_fold *f = new_fold(NULL, &j);
    struct subunit_error err;

    (void)state;
    give(f, event("a", SUBUNIT_INPROGRESS, 1));
    give(f, event("b", SUBUNIT_INPROGRESS, 1));
    give(f, event("c", SUBUNIT_INPROGRESS, 1));
    assert_false(subunit_fold_finish(f, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_STOPPED);
    assert_string_equal(j.text, "\ninprogress c unended from 1\ninprogress b unended from 1");
    subunit_fold_free(f);
    j = (struct journal){.stop_after = 0};
    struct subunit_fold_opts opts = {.discard_files = true};
    f = new_fold(&opts, &j);
    give_file(f, event("a", SUBUNIT_NONE, 1), "log", "x");
    give_file(f, event("a", SUBUNIT_FAIL, 1), "log", "x");
    give_file(f, event("b", SUBUNIT_FAIL, 1), "log", "x");
    assert_true(subunit_fold_finish(f, &err));
    assert_string_equal(j.text, "\nfail a from 1 to 1\nfail b from 1 to 1");
    struct subunit_event late = event("c", SUBUNIT_FAIL, 1);
    assert_false(subunit_fold_event(f, &late, &err));
    assert_int_equal(err.code, SUBUNIT_ERROR_USE);
    subunit_fold_free(f);
    subunit_fold_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),    cmocka_unit_test(test_attachments),
        cmocka_unit_test(test_restarts),   cmocka_unit_test(test_spill),
        cmocka_unit_test(test_spill_file), cmocka_unit_test(test_spill_fault),
        cmocka_unit_test(test_many_files), cmocka_unit_test(test_many_tests),
        cmocka_unit_test(test_open_bytes), cmocka_unit_test(test_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
