#include "config.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

static void now(void **state)
{
    int64_t a = clock_mono_us();
    int64_t wall = clock_now_us();

    (void)state;
    assert_in_range(wall / 1000000, time(NULL) - 2, time(NULL) + 2);
    assert_true(clock_mono_us() >= a);
}

static void as_text(void **state)
{
    char out[CLOCK_ISO_SIZE];

    (void)state;
    assert_string_equal(clock_iso(0, out), "1970-01-01T00:00:00Z");
    assert_string_equal(clock_iso_us(1, out), "1970-01-01T00:00:00.000001Z");
    assert_string_equal(clock_iso(-1, out), "1969-12-31T23:59:59Z");
    assert_string_equal(clock_iso_us(-1, out), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(clock_iso(951782400000000 + 999999, out), "2000-02-29T00:00:00Z");
    assert_string_equal(clock_sql(1700000000999999, out), "2023-11-14 22:13:20");
    assert_string_equal(clock_sql(-1, out), "1969-12-31 23:59:59");
    assert_string_equal(clock_iso_us(INT64_MAX, out), "9999-12-31T23:59:59.000000Z");
    assert_string_equal(clock_iso_us(INT64_MIN, out), "0000-01-01T00:00:00.000000Z");
    assert_true(strlen(out) < CLOCK_ISO_SIZE);
}

static void reads(const char *text, int64_t want)
{
    int64_t us = 5;

    if (!clock_parse(str_of(text), &us))
        fail_msg("refused: %s", text);
    if (us != want)
        fail_msg("%s: got %lld, want %lld", text, (long long)us, (long long)want);
}

static void refuses(const char *text)
{
    int64_t us = 5;

    if (clock_parse(str_of(text), &us))
        fail_msg("taken: %s", text);
    assert_int_equal(us, 5);
}

static void parses(void **state)
{
    const int64_t day = 1709164800000000; /* 2024-02-29 */

    (void)state;
    reads("1970-01-01", 0);
    reads("2024-02-29", day);
    reads("2024-02-29T00:00:01", day + 1000000);
    reads("2024-02-29 00:00:01Z", day + 1000000);
    reads("2024-02-29T00:00:01.5Z", day + 1500000);
    reads("2024-02-29T00:00:01.000001", day + 1000001);
    reads("2024-02-29T01:30:00+01:30", day);
    reads("2024-02-28T22:00:00.25-02:00", day + 250000);
    reads("1969-12-31T23:59:59.999999Z", -1);
}

static void does_not_parse(void **state)
{
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-02",
                                      "2024-2-29",
                                      "2023-02-29",
                                      "1900-02-29",
                                      "2024-00-01",
                                      "2024-13-01",
                                      "2024-01-00",
                                      "2024-04-31",
                                      "2024-02-29T",
                                      "2024-02-29T1:00:00",
                                      "2024-02-29T01:00",
                                      "2024-02-29T24:00:00",
                                      "2024-02-29T00:60:00",
                                      "2024-02-29T00:00:60",
                                      "2024-02-29T00:00:00.",
                                      "2024-02-29T00:00:00.1234567",
                                      "2024-02-29T00:00:00,5",
                                      "2024-02-29T00:00:00 Z",
                                      "2024-02-29T00:00:00Zx",
                                      "2024-02-29T00:00:00+1:00",
                                      "2024-02-29T00:00:00+0100",
                                      "2024-02-29T00:00:00+24:00",
                                      "2024-02-29Z",
                                      " 2024-02-29",
                                      "+024-02-29",
                                      "2024-02-29x00:00:00"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(bad[i]);
}

static void there_and_back(void **state)
{
    char out[CLOCK_ISO_SIZE];

    (void)state;
    for (int64_t us = -62135596800000000; us < 253402300799000000; us += 98765432109877) {
        int64_t back;

        clock_iso_us(us, out);
        assert_true(clock_parse(str_of(out), &back));
        assert_true(back == us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now),
        cmocka_unit_test(as_text),
        cmocka_unit_test(parses),
        cmocka_unit_test(does_not_parse),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
