#include "config.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "tests/unit/unit.h"

#include <string.h>

static void check(const unsigned char digest[SHA256_SIZE], const char *want)
{
    char hex[SHA256_HEX_SIZE];

    hash_hex(digest, SHA256_SIZE, hex);
    assert_string_equal(hex, want);
}

static void sha256(void **state)
{
    struct hash_sha256 *h = hash_sha256_new();
    unsigned char d[SHA256_SIZE];

    (void)state;
    hash_sha256("", 0, d);
    check(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256("abc", 3, d);
    check(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_add(h, "a", 1);
    hash_sha256_add(h, "", 0);
    hash_sha256_add(h, "bc", 2);
    hash_sha256_end(h, d);
    check(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* It starts anew. */
    for (int i = 0; i < 1000000; i++)
        hash_sha256_add(h, "a", 1);
    hash_sha256_end(h, d);
    check(d, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hash_sha256_free(h);
    hash_sha256_free(NULL);
}

static void hex(void **state)
{
    char out[9];

    (void)state;
    hash_hex((const unsigned char *)"\x00\x9f\xa0\xff", 4, out);
    assert_string_equal(out, "009fa0ff");
    hash_hex(NULL, 0, out);
    assert_string_equal(out, "");
}

static void uuids(void **state)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];

    (void)state;
    uuid_new(a);
    uuid_new(b);
    assert_int_equal(strlen(a), 36);
    assert_string_not_equal(a, b);
    assert_int_equal(a[14], '4');
    assert_true(uuid_is(str_of(a)));
    assert_true(uuid_is(STR("00000000-0000-0000-0000-00000000000f")));
    assert_false(uuid_is(STR("00000000-0000-0000-0000-00000000000F")));
    assert_false(uuid_is(STR("00000000-0000-0000-0000-00000000000g")));
    assert_false(uuid_is(STR("00000000-0000-0000-0000-0000000000000")));
    assert_false(uuid_is(STR("00000000-0000-0000-0000-0000000000")));
    assert_false(uuid_is(STR("0000000000000-0000-0000-000000000000")));
    assert_false(uuid_is(STR("00000000-0000-0000-0000-00000000000\0")));
    assert_false(uuid_is((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(hex),
        cmocka_unit_test(uuids),
    };

    return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
