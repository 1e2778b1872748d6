#include "config.h"
#include "base/error.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static void sets(void **state)
{
    struct error err;

    (void)state;
    memset(&err, 0xff, sizeof(err));
    assert_false(error_set(&err, ERROR_CONFLICT, "%s is %d", "x", 3));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.message, "x is 3");
    assert_int_equal(err.code, 0);
    assert_false(err.has_offset);
    assert_false(error_set_at(&err, 77, ERROR_BAD_REQUEST, "bad"));
    assert_true(err.has_offset && err.offset == 77);
    assert_false(error_set_errno(&err, ENOENT, "file"));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(err.message, "file: No such file or directory");
    assert_false(err.has_offset);
    error_clear(&err);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(err.message, "");
}

static void nobody_cares(void **state)
{
    (void)state;
    assert_false(error_set(NULL, ERROR_CONFLICT, "x"));
    assert_false(error_set_at(NULL, 1, ERROR_CONFLICT, "x"));
    assert_false(error_set_errno(NULL, EIO, "x"));
    error_clear(NULL);
}

/* A long message ends at the end of a character. */
static void long_messages(void **state)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    struct error err;
    char text[1000];

    (void)state;
    for (size_t k = 0; k < 4; k++)
        for (size_t start = 0; start < 4; start++) {
            memset(text, '.', start);
            text[start] = '\0';
            while (strlen(text) < 900)
                strcat(text, characters[k]);
            error_set(&err, ERROR_INTERNAL, "%s", text);
            assert_true(str_is_utf8(str_of(err.message)));
            assert_in_range(strlen(err.message), sizeof(err.message) - 8, sizeof(err.message) - 1);
            assert_memory_equal(err.message, text, strlen(err.message));
        }
}

static void kinds(void **state)
{
    (void)state;
    assert_int_equal(error_http_status(ERROR_BAD_REQUEST), 400);
    assert_int_equal(error_http_status(ERROR_UNAUTHORIZED), 401);
    assert_int_equal(error_http_status(ERROR_FORBIDDEN), 403);
    assert_int_equal(error_http_status(ERROR_NOT_FOUND), 404);
    assert_int_equal(error_http_status(ERROR_TIMEOUT), 408);
    assert_int_equal(error_http_status(ERROR_CONFLICT), 409);
    assert_int_equal(error_http_status(ERROR_TOO_LARGE), 413);
    assert_int_equal(error_http_status(ERROR_MEDIA_TYPE), 415);
    assert_int_equal(error_http_status(ERROR_TOO_MANY), 429);
    assert_int_equal(error_http_status(ERROR_ABORTED), 499);
    assert_int_equal(error_http_status(ERROR_INTERNAL), 500);
    assert_int_equal(error_http_status(ERROR_UNAVAILABLE), 503);
    assert_int_equal(error_exit_code(ERROR_NONE), 0);
    for (int k = ERROR_BAD_REQUEST; k <= ERROR_ABORTED; k++)
        assert_in_range(error_exit_code((enum error_kind)k), 64, 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),
        cmocka_unit_test(nobody_cares),
        cmocka_unit_test(long_messages),
        cmocka_unit_test(kinds),
    };

    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
