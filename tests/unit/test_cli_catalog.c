/* The catalogue, and cpids as refstack-client computes them. */
#include "config.h"
#include "cli/catalog.h"
#include "tests/unit/arena.h"

#include <string.h>

static const char catalog_text[] =
    "[{\"type\": \"identity\", \"id\": \"\", \"endpoints\": []},"
    " {\"type\": \"identity\", \"id\": \"1dbf\", \"endpoints\": [{\"interface\": \"public\", \"url\": "
    "\"http://k\"}]},"
    " {\"type\": \"image\", \"id\": \"2\", \"endpoints\": ["
    "   {\"interface\": \"internal\", \"region_id\": \"one\", \"url\": \"http://internal\"},"
    "   {\"interface\": \"public\", \"region_id\": \"one\", \"url\": \"https://one/v2/\"},"
    "   {\"interface\": \"public\", \"region\": \"two\", \"url\": \"https://two\"}]},"
    " {\"type\": \"results\", \"id\": \"3\", \"endpoints\": ["
    "   {\"interface\": \"public\", \"region_id\": \"two\", \"url\": \"https://results\"}]}]";

static void test_endpoint(void **state)
{
    const struct json *c = json_parse(arena, str_of(catalog_text), NULL, NULL);

    (void)state;
    assert_string_equal(catalog_endpoint(c, NULL, NULL, arena), "https://results");
    assert_string_equal(catalog_endpoint(c, "one", NULL, arena), "https://one/v2/");
    assert_string_equal(catalog_endpoint(c, "one", "internalURL", arena), "http://internal");
    assert_string_equal(catalog_endpoint(c, "two", "public", arena), "https://results");
    assert_null(catalog_endpoint(c, "three", NULL, arena));
    assert_null(catalog_endpoint(NULL, NULL, NULL, arena));
    assert_string_equal(catalog_identity_id(c, arena), "1dbf");
    assert_null(catalog_identity_id(json_parse(arena, STR("[{}, 1, null]"), NULL, NULL), arena));
}

static void test_base_url(void **state)
{
    (void)state;
    assert_string_equal(catalog_base_url(arena, "https://x/v2/"), "https://x");
    assert_string_equal(catalog_base_url(arena, "https://x/tally/v1"), "https://x/tally");
    assert_string_equal(catalog_base_url(arena, "https://x//"), "https://x");
}

static void test_addresses(void **state)
{
    struct error err;

    (void)state;
    assert_true(catalog_url_ok("https://x/a@b", "Its", &err) &&
                catalog_url_ok("http://x?u=a@b", "Its", &err));
    assert_false(catalog_url_ok("https://u:s3cret@x/", "Its", &err));
    assert_null(strstr(err.message, "s3cret"));
    assert_false(catalog_url_ok("u:s3cret@x", "Its", &err));
    assert_null(strstr(err.message, "s3cret"));
}

/* The right sides are what Python's hashlib.md5(urlparse(url).hostname.encode()) says. */
static void test_cpid(void **state)
{
    static const struct {
        const char *url, *cpid;
    } cases[] = {
        {"https://cloud.example:5000/v3", "d79fc5bfe7dc6f5881522716086fbbbd"},
        {"HTTP://User:p@ss@Cloud.Example/", "d79fc5bfe7dc6f5881522716086fbbbd"},
        {"http://cloud.example?x", "d79fc5bfe7dc6f5881522716086fbbbd"},
        {"https://[FE80::1]:5000/v3", "1b29d948bb37422fb64d7ca5ef0b16ad"},
        {"http://127.0.0.1:35357", "f528764d624db129b32c21fbca0cb8d6"},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(catalog_cpid_of_url(arena, cases[i].url, &err), cases[i].cpid);
    assert_null(catalog_cpid_of_url(arena, "cloud.example:5000", &err));
    assert_null(catalog_cpid_of_url(arena, "ftp://cloud.example", &err));
    assert_null(catalog_cpid_of_url(arena, "https:///v3", &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_base_url),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_cpid),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
