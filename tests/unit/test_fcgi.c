/* The FastCGI that comes from the web server: beginning, body, parameters. */
#include "config.h"
#include "fcgi/body.h"
#include "fcgi/params.h"
#include "fcgi/record.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
    uint8_t p[3 * RECORD_MAX_HEAD];
    size_t n;
};

static struct wire wire;
static uint8_t scratch[RECORD_MAX_HEAD];

static void put(const void *p, size_t n)
{
    memcpy(wire.p + wire.n, p, n);
    wire.n += n;
}

static void record(uint8_t type, uint16_t id, const void *content, size_t n, uint8_t padding)
{
    uint8_t header[RECORD_HEADER] = {
        1, type, (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(n >> 8), (uint8_t)n, padding, 0};

    put(header, sizeof(header));
    put(content, n);
    put("\0\0\0\0\0\0\0\0", padding);
}

static void begin_request(void)
{
    wire.n = 0;
    record(RECORD_BEGIN, 1, "\0\1\1\0\0\0\0\0", 8, 0);
}

static enum record_scan scan(struct record_head *head, const char **why)
{
    *why = NULL;
    return record_scan_head(wire.p, wire.n, scratch, head, why);
}

static void is_bad(const char *what)
{
    struct record_head head;
    const char *why;

    assert_int_equal(scan(&head, &why), RECORD_BAD);
    assert_non_null(why);
    if (!strstr(why, what))
        fail_msg("\"%s\" does not tell of \"%s\"", why, what);
}

/* --- beginning ---------------------------------------------------------------------------------- */

static void test_whole_beginning_in_any_pieces(void **state)
{
    struct record_head head;
    const char *why;
    size_t end;

    (void)state;
    begin_request();
    record(RECORD_PARAMS, 1, "\4\1NAMEv", 7, 1);
    record(RECORD_PARAMS, 1, "\4\3NA", 4, 0); /* a pair over two records */
    record(RECORD_PARAMS, 1, "ME123", 5, 3);
    record(RECORD_PARAMS, 1, "", 0, 0);
    end = wire.n;
    record(RECORD_STDIN, 1, "", 0, 0);
    for (size_t n = 0; n < wire.n; n++)
        assert_int_equal(record_scan_head(wire.p, n, scratch, &head, &why), RECORD_MORE);
    assert_int_equal(scan(&head, &why), RECORD_READY);
    assert_int_equal(head.bytes, end);
    assert_int_equal(head.request_id, 1);
}

static void test_what_does_not_begin(void **state)
{
    (void)state;
    wire.n = 0;
    put("GET / HTTP/1.1\r\n\r\n", 18);
    is_bad("version 1");
    wire.n = 0;
    record(RECORD_PARAMS, 1, "", 0, 0);
    is_bad("BEGIN_REQUEST");
    wire.n = 0;
    record(RECORD_BEGIN, 0, "\0\1\1\0\0\0\0\0", 8, 0);
    is_bad("BEGIN_REQUEST");
    wire.n = 0;
    record(RECORD_BEGIN, 1, "\0\1\1\0", 4, 0);
    is_bad("BEGIN_REQUEST");
    wire.n = 0;
    record(RECORD_BEGIN, 1, "\0\2\1\0\0\0\0\0", 8, 0);
    is_bad("RESPONDER");
    wire.n = 0;
    record(9, 0, "\xe\0FCGI_MAX_CONNS", 16, 0); /* GET_VALUES, at which libfcgi overruns its buffer */
    is_bad("BEGIN_REQUEST");
}

static void test_what_stands_between(void **state)
{
    (void)state;
    begin_request();
    record(RECORD_STDIN, 1, "", 0, 0);
    is_bad("between");
    begin_request();
    record(RECORD_ABORT, 1, "", 0, 0);
    is_bad("between");
    begin_request();
    record(RECORD_PARAMS, 2, "", 0, 0);
    is_bad("multiplexed");
    begin_request();
    record(9, 0, "", 0, 0);
    is_bad("between");
}

static void param_is_bad(const void *p, size_t n, const char *what)
{
    begin_request();
    record(RECORD_PARAMS, 1, p, n, 0);
    record(RECORD_PARAMS, 1, "", 0, 0);
    record(RECORD_STDIN, 1, "", 0, 0);
    is_bad(what);
}

static void test_lengths_that_do_not_hold(void **state)
{
    (void)state;
    param_is_bad("\4", 1, "cut off");
    param_is_bad("\x80\0\0", 3, "cut off");
    param_is_bad("\4\x80\0", 3, "cut off");
    param_is_bad("\4\5NAMEv", 7, "longer");
    param_is_bad("\xff\xff\xff\xff\xff\xff\xff\xffNAME", 12, "longer");
    param_is_bad("\xff\xff\xff\xff\1Nv", 7, "longer");
    param_is_bad("\1\xff\xff\xff\xffNv", 7, "longer");
    param_is_bad("\0\1v", 3, "name");
    param_is_bad("\3\1A=Bv", 6, "name");
    param_is_bad("\3\1A\0Bv", 6, "name");
    param_is_bad("\1\3Aa\0b", 6, "NUL");
}

static void test_too_many_params(void **state)
{
    uint8_t pairs[3 * (RECORD_MAX_PARAMS + 1)];
    struct record_head head;
    const char *why;

    (void)state;
    for (size_t i = 0; i <= RECORD_MAX_PARAMS; i++)
        memcpy(pairs + 3 * i, "\1\0A", 3);
    param_is_bad(pairs, sizeof(pairs), "too many");
    begin_request();
    record(RECORD_PARAMS, 1, pairs, sizeof(pairs) - 3, 0);
    record(RECORD_PARAMS, 1, "", 0, 0);
    record(RECORD_STDIN, 1, "", 0, 0);
    assert_int_equal(scan(&head, &why), RECORD_READY);
}

static void test_params_without_end(void **state)
{
    static uint8_t block[30000];

    (void)state;
    begin_request();
    for (int i = 0; i < 3; i++)
        record(RECORD_PARAMS, 1, block, sizeof(block), 0);
    is_bad("too long");
    begin_request();
    record(RECORD_PARAMS, 1, block, sizeof(block), 0);
    record(RECORD_PARAMS, 1, block, sizeof(block), 0);
    record(RECORD_PARAMS, 1, block, 20000, 0);
    wire.n = RECORD_MAX_HEAD; /* all that a worker holds, and still no end */
    is_bad("too long");
}

/* --- body --------------------------------------------------------------------------------------- */

static int fds[2];
static uint8_t buffer[64];
static struct body body;

static void open_body(void)
{
    struct timeval t = {.tv_usec = 50000};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    body = (struct body){.fd = fds[1], .request_id = 1, .buf = buffer, .size = sizeof(buffer)};
    wire.n = 0;
}

static void close_body(void)
{
    close(fds[0]);
    close(fds[1]);
}

static void send_wire(void)
{
    assert_int_equal(write(fds[0], wire.p, wire.n), (ssize_t)wire.n);
    wire.n = 0;
}

/* Reads to the end with pieces of N; the text that came. */
static size_t read_all(char *out, size_t piece, struct error *err)
{
    size_t n = 0, got;

    error_clear(err);
    while (body_read(&body, out + n, piece, &got, err) && got > 0)
        n += got;
    return n;
}

static void test_body_in_any_pieces(void **state)
{
    static char text[400], out[500];
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    for (size_t piece = 1; piece <= 100; piece += 3) {
        open_body();
        record(RECORD_STDIN, 1, text, 1, 7);
        record(RECORD_STDIN, 1, text + 1, 299, 5);
        record(RECORD_STDIN, 1, text + 300, 100, 0);
        record(RECORD_STDIN, 1, "", 0, 3);
        send_wire();
        assert_int_equal(read_all(out, piece, &err), sizeof(text));
        assert_int_equal(err.kind, ERROR_NONE);
        assert_memory_equal(out, text, sizeof(text));
        assert_true(body.eof);
        assert_int_equal(body.bytes, sizeof(text));
        assert_int_equal(body.start, body.end);
        close_body();
    }
}

static void body_breaks(enum error_kind kind)
{
    char out[100];
    struct error err;

    send_wire();
    if (kind == ERROR_ABORTED)
        shutdown(fds[0], SHUT_WR);
    read_all(out, 10, &err);
    assert_int_equal(err.kind, kind);
    assert_true(body.broken);
    assert_int_equal(read_all(out, 10, &err), 0);
    assert_int_equal(err.kind, ERROR_ABORTED);
    close_body();
}

static void test_body_that_ends_early(void **state)
{
    (void)state;
    open_body();
    record(RECORD_STDIN, 1, "0123456789", 10, 0);
    body_breaks(ERROR_ABORTED);
    open_body();
    record(RECORD_STDIN, 1, "0123456789", 10, 0);
    wire.n -= 5;
    body_breaks(ERROR_ABORTED);
    open_body();
    record(RECORD_STDIN, 1, "0123456789", 10, 0);
    body_breaks(ERROR_TIMEOUT);
}

static void test_body_with_what_does_not_belong(void **state)
{
    static const struct {
        uint8_t type;
        uint16_t id;
    } strange[] = {{RECORD_ABORT, 1}, {RECORD_STDIN, 2}, {9, 0}, {RECORD_BEGIN, 1}, {RECORD_PARAMS, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        open_body();
        record(RECORD_STDIN, 1, "01", 2, 0);
        record(strange[i].type, strange[i].id, "", 0, 0);
        body_breaks(ERROR_ABORTED);
    }
    open_body();
    put("\2\5\0\1\0\0\0\0", 8);
    body_breaks(ERROR_ABORTED);
}

static void test_body_at_end(void **state)
{
    (void)state;
    open_body();
    record(RECORD_STDIN, 1, "", 0, 0);
    memcpy(buffer, wire.p, wire.n);
    body.end = 5;
    assert_false(body_at_end(&body)); /* half a header says nothing yet */
    body.end = wire.n;
    assert_true(body_at_end(&body));
    assert_true(body.eof);
    close_body();
    open_body();
    record(RECORD_STDIN, 1, "x", 1, 0);
    memcpy(buffer, wire.p, wire.n);
    body.end = wire.n;
    assert_false(body_at_end(&body));
    close_body();
}

/* The rest of a body of which TAKEN bytes were read, passed over by STEP bytes at a time, ends where the next
 * request begins. */
static void rest_ends(size_t taken, size_t step)
{
    static uint8_t text[300], rest[800];
    struct error err;
    size_t n, used, at = 0;
    enum record_scan found;
    struct record_rest left;

    open_body();
    record(RECORD_STDIN, 1, text, 30, 7);
    record(RECORD_STDIN, 1, text, 300, 0);
    record(RECORD_STDIN, 1, "", 0, 3);
    record(RECORD_BEGIN, 1, "\0\1\1\0\0\0\0\0", 8, 0);
    send_wire();
    if (taken)
        assert_true(body_read(&body, text, taken, &n, &err) && n == taken);
    left = body_rest(&body);
    n = body.end - body.start;
    memcpy(rest, buffer + body.start, n);
    n += (size_t)read(fds[1], rest + n, sizeof(rest) - n);
    do {
        size_t part = step < n - at ? step : n - at;

        found = record_skip(&left, rest + at, part, &used);
        at += used;
        assert_true(found != RECORD_MORE || (used == part && part > 0));
    } while (found == RECORD_MORE);
    assert_int_equal(found, RECORD_READY);
    assert_int_equal(n - at, 2 * RECORD_HEADER);
    assert_int_equal(rest[at + 1], RECORD_BEGIN);
    close_body();
}

static void test_rest_of_a_body(void **state)
{
    (void)state;
    for (size_t step = 1; step < 60; step++)
        for (size_t taken = 0; taken <= 30; taken += 10)
            rest_ends(taken, step);
}

static void test_rest_with_what_does_not_belong(void **state)
{
    static const uint8_t strange[][RECORD_HEADER] = {
        {1, RECORD_STDIN, 0, 2}, {1, RECORD_ABORT, 0, 1}, {1, RECORD_BEGIN, 0, 1}, {2, RECORD_STDIN, 0, 1}};
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        struct record_rest rest = {.request_id = 1, .left = 3};

        assert_int_equal(record_skip(&rest, (const uint8_t *)"abc", 3, &used), RECORD_MORE);
        assert_int_equal(record_skip(&rest, strange[i], RECORD_HEADER, &used), RECORD_BAD);
    }
}

/* --- parameters --------------------------------------------------------------------------------- */

static struct arena *arena;

static struct params params_of(char *const *envp)
{
    struct params params;

    params_read(arena, envp, &params);
    return params;
}

static void test_params(void **state)
{
    char *envp[] = {(char[]){"FCGI_ROLE=RESPONDER"},
                    (char[]){"HTTP_X_SIGNATURE=a=b"},
                    (char[]){"CONTENT_TYPE="},
                    (char[]){"CONTENT_LENGTH=5"},
                    (char[]){"HTTP_CONTENT_LENGTH=6"},
                    (char[]){"HTTP_EMPTY="},
                    NULL};
    struct params params;
    struct error err;

    (void)state;
    arena = arena_new(0);
    params = params_of(envp);
    assert_true(str_eq_cstr(params_header(&params, "x-signature"), "a=b"));
    assert_true(str_eq_cstr(params_header(&params, "Content-Length"), "5"));
    assert_null(params_header(&params, "Content-Type").p);
    assert_non_null(params_header(&params, "Empty").p);
    assert_null(params_header(&params, "X-Sig").p);
    assert_null(params_header(&params, "FCGI_ROLE").p);
    assert_true(str_eq_cstr(params_get(&params, "FCGI_ROLE"), "RESPONDER"));
    assert_null(params_get(&params, "FCGI_ROL").p);
    assert_true(params_check_repeated(&params, &err));
    arena_free(arena);
}

static void test_repeated_headers(void **state)
{
    static const char *const names[] = {"HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN",  "HTTP_X_SIGNATURE",
                                        "HTTP_X_PUBLIC_KEY", "HTTP_CONTENT_ENCODING", "CONTENT_TYPE",
                                        "HTTP_CONTENT_TYPE", "CONTENT_LENGTH"};
    struct error err;

    (void)state;
    arena = arena_new(0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *envp[] = {arena_printf(arena, "%s=a", names[i]), arena_printf(arena, "%s=a", names[i]), NULL};
        struct params params = params_of(envp);

        if (params_check_repeated(&params, &err))
            fail_msg("%s may be there twice", names[i]);
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_beginning_in_any_pieces),
        cmocka_unit_test(test_what_does_not_begin),
        cmocka_unit_test(test_what_stands_between),
        cmocka_unit_test(test_lengths_that_do_not_hold),
        cmocka_unit_test(test_too_many_params),
        cmocka_unit_test(test_params_without_end),
        cmocka_unit_test(test_body_in_any_pieces),
        cmocka_unit_test(test_body_that_ends_early),
        cmocka_unit_test(test_body_with_what_does_not_belong),
        cmocka_unit_test(test_body_at_end),
        cmocka_unit_test(test_rest_of_a_body),
        cmocka_unit_test(test_rest_with_what_does_not_belong),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_repeated_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
