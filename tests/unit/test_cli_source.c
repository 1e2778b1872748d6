/* What an upload reads: files, shards, pipes; and reading them again. */
#include "config.h"
#include "cli/source.h"
#include "base/buf.h"
#include "tests/unit/arena.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;
static char folder[] = "/tmp/test_cli_source.XXXXXX";

static void put(const char *name, const char *text, size_t n)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

/* All of it, in pieces of SIZE. */
static struct str all(struct source *s, size_t size)
{
    static char out[4096];
    size_t n = 0, got = 1;

    while (got > 0) {
        assert_true(n + size <= sizeof(out));
        assert_true(source_read(s, out + n, size, &got, &err));
        n += got;
    }
    return (struct str){out, n};
}

static void test_file(void **state)
{
    const char *files[] = {"one"};
    struct source *s;

    (void)state;
    put("one", "content", 7);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(source_size(s), 7);
    assert_null(source_encoding(s));
    assert_string_equal(source_content_type(s), "application/x-subunit");
    assert_true(str_eq(all(s, 3), STR("content")));
    assert_true(source_rewind(s));
    assert_true(str_eq(all(s, 100), STR("content")));
}

static void test_empty_and_compressed(void **state)
{
    const char *files[] = {"one"};
    struct source *s;

    (void)state;
    put("one", "", 0);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(all(s, 10).n, 0);
    put("one", "\x1f\x8b...", 5);
    assert_string_equal(source_encoding(source_open(arena, files, 1, &err)), "gzip");
    put("one", "\x28\xb5\x2f\xfd", 4);
    assert_string_equal(source_encoding(source_open(arena, files, 1, &err)), "zstd");
    put("one", "\x1f", 1);
    assert_null(source_encoding(source_open(arena, files, 1, &err)));
}

static const char *type_of(const char *text)
{
    const char *files[] = {"one"};

    put("one", text, strlen(text));
    return source_content_type(source_open(arena, files, 1, &err));
}

static void test_kinds(void **state)
{
    static const char *const xml[] = {"<?xml version=\"1.0\"?><testsuites/>", "\xef\xbb\xbf \n<testsuite/>",
                                      "<!-- a --><testsuite/>", "\xff\xfe<"},
                             *const other[] = {"", "<", "test: <?xml", "\xb3<?xml", "<html>", "\xef\xbb\xbf"};
    const char *shards[] = {"one", "two"};
    struct str whole;

    (void)state;
    for (size_t i = 0; i < sizeof(xml) / sizeof(xml[0]); i++)
        assert_string_equal(type_of(xml[i]), "application/xml");
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_string_equal(type_of(other[i]), "application/x-subunit");
    put("one", "<testsuite/>", 12);
    put("two", "stream", 6);
    whole = all(source_open(arena, shards, 2, &err), 1000);
    assert_non_null(
        memmem(whole.p, whole.n, "\"0.xml\"\r\nContent-Type: application/xml\r\n\r\n<testsuite/>", 54));
    assert_non_null(memmem(whole.p, whole.n, "application/octet-stream\r\n\r\nstream", 34));
}

static void test_shards(void **state)
{
    const char *files[] = {"one", "two"};
    struct source *s;
    struct str whole;

    (void)state;
    put("one", "first", 5);
    put("two", "", 0);
    assert_non_null(s = source_open(arena, files, 2, &err));
    whole = all(s, 7);
    assert_int_equal(source_size(s), whole.n);
    const char *boundary = strchr(source_content_type(s), '=') + 1;
    char want[1024];
    snprintf(want, sizeof(want),
             "--%s\r\nContent-Disposition: form-data; name=\"subunit_data\"; filename=\"0.subunit\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\nfirst\r\n"
             "--%s\r\nContent-Disposition: form-data; name=\"subunit_data\"; filename=\"1.subunit\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n\r\n--%s--\r\n",
             boundary, boundary, boundary);
    assert_true(str_eq_cstr(whole, want));
    assert_true(source_rewind(s));
    assert_true(str_eq_cstr(all(s, 1000), want));
    put("two", "\x1f\x8b", 2);
    assert_null(source_open(arena, files, 2, &err));
}

/* Feeds a pipe from a child. */
static int pipe_of(size_t n)
{
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    if (fork() == 0) {
        static const char block[1000];

        close(fd[0]);
        for (; n > 0; n -= n < 1000 ? n : 1000)
            if (write(fd[1], block, n < 1000 ? n : 1000) < 0)
                break;
        _exit(0);
    }
    close(fd[1]);
    return fd[0];
}

static size_t drain(struct source *s)
{
    static char block[65536];
    size_t n = 0, got = 1;

    for (; got > 0; n += got)
        assert_true(source_read(s, block, sizeof(block), &got, &err));
    return n;
}

/* The beginning of what cannot be read again is kept: in the middle, at the end, and no longer beyond the
 * limit. */
static void test_pipe(void **state)
{
    const char *files[] = {"-"};
    int saved = dup(STDIN_FILENO);
    struct source *s;
    char block[1000];
    size_t got;

    (void)state;
    dup2(pipe_of(5000), STDIN_FILENO);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(source_size(s), 5000);
    assert_true(source_rewind(s));
    assert_true(source_read(s, block, sizeof(block), &got, &err) && got > 0);
    assert_true(source_rewind(s));
    assert_int_equal(drain(s), 5000);
    assert_true(source_rewind(s));
    assert_int_equal(drain(s), 5000);
    dup2(pipe_of(SOURCE_KEPT + 1), STDIN_FILENO);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(source_size(s), -1);
    assert_true(source_read(s, block, sizeof(block), &got, &err) && got > 0);
    assert_true(source_rewind(s));
    assert_int_equal(drain(s), SOURCE_KEPT + 1);
    assert_false(source_rewind(s));
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void test_standard_input_from_a_file(void **state)
{
    const char *files[] = {"-"};
    int saved = dup(STDIN_FILENO);
    struct source *s;

    (void)state;
    put("one", "content", 7);
    dup2(open("one", O_RDONLY), STDIN_FILENO);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(source_size(s), 7);
    assert_true(str_eq(all(s, 100), STR("content")));
    dup2(saved, STDIN_FILENO);
    close(saved);
}

static void test_a_file_that_shrinks(void **state)
{
    const char *files[] = {"one"};
    struct source *s;
    char block[100];
    size_t got;

    (void)state;
    put("one", "content", 7);
    assert_non_null(s = source_open(arena, files, 1, &err));
    assert_int_equal(truncate("one", 3), 0);
    assert_true(source_read(s, block, sizeof(block), &got, &err) && got == 3);
    assert_false(source_read(s, block, sizeof(block), &got, &err));
    assert_non_null(strstr(err.message, "shorter"));
}

static void test_what_cannot_be_opened(void **state)
{
    const char *nowhere[] = {"nowhere"}, *directory[] = {"/"}, *beside[] = {"one", "-"};

    (void)state;
    put("one", "x", 1);
    assert_null(source_open(arena, nowhere, 1, &err));
    assert_non_null(strstr(err.message, "nowhere: No such file"));
    assert_null(source_open(arena, directory, 1, &err));
    assert_null(source_open(arena, beside, 2, &err));
    assert_non_null(strstr(err.message, "alone"));
}

static int set_up(void **state)
{
    arena_set_up(state);
    return chdir(folder);
}

static int tear_down(void **state)
{
    unlink("one");
    unlink("two");
    return arena_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_and_compressed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_standard_input_from_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_shrinks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, set_up, tear_down),
    };

    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
