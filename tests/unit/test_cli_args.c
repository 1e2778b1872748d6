/* The command line: options anywhere, what is wrong with them, and the nearest word. */
#include "config.h"
#include "cli/options.h"
#include "cli/suggest.h"
#include "tests/unit/arena.h"

#include <string.h>

static struct args args;
static struct error err;

static bool parse(const char *a, const char *b, const char *c, const char *d)
{
    static char name[] = "tally";
    char *argv[] = {
        name, (char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c, (char *)(uintptr_t)d, NULL};
    int argc = 1;

    while (argv[argc])
        argc++;
    return args_parse(arena, argc, argv, &args, &err);
}

static void test_options_stand_anywhere(void **state)
{
    (void)state;
    assert_true(parse("--url", "https://x", "run", "-fjson"));
    assert_int_equal(args.n_words, 1);
    assert_string_equal(args.words[0], "run");
    assert_string_equal(args_value(&args, "url"), "https://x");
    assert_string_equal(args_value(&args, "format"), "json");
    assert_true(parse("-kqf", "value", "--meta=a=b", "--meta=c="));
    assert_true(args_flag(&args, "insecure") && args_flag(&args, "quiet"));
    assert_string_equal(args_value(&args, "format"), "value");
    size_t at = 0;
    assert_string_equal(args_next(&args, "meta", &at), "a=b");
    assert_string_equal(args_next(&args, "meta", &at), "c=");
    assert_null(args_next(&args, "meta", &at));
    assert_null(args_value(&args, "cpid"));
}

static void test_words_that_look_like_options(void **state)
{
    (void)state;
    assert_true(parse("-", "--", "-x", "--url"));
    assert_int_equal(args.n_words, 3);
    assert_string_equal(args.words[0], "-");
    assert_string_equal(args.words[2], "--url");
    assert_int_equal(args.n_given, 0);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_false(parse("--subnit", "x", NULL, NULL));
    assert_string_equal(err.message, "no option --subnit; is it --subunit?");
    assert_false(parse("--zzzzzzzz", NULL, NULL, NULL));
    assert_string_equal(err.message, "no option --zzzzzzzz");
    assert_false(parse("--url", NULL, NULL, NULL));
    assert_non_null(strstr(err.message, "needs a value"));
    assert_false(parse("--quiet=yes", NULL, NULL, NULL));
    assert_non_null(strstr(err.message, "takes no value"));
    assert_false(parse("-kZ", NULL, NULL, NULL));
    assert_string_equal(err.message, "no option -Z");
}

static void test_numbers(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_true(parse("run", NULL, NULL, NULL) && args_u64(&args, "limit", 0, 10, &n, &err) && n == 7);
    assert_true(parse("--limit", "3", NULL, NULL) && args_u64(&args, "limit", 0, 10, &n, &err) && n == 3);
    assert_true(parse("--limit", "11", NULL, NULL) && !args_u64(&args, "limit", 0, 10, &n, &err));
    assert_true(parse("--limit", "-1", NULL, NULL) && !args_u64(&args, "limit", 0, 10, &n, &err));
    assert_true(parse("--limit", "1x", NULL, NULL) && !args_u64(&args, "limit", 0, 10, &n, &err));
    assert_int_equal(n, 3);
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance(STR(""), STR("abc")), 3);
    assert_int_equal(suggest_distance(STR("list"), STR("list")), 0);
    assert_int_equal(suggest_distance(STR("lsit"), STR("list")), 1);
    assert_int_equal(suggest_distance(STR("upload"), STR("uplod")), 1);
    assert_int_equal(suggest_distance(STR("kitten"), STR("sitting")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_anywhere),
        cmocka_unit_test(test_words_that_look_like_options),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_distance),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
