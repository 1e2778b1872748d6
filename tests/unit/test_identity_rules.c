/* Patterns of an application credential's access rules. */
#include "config.h"
#include "identity/access_rules.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *pattern;
    const char *path;
    bool matches;
} cases[] = {
    {"/v2/images", "/v2/images", true},
    {"/v2/images", "/v2/images/", false},
    {"/v2/images", "/v2/image", false},
    {"/v2/images", "/v2/imagess", false},
    {"/v2/images", "x/v2/images", false},
    {"/v2/images/*", "/v2/images/1", true},
    {"/v2/images/*", "/v2/images/", false},
    {"/v2/images/*", "/v2/images/1/file", false},
    {"/v2/images/*/file", "/v2/images/1/file", true},
    {"/v2/images/*/file", "/v2/images//file", false},
    {"/v2/images/{image_id}", "/v2/images/abc", true},
    {"/v2/images/{image_id}", "/v2/images/a/b", false},
    {"/v2/images/{image_id}/tags/{tag}", "/v2/images/a/tags/b", true},
    {"/v2/images/{}", "/v2/images/a", true},
    {"/v2/images/a{x}c", "/v2/images/abbbc", true},
    {"/v2/images/a{x}c", "/v2/images/ac", false},
    {"/v2/**", "/v2/", true},
    {"/v2/**", "/v2/images/a/b/c", true},
    {"/v2/**", "/v1/images", false},
    {"/v2/**/file", "/v2/images/a/file", true},
    {"/v2/**/file", "/v2/file", false},
    {"/v2**file", "/v2file", true},
    {"**", "", true},
    {"**", "/anything/at all", true},
    {"/a/***", "/a/", false},
    {"/a/***", "/a/b/c", true},
    {"/a/***", "/a/b", true},
    {"", "", true},
    {"", "/", false},
    /* what is special in a regular expression is not special here */
    {"/v2/a.c", "/v2/abc", false},
    {"/v2/a.c", "/v2/a.c", true},
    {"/v2/(a|b)", "/v2/a", false},
    {"/v2/a+", "/v2/aa", false},
    {"/v2/images", "/v2/images\n", false},
    {"/v2/{a", "/v2/{a", true},
    {"/v2/{a", "/v2/b", false},
    {"/v2/a}", "/v2/a}", true},
};

static void patterns_match_whole_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (access_rule_path_matches(str_of(cases[i].pattern), str_of(cases[i].path)) != cases[i].matches)
            fail_msg("%s on %s: not %d", cases[i].pattern, cases[i].path, cases[i].matches);
}

static void every_part_of_a_rule_counts(void **state)
{
    static const struct access_rule rules[] = {
        {STR("compute"), STR("GET"), STR("/v2/**")},
        {STR("image"), STR("GET"), STR("/v2/images")},
        {STR("image"), STR("POST"), STR("/v2/tasks")},
    };

    (void)state;
    assert_true(access_rules_allow(rules, 3, STR("image"), STR("GET"), STR("/v2/images")));
    assert_true(access_rules_allow(rules, 3, STR("image"), STR("POST"), STR("/v2/tasks")));
    assert_false(access_rules_allow(rules, 3, STR("image"), STR("POST"), STR("/v2/images")));
    assert_false(access_rules_allow(rules, 3, STR("image"), STR("HEAD"), STR("/v2/images")));
    assert_false(access_rules_allow(rules, 3, STR("image"), STR("GET"), STR("/v2/tasks")));
    assert_false(access_rules_allow(rules, 3, STR("results"), STR("GET"), STR("/v2/images")));
    assert_false(access_rules_allow(rules, 0, STR("image"), STR("GET"), STR("/v2/images")));
}

/* Patterns that take a backtracking matcher for ever. */
static void time_is_bounded(void **state)
{
    char pattern[226], path[8192];
    clock_t begin = clock();

    (void)state;
    for (size_t i = 0; i + 3 < sizeof(pattern); i += 3)
        memcpy(pattern + i, "**a", 3);
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = 'b';
    assert_false(access_rule_path_matches((struct str){pattern, 225}, (struct str){path, sizeof(path)}));
    assert_true((clock() - begin) / CLOCKS_PER_SEC < 2);
}

static void too_long_a_pattern_matches_nothing(void **state)
{
    char pattern[400];

    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    assert_false(access_rule_path_matches((struct str){pattern, sizeof(pattern)},
                                          (struct str){pattern, sizeof(pattern)}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_whole_paths),
        cmocka_unit_test(every_part_of_a_rule_counts),
        cmocka_unit_test(time_is_bounded),
        cmocka_unit_test(too_long_a_pattern_matches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
