#include "config.h"
#include "base/buf.h"
#include "handlers/response.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static struct response response;
static struct request r;
static struct buf sent;
static size_t accepts; /* the sink refuses what goes beyond */

static bool sink(void *ctx, const void *p, size_t n)
{
    struct buf *to = ctx;

    if (to->n + n > accepts)
        return false;
    buf_add(to, p, n);
    return true;
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    response_init(&response);
    buf_init(&sent, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    response_free(&response);
    buf_free(&sent);
    return 0;
}

static void begin(const char *path, bool head)
{
    memset(&r, 0, sizeof(r));
    r.arena = arena;
    r.id = "req-1";
    r.path = str_of(path);
    r.response = &response;
    buf_clear(&sent);
    accepts = 1 << 20;
    response_begin(&response, head, sink, &sent);
}

static bool has(const char *text)
{
    return strstr(sent.p, text) != NULL;
}

static const char *body(void)
{
    return strstr(sent.p, "\r\n\r\n") + 4;
}

static void test_small_body_has_its_length(void **state)
{
    (void)state;
    begin("/", false);
    response_header(&r, "Content-Type", "text/plain");
    assert_true(response_write(&r, "abc", 3));
    assert_true(response_printf(&r, "%d", 42));
    assert_false(response_started(&r));
    assert_true(response_end(&r));
    assert_string_equal(sent.p, "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                                "X-Openstack-Request-Id: req-1\r\n\r\nabc42");
}

static void test_long_body_is_streamed(void **state)
{
    char block[1000];
    size_t n = 0;

    (void)state;
    memset(block, 'x', sizeof(block));
    begin("/", false);
    while (n < 3 * RESPONSE_BUFFER) {
        assert_true(response_write(&r, block, sizeof(block)));
        n += sizeof(block);
    }
    assert_true(response_started(&r));
    response_status(&r, 404); /* too late, and without harm */
    assert_true(response_end(&r));
    assert_false(has("Content-Length"));
    assert_int_equal(strlen(body()), n);
    assert_true(has("Status: 200"));
    assert_int_equal(response.bytes, n);
}

static void test_one_large_piece(void **state)
{
    size_t n = 5 * RESPONSE_BUFFER + 1;
    char *block = malloc(n);

    (void)state;
    memset(block, 'y', n);
    begin("/", false);
    response_write(&r, "ab", 2);
    assert_true(response_write(&r, block, n));
    assert_true(response_end(&r));
    assert_int_equal(strlen(body()), n + 2);
    assert_true(strncmp(body(), "aby", 3) == 0);
    free(block);
}

static void test_head_counts(void **state)
{
    (void)state;
    begin("/", true);
    response_json(&r, 200, STR("{\"a\":1}"));
    assert_true(response_end(&r));
    assert_true(has("Content-Length: 7\r\n"));
    assert_string_equal(body(), "");
    begin("/", true);
    for (int i = 0; i < 100; i++)
        assert_true(response_write(&r, "0123456789abcdef", 16));
    assert_true(response_end(&r));
    assert_true(has("Content-Length: 1600\r\n"));
    assert_string_equal(body(), "");
}

static void test_no_content(void **state)
{
    (void)state;
    begin("/", false);
    response_status(&r, 204);
    assert_true(response_end(&r));
    assert_true(has("Status: 204 No Content\r\n"));
    assert_false(has("Content-Length"));
}

static void test_errors_have_two_forms(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, ERROR_NOT_FOUND, "no \"x\"\x01");
    begin("/v1/subunit/x", false);
    response_error(&r, &err, NULL);
    response_end(&r);
    assert_true(has("Status: 404 Not Found\r\n"));
    assert_string_equal(body(), "{\"code\":404,\"title\":\"Not Found\",\"detail\":\"no \\\"x\\\"\\u0001\"}");
    begin("/v10", false);
    error_set_at(&err, 17, ERROR_BAD_REQUEST, "bad");
    response_error(&r, &err, "\"a\":1");
    response_end(&r);
    assert_string_equal(body(), "{\"error\":{\"code\":400,\"title\":\"Bad Request\",\"message\":\"bad\"},"
                                "\"offset\":17,\"a\":1}");
    begin("/v1", false);
    response_error(&r, &err, NULL);
    response_end(&r);
    assert_string_equal(body(), "{\"code\":400,\"title\":\"Bad Request\",\"detail\":\"bad\",\"offset\":17}");
}

static void test_500_keeps_its_secret(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, ERROR_INTERNAL, "table secrets is missing");
    begin("/v2/x", false);
    response_error(&r, &err, NULL);
    response_end(&r);
    assert_true(has("Status: 500"));
    assert_false(has("secrets"));
    assert_non_null(strstr(body(), "req-1"));
}

/* What a handler had begun must not show in the error's reply. */
static void test_error_forgets_what_was_begun(void **state)
{
    struct error err;

    (void)state;
    begin("/v2/x", false);
    response_status(&r, 201);
    response_header(&r, "Location", "/somewhere");
    response_header(&r, "Content-Length", "12345");
    response_write(&r, "half", 4);
    error_set(&err, ERROR_CONFLICT, "there");
    response_error(&r, &err, NULL);
    response_header(&r, "Retry-After", "5");
    assert_true(response_end(&r));
    assert_true(has("Status: 409"));
    assert_true(has("Retry-After: 5"));
    assert_false(has("Location") || has("half") || has("12345"));
}

static void test_error_in_mid_reply_cuts_it_off(void **state)
{
    char block[RESPONSE_BUFFER + 1] = "";
    struct error err;

    (void)state;
    begin("/v2/x", false);
    assert_true(response_write(&r, block, sizeof(block)));
    assert_true(response_started(&r));
    error_set(&err, ERROR_UNAVAILABLE, "gone");
    response_error(&r, &err, NULL);
    assert_false(response_end(&r));
    assert_false(has("503"));
}

static void test_gone_client(void **state)
{
    char block[RESPONSE_BUFFER] = "";

    (void)state;
    begin("/", false);
    accepts = 200;
    assert_true(response_write(&r, block, sizeof(block)));
    assert_false(response_write(&r, block, sizeof(block)));
    assert_false(response_write(&r, block, 1));
    assert_false(response_end(&r));
}

/* Nothing of the last request's reply is left for the next. */
static void test_begins_anew(void **state)
{
    (void)state;
    begin("/", false);
    response_header(&r, "X-One", "1");
    response_write(&r, "one", 3);
    begin("/", false);
    response_write(&r, "two", 3);
    response_end(&r);
    assert_false(has("X-One"));
    assert_string_equal(body(), "two");
}

static void test_long_printf(void **state)
{
    char text[5001];

    (void)state;
    memset(text, 'z', 5000);
    text[5000] = '\0';
    begin("/", false);
    assert_true(response_printf(&r, "<%s>", text));
    response_end(&r);
    assert_int_equal(strlen(body()), 5002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_body_has_its_length),
        cmocka_unit_test(test_long_body_is_streamed),
        cmocka_unit_test(test_one_large_piece),
        cmocka_unit_test(test_head_counts),
        cmocka_unit_test(test_no_content),
        cmocka_unit_test(test_errors_have_two_forms),
        cmocka_unit_test(test_500_keeps_its_secret),
        cmocka_unit_test(test_error_forgets_what_was_begun),
        cmocka_unit_test(test_error_in_mid_reply_cuts_it_off),
        cmocka_unit_test(test_gone_client),
        cmocka_unit_test(test_begins_anew),
        cmocka_unit_test(test_long_printf),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
