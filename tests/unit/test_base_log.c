#include "config.h"
#include "base/log.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_base_log.XXXXXX";
static char path[100];
static struct buf text;

static void open_log(bool json, enum log_level level)
{
    const struct log_options o = {level, LOG_TO_FILE, path, json, "prog"};
    struct error err;

    unlink(path);
    if (!log_open(&o, &err))
        fail_msg("%s", err.message);
}

/* What the file holds now. */
static const char *content(void)
{
    FILE *f = fopen(path, "r");
    size_t got;

    assert_non_null(f);
    buf_clear(&text);
    while ((got = fread(buf_room(&text, 65536), 1, 65536, f)) > 0)
        buf_grow(&text, got);
    buf_add_cstr(&text, "");
    fclose(f);
    return text.p;
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    buf_init(&text, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    const struct log_options o = {LOG_LEVEL_INFO, LOG_TO_STDERR, NULL, false, NULL};

    (void)state;
    log_open(&o, NULL);
    unlink(path);
    rmdir(folder);
    buf_free(&text);
    return 0;
}

static void plain_lines(void **state)
{
    char want[100];
    struct stat st;

    (void)state;
    open_log(false, LOG_LEVEL_INFO);
    log_debug("not shown");
    log_info("one %d", 1);
    log_set_request_id("req-1");
    log_error("two\nforged \x1b[0m\xff caf\xc3\xa9 \xc2\x9b");
    log_set_request_id(NULL);
    log_warning("caf\xc3\xa9");
    snprintf(want, sizeof(want), " %d info one 1\n", (int)getpid());
    assert_non_null(strstr(content(), want));
    assert_non_null(strstr(text.p, " error [req-1] two\\x0aforged \\x1b[0m\\xff caf\xc3\xa9 \\u009b\n"));
    assert_non_null(strstr(text.p, " warning caf\xc3\xa9\n"));
    assert_null(strstr(text.p, "not shown"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0);
}

/* Every line is a JSON object; *N of them. */
static void all_json(size_t *n)
{
    struct str line, rest;

    *n = 0;
    content();
    for (rest = buf_str(&text); rest.n; (*n)++) {
        struct arena *a = arena_new(0);
        struct error err;

        assert_true(str_cut(rest, '\n', &line, &rest));
        if (!json_parse_object(a, line, NULL, &err))
            fail_msg("%s: %.*s", err.message, STR_ARG(line));
        arena_free(a);
    }
}

static void json_lines(void **state)
{
    const struct log_access access = {"GET", "/v1/\"x\"\n", 200, 1, 2, 3, "u", NULL, "::1"};
    size_t n;

    (void)state;
    open_log(true, LOG_LEVEL_DEBUG);
    log_set_request_id("req-2");
    log_debug("a \"b\" \\ \t \xff");
    log_request(&access);
    log_set_request_id(NULL);
    all_json(&n);
    assert_int_equal(n, 2);
    assert_non_null(strstr(text.p,
                           "\"program\":\"prog\",\"request_id\":\"req-2\",\"message\":\"a \\\"b\\\" \\\\ "
                           "\\u0009 \\u00ff\"}\n"));
    assert_non_null(
        strstr(text.p, "\"method\":\"GET\",\"path\":\"/v1/\\\"x\\\"\\u000a\",\"status\":200,\"bytes_in\":1,"
                       "\"bytes_out\":2,\"micros\":3,\"user\":\"u\",\"remote\":\"::1\"}\n"));
    assert_null(strstr(text.p, "project"));
}

static void access_lines(void **state)
{
    const struct log_access access = {"PUT", "/a 200 user=b\r\nx", 413, 10, 20, 30, "u v", "p", NULL};
    const struct log_access empty = {0};

    (void)state;
    open_log(false, LOG_LEVEL_INFO);
    log_request(&access);
    log_request(&empty);
    assert_non_null(strstr(content(), " info PUT /a\\x20200\\x20user=b\\x0d\\x0ax 413 10B 20B 30us"
                                      " user=u\\x20v project=p\n"));
    assert_non_null(strstr(text.p, " info - - 0 0B 0B 0us\n"));
    open_log(false, LOG_LEVEL_WARNING);
    log_request(&access);
    assert_string_equal(content(), "");
}

/* However long, and however much of it must be escaped, a line is whole and ends. */
static void long_lines(void **state)
{
    static char nasty[20000];
    const struct log_access access = {"GET", nasty, 200, 0, 0, 0, nasty, nasty, nasty};
    struct str line, rest;
    size_t n;

    (void)state;
    for (int k = 0; k < 3; k++) {
        memset(nasty, k == 0 ? '\x01' : k == 1 ? '\xff' : 'x', sizeof(nasty) - 1);
        if (k == 2)
            for (size_t i = 0; i + 2 < sizeof(nasty); i += 2)
                memcpy(nasty + i, "\xc3\xa9", 2);
        for (int json = 0; json < 2; json++) {
            open_log(json, LOG_LEVEL_INFO);
            log_info("%s", nasty);
            log_request(&access);
            log_info("short");
            content();
            if (json) {
                all_json(&n);
                assert_int_equal(n, 3);
            }
            n = 0;
            for (rest = buf_str(&text); rest.n; n++) {
                assert_true(str_cut(rest, '\n', &line, &rest));
                assert_true(line.n < 10000);
                assert_true(str_is_utf8(line));
            }
            assert_int_equal(n, 3);
        }
    }
}

static void *writer(void *arg)
{
    log_set_request_id(arg);
    for (int i = 0; i < 500; i++)
        log_info("line %d of %s", i, (const char *)arg);
    return NULL;
}

static void threads(void **state)
{
    static char ids[4][8] = {"req-a", "req-b", "req-c", "req-d"};
    pthread_t t[4];
    struct str line, rest;
    size_t n = 0;

    (void)state;
    open_log(false, LOG_LEVEL_INFO);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, writer, ids[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    content();
    for (rest = buf_str(&text); rest.n; n++) {
        char own[20];
        const char *open;

        assert_true(str_cut(rest, '\n', &line, &rest));
        open = memchr(line.p, '[', line.n);
        assert_non_null(open);
        snprintf(own, sizeof(own), "of %.5s", open + 1);
        assert_true(str_ends(line, str_of(own)));
    }
    assert_int_equal(n, 2000);
}

static void files_that_cannot_be(void **state)
{
    struct log_options o = {LOG_LEVEL_INFO, LOG_TO_FILE, "/nonexistent/log", false, NULL};
    struct error err;
    char link_path[120];

    (void)state;
    open_log(false, LOG_LEVEL_INFO);
    assert_false(log_open(&o, &err));
    assert_string_equal(err.message, "log file /nonexistent/log: No such file or directory");
    snprintf(link_path, sizeof(link_path), "%s/link", folder);
    assert_int_equal(symlink(path, link_path), 0);
    o.file = link_path;
    assert_false(log_open(&o, &err));
    unlink(link_path);
    /* The old one goes on. */
    log_info("still here");
    assert_non_null(strstr(content(), "still here"));
}

/* After rotation it is opened anew. */
static void rotation(void **state)
{
    char old[120];

    (void)state;
    open_log(false, LOG_LEVEL_INFO);
    log_info("before");
    snprintf(old, sizeof(old), "%s.1", path);
    assert_int_equal(rename(path, old), 0);
    log_info("between");
    open_log(false, LOG_LEVEL_INFO);
    log_info("after");
    assert_non_null(strstr(content(), "after"));
    assert_null(strstr(text.p, "between"));
    unlink(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines), cmocka_unit_test(json_lines), cmocka_unit_test(access_lines),
        cmocka_unit_test(long_lines),  cmocka_unit_test(threads),    cmocka_unit_test(files_that_cannot_be),
        cmocka_unit_test(rotation),
    };

    return cmocka_run_group_tests_name("base/log", tests, setup, teardown);
}
