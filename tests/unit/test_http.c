/* The HTTP client against a server of this test's, which can do what no real one does. */
#include "config.h"
#include "base/http.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One thread a connection; what it answers is chosen by the path. */
static int listening;
static unsigned port;
static atomic_int connections;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[20000]; /* the last request, as it came */

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return;
}

static bool answer(int fd, const char *request, const int *answered)
{
    if (strncmp(request, "GET /slow ", 10) == 0) {
        usleep(600000);
        return false;
    }
    if (strncmp(request, "GET /once ", 10) == 0 || strncmp(request, "POST /once ", 11) == 0) {
        if (*answered)
            return false; /* as a server that closes an idle connection while a request is on its way */
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    if (strncmp(request, "GET /bye ", 9) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return false;
    }
    if (strncmp(request, "GET /drip ", 10) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for (int i = 0; i < 20; i++, usleep(50000))
            say(fd, "x");
        return false;
    }
    if (strncmp(request, "GET /cut ", 9) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
        return false;
    }
    if (strncmp(request, "GET /silent ", 12) == 0)
        return false;
    if (strncmp(request, "GET /junk ", 10) == 0) {
        say(fd, "no HTTP at all\r\n\r\n");
        return false;
    }
    if (strncmp(request, "GET /big ", 9) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
        for (int i = 0; i < 50; i++)
            say(fd, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
                    "890123456789");
        return true;
    }
    if (strncmp(request, "GET /headers ", 13) == 0) {
        say(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 2000; i++)
            say(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n");
        say(fd, "Content-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(request, "GET /moved ", 11) == 0)
        say(fd, "HTTP/1.1 302 Found\r\nLocation: /here\r\nContent-Length: 0\r\n\r\n");
    else if (strncmp(request, "GET /missing ", 13) == 0)
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
    else
        say(fd, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
                "HTTP/1.1 201 Created\r\nX-Subject-Token:  abc \r\nX-Twice: 1\r\nx-twice: 2\r\n"
                "Content-Length: 5\r\n\r\nhello");
    return true;
}

/* Reads one request, its body included; false at the end. */
static bool read_request(int fd, char *p, size_t size)
{
    size_t n = 0, need = 0;
    char *end = NULL, *length;

    for (;;) {
        ssize_t got = recv(fd, p + n, size - 1 - n, 0);

        if (got <= 0)
            return false;
        n += (size_t)got;
        p[n] = '\0';
        end = end ? end : strstr(p, "\r\n\r\n");
        if (end && !need) {
            length = strstr(p, "Content-Length: ");
            need = (size_t)(end - p) + 4 + (length ? strtoul(length + 16, NULL, 10) : 0);
        }
        if (need && n >= need)
            return true;
    }
}

static void *serve_one(void *arg)
{
    static _Thread_local char request[20000];
    int fd = (int)(intptr_t)arg;
    int answered = 0;

    atomic_fetch_add(&connections, 1);
    while (read_request(fd, request, sizeof(request))) {
        pthread_mutex_lock(&seen_lock);
        memcpy(seen, request, sizeof(seen));
        pthread_mutex_unlock(&seen_lock);
        if (!answer(fd, request, &answered))
            break;
        answered++;
    }
    close(fd);
    return NULL;
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        pthread_t thread;

        if (fd < 0)
            return NULL;
        if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) != 0)
            abort();
        pthread_detach(thread);
    }
}

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    pthread_t thread;

    (void)state;
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listening, (struct sockaddr *)&a, size) != 0 || listen(listening, 64) != 0 ||
        getsockname(listening, (struct sockaddr *)&a, &size) != 0)
        return -1;
    port = ntohs(a.sin_port);
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        return -1;
    pthread_detach(thread);
    /* none of these may count */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    return 0;
}

static struct http *client(void)
{
    struct http *http = http_new(&(struct http_options){.timeout_ms = 200, .max_response = 4096}, NULL);

    assert_non_null(http);
    return http;
}

static bool ask(struct http *http, const char *method, const char *path, struct arena *arena,
                struct http_response *out, struct error *err)
{
    struct http_request request = {.method = method,
                                   .url = arena_printf(arena, "http://127.0.0.1:%u%s", port, path)};

    return http_exchange(http, &request, arena, out, err);
}

static enum error_kind kind(struct http *http, const char *path)
{
    struct arena *arena = arena_new(0);
    struct http_response out;
    struct error err = {0};
    enum error_kind got = ask(http, "GET", path, arena, &out, &err) ? ERROR_NONE : err.kind;

    assert_true(got == ERROR_NONE || *err.message);
    assert_null(strstr(err.message, path));
    arena_free(arena);
    return got;
}

static void a_reply_is_read_whole(void **state)
{
    struct http *http = client();
    struct arena *arena = arena_new(0);
    struct http_response out;

    (void)state;
    assert_true(ask(http, "GET", "/missing", arena, &out, NULL));
    assert_int_equal(out.status, 404);
    assert_true(str_eq(out.body, STR("gone")));
    assert_true(ask(http, "GET", "/moved", arena, &out, NULL)); /* and not followed */
    assert_int_equal(out.status, 302);
    assert_true(str_eq(http_response_header(&out, "location"), STR("/here")));
    assert_int_equal(out.body.n, 0);
    http_free(http);
    arena_free(arena);
}

static void a_request_is_sent_whole(void **state)
{
    struct http *http = client();
    struct arena *arena = arena_new(0);
    const struct http_header headers[] = {{"X-Auth-Token", STR("secret")}, {"X-Empty", STR("")}};
    struct http_request request = {.method = "POST",
                                   .url = arena_printf(arena, "http://127.0.0.1:%u/here?a=1", port),
                                   .headers = headers,
                                   .n_headers = 2,
                                   .body = STR("{\"body\": 1}")};
    struct http_response out;

    (void)state;
    assert_true(http_exchange(http, &request, arena, &out, NULL));
    assert_int_equal(out.status, 201);
    pthread_mutex_lock(&seen_lock);
    assert_non_null(strstr(seen, "POST /here?a=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "\r\nX-Auth-Token: secret\r\n"));
    assert_non_null(strstr(seen, "\r\nX-Empty:"));
    assert_null(strstr(seen, "Expect:"));
    assert_non_null(strstr(seen, "\r\n\r\n{\"body\": 1}"));
    pthread_mutex_unlock(&seen_lock);
    /* headers of the last block only; the last of two */
    assert_null(http_response_header(&out, "X-Early").p);
    assert_true(str_eq(http_response_header(&out, "x-subject-TOKEN"), STR("abc")));
    assert_true(str_eq(http_response_header(&out, "X-Twice"), STR("2")));
    http_free(http);
    arena_free(arena);
}

static void faults_have_their_kinds(void **state)
{
    struct http *http = client();
    unsigned there = port;

    (void)state;
    assert_int_equal(kind(http, "/missing"), ERROR_NONE);
    assert_int_equal(kind(http, "/slow"), ERROR_TIMEOUT);
    assert_int_equal(kind(http, "/drip"), ERROR_TIMEOUT);
    assert_int_equal(kind(http, "/cut"), ERROR_UNAVAILABLE);
    assert_int_equal(kind(http, "/silent"), ERROR_UNAVAILABLE);
    assert_int_equal(kind(http, "/junk"), ERROR_UNAVAILABLE);
    assert_int_equal(kind(http, "/big"), ERROR_TOO_LARGE);
    assert_int_equal(kind(http, "/headers"), ERROR_TOO_LARGE);
    port = 1;
    assert_int_equal(kind(http, "/missing"), ERROR_UNAVAILABLE);
    port = there;
    assert_int_equal(kind(http, "/missing"), ERROR_NONE);
    http_free(http);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static const struct http_header bad[] = {
        {"X-A", STR("a\r\nX-B: b")}, {"X-A", STR("a\nb")}, {"X-A", STR("a\0b")}, {"X-A\r\nX-B", STR("b")},
        {"X A", STR("b")},           {"", STR("b")},       {"X-A:", STR("b")},
    };
    struct http *http = client();
    struct arena *arena = arena_new(0);
    struct http_request request = {.method = "GET", .n_headers = 1};
    struct http_response out;
    struct error err;

    (void)state;
    request.url = arena_printf(arena, "http://127.0.0.1:%u/", port);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        request.headers = &bad[i];
        assert_false(http_exchange(http, &request, arena, &out, &err));
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    }
    request.n_headers = 0;
    request.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET";
    assert_false(http_exchange(http, &request, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    request.method = "GET";
    request.url = "file:///etc/passwd";
    assert_false(http_exchange(http, &request, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    request.url = "no url";
    assert_false(http_exchange(http, &request, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    http_free(http);
    arena_free(arena);
    assert_null(http_new(&(struct http_options){.cafile = "/nonexistent/ca.pem", .timeout_ms = 1}, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
}

static void connections_are_used_again(void **state)
{
    struct http *http = client();
    int before = connections;

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(kind(http, "/missing"), ERROR_NONE);
    assert_int_equal(connections - before, 1);
    http_free(http);
}

/* A kept connection may end at any time: that is nobody's error. */
static void a_connection_that_ended_is_made_anew(void **state)
{
    struct http *http = client();
    struct arena *arena = arena_new(0);
    struct http_response out;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(kind(http, "/once"), ERROR_NONE);
        assert_int_equal(kind(http, "/bye"), ERROR_NONE);
        assert_true(ask(http, "POST", "/once", arena, &out, NULL));
    }
    http_free(http);
    arena_free(arena);
}

static void *ask_much(void *http)
{
    for (int i = 0; i < 50; i++)
        assert_int_equal(kind(http, i % 2 ? "/missing" : "/moved"), ERROR_NONE);
    return NULL;
}

static void threads_share_a_client(void **state)
{
    struct http *http = client();
    pthread_t thread[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_much, http), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    http_free(http);
}

static void one_exchange_may_be_shorter(void **state)
{
    struct http *http = http_new(&(struct http_options){.timeout_ms = 60000, .max_response = 100}, NULL);
    struct arena *arena = arena_new(0);
    struct http_request request = {.method = "GET", .timeout_ms = 50};
    struct http_response out;
    struct error err;

    (void)state;
    request.url = arena_printf(arena, "http://127.0.0.1:%u/slow", port);
    assert_false(http_exchange(http, &request, arena, &out, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    http_free(http);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_read_whole),      cmocka_unit_test(a_request_is_sent_whole),
        cmocka_unit_test(faults_have_their_kinds),    cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(connections_are_used_again), cmocka_unit_test(a_connection_that_ended_is_made_anew),
        cmocka_unit_test(threads_share_a_client),     cmocka_unit_test(one_exchange_may_be_shorter),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
