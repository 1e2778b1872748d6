#include "config.h"
#include "unit.h"
#include "base/digests.h"

#include <stdlib.h>
#include <string.h>

/* The digests of the SIZE bytes 0, 1, 2, ... mod 251, added in pieces of PIECE through two buffers. */
static void check(size_t size, size_t piece)
{
    struct digest *one_md5 = digest_new(DIGEST_MD5), *one_sha512 = digest_new(DIGEST_SHA512);
    char md5[DIGEST_HEX_SIZE], sha512[DIGEST_HEX_SIZE], want[DIGEST_HEX_SIZE];
    unsigned char *buf[2] = {malloc(piece), malloc(piece)};
    struct digests *d = digests_new();

    for (size_t at = 0, turn = 0; at < size; turn++) {
        size_t n = size - at < piece ? size - at : piece;
        unsigned char *p = buf[turn % 2];

        for (size_t i = 0; i < n; i++)
            p[i] = (unsigned char)((at + i) % 251);
        digest_add(one_md5, p, n);
        digest_add(one_sha512, p, n);
        digests_add(d, p, n);
        at += n;
    }
    digests_end(d, md5, sha512);
    digest_end(one_md5, want);
    assert_string_equal(md5, want);
    digest_end(one_sha512, want);
    assert_string_equal(sha512, want);
    digests_free(d);
    digest_free(one_md5);
    digest_free(one_sha512);
    free(buf[0]);
    free(buf[1]);
}

static void known_values(void **state)
{
    char md5[DIGEST_HEX_SIZE], sha512[DIGEST_HEX_SIZE];
    struct digests *d = digests_new();

    (void)state;
    digests_add(d, "abc", 3);
    digests_end(d, md5, sha512);
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_string_equal(sha512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    digests_free(d);
}

static void nothing(void **state)
{
    (void)state;
    check(0, 1);
}

static void short_streams(void **state)
{
    (void)state;
    check(1, 1);
    check(100000, 777);
    check(1 << 20, 65536);
}

static void long_streams(void **state)
{
    (void)state;
    check((1 << 20) + 1, 1 << 20);
    check(9 << 20, 65536);
    check((3 << 20) + 12345, 4096);
    check(5 << 20, 5 << 20);
}

static void given_up(void **state)
{
    static unsigned char bytes[2 << 20];
    struct digests *d = digests_new();

    (void)state;
    for (int i = 0; i < 10; i++)
        digests_add(d, bytes, sizeof(bytes));
    digests_free(d);
    digests_free(NULL);
    digests_free(digests_new());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values), cmocka_unit_test(nothing),  cmocka_unit_test(short_streams),
        cmocka_unit_test(long_streams), cmocka_unit_test(given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
