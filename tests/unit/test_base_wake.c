#include "config.h"
#include "base/wake.h"
#include "base/conf_options.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/tally-wake-XXXXXX";
static struct conf *conf;

static struct conf *conf_with(const char *socket_path)
{
    struct buf mistakes;
    char text[512];
    int n = snprintf(text, sizeof(text), "[worker]\nwake_socket = %s\n", socket_path);

    buf_init(&mistakes, 4096);
    struct conf *c = conf_parse("test", (struct str){text, (size_t)n}, &mistakes);
    assert_int_equal(mistakes.n, 0);
    buf_free(&mistakes);
    return c;
}

static const char *path_of(const char *suffix)
{
    static char path[100];

    snprintf(path, sizeof(path), "%s/w.sock%s", folder, suffix);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    conf = conf_with(path_of(""));
    return conf ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    conf_unref(conf);
    return rmdir(folder); /* everything was removed */
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, ms) == 1;
}

static void wakes(void **state)
{
    struct wake *w = wake_listen(conf, NULL);
    char name[32];
    struct stat st;

    (void)state;
    assert_non_null(w);
    assert_false(readable(wake_fd(w), 0));
    assert_false(wake_drain(w));
    snprintf(name, sizeof(name), ".%ld", (long)getpid());
    assert_int_equal(lstat(path_of(name), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    wake_send(conf);
    assert_true(readable(wake_fd(w), 1000));
    /* A full socket neither blocks nor fails. */
    for (int i = 0; i < 5000; i++)
        wake_send(conf);
    assert_true(wake_drain(w));
    assert_false(readable(wake_fd(w), 0));
    wake_free(w);
    assert_int_equal(lstat(path_of(name), &st), -1);
    wake_free(NULL);
    assert_int_equal(wake_fd(NULL), -1);
}

/* A worker that was killed: its socket stays, and nobody holds it. */
static void leave_socket(const char *suffix)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path_of(suffix));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
}

static void stale_sockets_go(void **state)
{
    struct wake *w;

    (void)state;
    leave_socket(".999999999");
    leave_socket(".x1"); /* no worker's name: never touched */
    wake_send(conf);
    assert_int_equal(access(path_of(".999999999"), F_OK), 0);
    w = wake_listen(conf, NULL);
    assert_non_null(w);
    assert_int_equal(access(path_of(".999999999"), F_OK), -1);
    assert_int_equal(access(path_of(".x1"), F_OK), 0);
    wake_send(conf);
    assert_true(readable(wake_fd(w), 1000));
    wake_free(w);
    unlink(path_of(".x1"));
}

/* Each worker of the host is woken; one that starts does not take another's socket away. */
static void several_workers(void **state)
{
    int ready[2], status;
    char c;

    (void)state;
    struct wake *mine = wake_listen(conf, NULL);
    assert_non_null(mine);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct wake *w = wake_listen(conf, NULL);

        if (!w || write(ready[1], "r", 1) != 1)
            _exit(1);
        bool ok = readable(wake_fd(w), 10000);
        wake_free(w);
        _exit(ok ? 0 : 2);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    wake_drain(mine);
    wake_send(conf);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(readable(wake_fd(mine), 1000));
    wake_free(mine);
    close(ready[0]);
    close(ready[1]);
}

static void without_socket(void **state)
{
    struct conf *none = conf_with("");
    struct wake *w = wake_listen(none, NULL);

    (void)state;
    assert_non_null(w);
    assert_int_equal(wake_fd(w), -1);
    assert_false(wake_drain(w));
    wake_send(none);
    wake_free(w);
    conf_unref(none);
}

static void cannot_listen(void **state)
{
    char longer[200];
    struct conf *c;
    struct error err;

    (void)state;
    memset(longer, 'a', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    c = conf_with(longer);
    assert_null(wake_listen(c, &err));
    assert_int_equal(err.code, ENAMETOOLONG);
    wake_send(c);
    conf_unref(c);
    c = conf_with("/nonexistent/folder/w.sock");
    assert_null(wake_listen(c, &err));
    assert_int_equal(err.code, ENOENT);
    wake_send(c);
    conf_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes),           cmocka_unit_test(stale_sockets_go),
        cmocka_unit_test(several_workers), cmocka_unit_test(without_socket),
        cmocka_unit_test(cannot_listen),
    };

    return cmocka_run_group_tests_name("base/wake", tests, set_up, tear_down);
}
