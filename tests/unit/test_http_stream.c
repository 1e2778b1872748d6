/* Streams over HTTP against a server of this test's: both directions, early answers, stalls, addresses. */
#include "config.h"
#include "base/clock.h"
#include "base/http_stream.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 3 << 20, BLOCK = 100001 };

static int listening;
static unsigned port;
static atomic_int connections;
static struct http_streams *streams;
static struct arena *arena;
static struct error err;

/* --- the server: a thread a connection; the path says what it does ------------------------------------ */

static char byte_at(size_t i)
{
    return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static bool say(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool say_text(int fd, const char *text)
{
    return say(fd, text, strlen(text));
}

static void say_bytes(int fd, size_t n)
{
    char block[4096];

    for (size_t i = 0; i < n; i += sizeof(block)) {
        size_t k = n - i < sizeof(block) ? n - i : sizeof(block);

        for (size_t j = 0; j < k; j++)
            block[j] = byte_at(i + j);
        if (!say(fd, block, k))
            return;
    }
}

/* Reads a line of a head or of a chunk. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t n = 0;

    while (n + 1 < size && recv(fd, line + n, 1, 0) == 1)
        if (line[n++] == '\n') {
            line[n] = '\0';
            return true;
        }
    return false;
}

static bool read_bytes(int fd, size_t n, size_t *at, bool *good)
{
    char block[4096];

    while (n > 0) {
        ssize_t k = recv(fd, block, n < sizeof(block) ? n : sizeof(block), 0);

        if (k <= 0)
            return false;
        for (ssize_t i = 0; i < k; i++)
            *good = *good && block[i] == byte_at(*at + (size_t)i);
        *at += (size_t)k;
        n -= (size_t)k;
    }
    return true;
}

static bool take_body(int fd, size_t length, bool chunked, size_t *n, bool *good)
{
    char line[256];

    if (!chunked)
        return read_bytes(fd, length, n, good);
    while (read_line(fd, line, sizeof(line))) {
        size_t k = strtoul(line, NULL, 16);

        if (!read_bytes(fd, k, n, good) || !read_line(fd, line, sizeof(line)))
            return false;
        if (k == 0)
            return true;
    }
    return false;
}

static bool answer(int fd, const char *path, size_t length, bool chunked, bool expect)
{
    char text[128];
    size_t n = 0;
    bool good = true;

    if (strcmp(path, "/refuse") == 0) {
        say_text(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
        return false;
    }
    if (strcmp(path, "/die") == 0)
        return read_bytes(fd, 200000, &n, &good) && false;
    if (expect && !say_text(fd, "HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
    if ((length || chunked) && !take_body(fd, length, chunked, &n, &good))
        return false;
    if (strcmp(path, "/get") == 0) {
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Note: yes\r\n\r\n", SIZE);
        say_text(fd, text);
        say_bytes(fd, SIZE);
    } else if (strcmp(path, "/cut") == 0) {
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 200001\r\n\r\n");
        say_bytes(fd, 200000);
        return false;
    } else if (strcmp(path, "/stall") == 0) {
        say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 200001\r\n\r\n");
        say_bytes(fd, 1000);
        recv(fd, text, 1, 0); /* until the client goes */
        return false;
    } else {
        snprintf(text, sizeof(text), "%zu %s", n, good ? "good" : "bad");
        char head[256];
        snprintf(head, sizeof(head), "HTTP/1.1 201 Created\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
                 text);
        say_text(fd, head);
    }
    return true;
}

static void *serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char line[4096], path[64] = "";
    size_t length = 0;
    bool chunked = false, expect = false, more = true;

    atomic_fetch_add(&connections, 1);
    while (more && read_line(fd, line, sizeof(line))) {
        if (!*path)
            sscanf(line, "%*s %63s", path);
        else if (strncasecmp(line, "Content-Length:", 15) == 0)
            length = strtoul(line + 15, NULL, 10);
        chunked = chunked || strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0;
        expect = expect || strncasecmp(line, "Expect: 100", 11) == 0;
        if (strcmp(line, "\r\n") == 0) {
            more = answer(fd, path, length, chunked, expect);
            *path = '\0';
            length = 0;
            chunked = expect = false;
        }
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
        pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd);
        pthread_detach(thread);
    }
}

static int start_server(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct http_options options = {.connect_timeout_ms = 2000};
    socklen_t n = sizeof(a);
    pthread_t thread;

    (void)state;
    listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listening, 16), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&a, &n), 0);
    port = ntohs(a.sin_port);
    pthread_create(&thread, NULL, serve, NULL);
    pthread_detach(thread);
    arena = arena_new(0);
    streams = http_streams_new(&options, &err);
    return streams ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    http_streams_free(streams);
    arena_free(arena);
    return 0;
}

/* --- the client ---------------------------------------------------------------------------------------- */

static struct http_stream_request request(const char *method, const char *path)
{
    return (struct http_stream_request){
        .http = {.method = method, .url = arena_printf(arena, "http://127.0.0.1:%u%s", port, path)},
        .size = -1,
        .stall_timeout_ms = 5000};
}

static void a_body_is_read_in_any_pieces(void **state)
{
    static const size_t sizes[] = {1 << 20, BLOCK, 4096, 8 << 20};
    char *p = malloc(8 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct http_stream_request r = request("GET", "/get");
        struct http_stream *s = http_stream_open(streams, &r, arena, &err);
        struct http_response reply;
        size_t n = 0, got = 1;

        assert_true(http_stream_head(s, &reply, &err));
        assert_int_equal(reply.status, 200);
        assert_true(str_eq(http_response_header(&reply, "x-note"), STR("yes")));
        while (got) {
            assert_true(http_stream_read(s, p, sizes[i], &got, &err));
            for (size_t k = 0; k < got; k++)
                if (p[k] != byte_at(n + k))
                    fail_msg("byte %zu", n + k);
            n += got;
        }
        assert_int_equal(n, SIZE);
        http_stream_close(s);
    }
    assert_int_equal(atomic_load(&connections), 1); /* one was enough */
    free(p);
}

static struct http_stream *put(const char *path, int64_t size, size_t n, bool *sent)
{
    struct http_stream_request r = request("PUT", path);
    char *p = malloc(n + 1);
    struct http_stream *s;

    r.upload = true;
    r.size = size;
    s = http_stream_open(streams, &r, arena, &err);
    for (size_t i = 0; i < n; i++)
        p[i] = byte_at(i);
    *sent = true;
    for (size_t i = 0; *sent && i < n; i += BLOCK)
        *sent = http_stream_write(s, p + i, n - i < BLOCK ? n - i : BLOCK, &err);
    free(p);
    return s;
}

static void a_body_is_written_in_any_framing(void **state)
{
    static const size_t sizes[] = {SIZE, 70000, 1, 0};

    (void)state;
    for (int chunked = 0; chunked < 2; chunked++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            struct http_response reply;
            struct str text;
            bool sent;
            struct http_stream *s = put("/put", chunked ? -1 : (int64_t)sizes[i], sizes[i], &sent);

            assert_true(sent);
            assert_true(http_stream_head(s, &reply, &err));
            assert_int_equal(reply.status, 201);
            assert_true(http_stream_body(s, 100, &text, &err));
            assert_string_equal(text.p, arena_printf(arena, "%zu good", sizes[i]));
            http_stream_close(s);
        }
}

static void an_early_refusal_is_heard(void **state)
{
    struct http_response reply;
    struct str text;
    bool sent;
    struct http_stream *s = put("/refuse", SIZE, SIZE, &sent);

    (void)state;
    assert_false(sent);
    assert_true(http_stream_answered(s));
    assert_true(http_stream_head(s, &reply, &err));
    assert_int_equal(reply.status, 413);
    assert_true(http_stream_body(s, 100, &text, &err));
    assert_string_equal(text.p, "no!");
    http_stream_close(s);
}

static void a_broken_upload_is_an_error(void **state)
{
    struct http_response reply;
    bool sent;
    struct http_stream *s = put("/die", -1, SIZE, &sent);

    (void)state;
    assert_true(!sent || !http_stream_head(s, &reply, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(http_stream_answered(s));
    http_stream_close(s);
}

static void too_few_bytes_are_not_sent(void **state)
{
    struct http_response reply;
    bool sent;
    struct http_stream *s = put("/put", 10, 9, &sent);

    (void)state;
    assert_false(http_stream_head(s, &reply, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    http_stream_close(s);
}

static struct http_stream *begun(const struct http_stream_request *r, size_t expected)
{
    struct http_stream *s = http_stream_open(streams, r, arena, &err);
    struct http_response reply;
    char *p = malloc(expected + 1);
    size_t n = 0, got = 0;

    assert_true(http_stream_head(s, &reply, &err));
    while (n < expected && http_stream_read(s, p, expected - n, &got, &err))
        n += got;
    assert_int_equal(n, expected); /* what came before it broke is given */
    free(p);
    return s;
}

static void a_cut_body_is_an_error(void **state)
{
    struct http_stream_request r = request("GET", "/cut");
    struct http_stream *s = begun(&r, 200000);
    char byte;
    size_t got;

    (void)state;
    assert_false(http_stream_read(s, &byte, 1, &got, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(http_stream_read(s, &byte, 1, &got, &err)); /* and stays one */
    http_stream_close(s);
}

static void a_stall_ends(void **state)
{
    struct http_stream_request r = request("GET", "/stall");
    int64_t began = clock_mono_us();
    struct http_stream *s;
    char byte;
    size_t got;

    (void)state;
    r.stall_timeout_ms = 1500;
    s = begun(&r, 1000);
    assert_false(http_stream_read(s, &byte, 1, &got, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_in_range(clock_mono_us() - began, 1400000, 20000000);
    http_stream_close(s);
}

static bool after_a_while(void *ctx)
{
    return clock_mono_us() > *(int64_t *)ctx;
}

static void stop_is_asked_while_waiting(void **state)
{
    struct http_stream_request r = request("GET", "/stall");
    int64_t when = clock_mono_us() + 300000;
    struct http_stream *s;
    char byte;
    size_t got;

    (void)state;
    r.stall_timeout_ms = 60000;
    r.stop = after_a_while;
    r.ctx = &when;
    s = begun(&r, 1000);
    assert_false(http_stream_read(s, &byte, 1, &got, &err));
    assert_int_equal(err.kind, ERROR_ABORTED);
    assert_in_range(clock_mono_us() - when, 0, 10000000);
    http_stream_close(s);
}

static bool only_v6(void *ctx, const struct sockaddr *address)
{
    ++*(int *)ctx;
    return address->sa_family == AF_INET6;
}

static void addresses_are_judged(void **state)
{
    struct http_stream_request r = request("GET", "/get");
    struct http_response reply;
    int asked = 0, before = atomic_load(&connections);
    struct http_stream *s;

    (void)state;
    r.address_ok = only_v6;
    r.address_ctx = &asked;
    s = http_stream_open(streams, &r, arena, &err);
    assert_false(http_stream_head(s, &reply, &err));
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_int_equal(asked, 1); /* although a connection to it was kept */
    assert_int_equal(atomic_load(&connections), before);
    http_stream_close(s);
}

static void nobody_there(void **state)
{
    struct http_stream_request r = request("GET", "/get");
    struct http_response reply;
    struct http_stream *s;

    (void)state;
    r.http.url = "http://127.0.0.1:1/";
    s = http_stream_open(streams, &r, arena, &err);
    assert_false(http_stream_head(s, &reply, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    http_stream_close(s);
    r.http.url = "file:///etc/passwd";
    assert_null(http_stream_open(streams, &r, arena, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_read_in_any_pieces),
        cmocka_unit_test(a_body_is_written_in_any_framing),
        cmocka_unit_test(an_early_refusal_is_heard),
        cmocka_unit_test(a_broken_upload_is_an_error),
        cmocka_unit_test(too_few_bytes_are_not_sent),
        cmocka_unit_test(a_cut_body_is_an_error),
        cmocka_unit_test(a_stall_ends),
        cmocka_unit_test(stop_is_asked_while_waiting),
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(nobody_there),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
