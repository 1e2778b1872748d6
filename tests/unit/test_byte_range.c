#include "config.h"
#include "unit.h"
#include "handlers/byte_range.h"

static uint64_t first, last;

static enum byte_range ask(const char *value, uint64_t size)
{
    first = last = 77;
    return byte_range(str_of(value), size, &first, &last);
}

static void one(const char *value, uint64_t size, uint64_t want_first, uint64_t want_last)
{
    assert_int_equal(ask(value, size), BYTE_RANGE_ONE);
    assert_true(first == want_first && last == want_last);
}

static void ranges(void **state)
{
    (void)state;
    one("bytes=0-0", 10, 0, 0);
    one("bytes=0-4", 10, 0, 4);
    one("bytes=5-", 10, 5, 9);
    one("bytes=5-99", 10, 5, 9);
    one("bytes=9-9", 10, 9, 9);
    one("bytes=-3", 10, 7, 9);
    one("bytes=-30", 10, 0, 9);
    one(" Bytes = 1-2 ", 10, 1, 2);
    one("bytes=0-18446744073709551615", 10, 0, 9);
}

static void beyond(void **state)
{
    (void)state;
    assert_int_equal(ask("bytes=10-", 10), BYTE_RANGE_BEYOND);
    assert_int_equal(ask("bytes=10-20", 10), BYTE_RANGE_BEYOND);
    assert_int_equal(ask("bytes=-0", 10), BYTE_RANGE_BEYOND);
    assert_int_equal(ask("bytes=0-", 0), BYTE_RANGE_BEYOND);
    assert_int_equal(ask("bytes=-1", 0), BYTE_RANGE_BEYOND);
}

static void sent_whole(void **state)
{
    static const char *const values[] = {
        "",          "bytes",      "bytes=",        "bytes=-",
        "bytes=a-b", "bytes=5-4",  "bytes=0-1,3-4", "lines=1-2",
        "bytes 0-1", "bytes=+1-2", "bytes=0x1-2",   "bytes=99999999999999999999-",
    };

    (void)state;
    assert_int_equal(byte_range((struct str){NULL, 0}, 10, &first, &last), BYTE_RANGE_NONE);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(ask(values[i], 10), BYTE_RANGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(beyond),
        cmocka_unit_test(sent_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
