#include "config.h"
#include "base/base64.h"
#include "base/buf.h"
#include "tests/unit/unit.h"

#include <string.h>

static bool decode(const char *text, size_t step, struct buf *out, struct error *err)
{
    struct base64 b = BASE64_INIT;
    size_t n = strlen(text);

    buf_clear(out);
    buf_add_cstr(out, "");
    for (size_t i = 0; i < n; i += step) {
        unsigned char bytes[BASE64_DECODED_MAX(100)];
        size_t got;

        if (!base64_feed(&b, text + i, n - i < step ? n - i : step, bytes, &got, err))
            return false;
        assert_true(got <= BASE64_DECODED_MAX(step));
        buf_add(out, bytes, got);
    }
    return base64_end(&b, err);
}

static void check(const char *text, const char *want, uint64_t offset)
{
    struct error err;
    struct buf out;

    buf_init(&out, 1000);
    for (size_t step = 1; step <= 9; step++) {
        bool ok = decode(text, step, &out, &err);

        if (ok != (want != NULL))
            fail_msg("%s in steps of %zu: %s", text, step, ok ? "taken" : err.message);
        if (want)
            assert_string_equal(out.p, want);
        else
            assert_int_equal(err.offset, offset);
    }
    buf_free(&out);
}

static void decodes(void **state)
{
    (void)state;
    check("", "", 0);
    check("Zg==", "f", 0);
    check("Zm8=", "fo", 0);
    check("Zm9v", "foo", 0);
    check("Zm9vYmFy", "foobar", 0);
    check("Zm\r\n9vY\nmFy\n", "foobar", 0);
    check("Z\ng\n=\n=\n", "f", 0);
    check("/+/+", "\xff\xef\xfe", 0);
}

static void refuses(void **state)
{
    (void)state;
    check("Z", NULL, 1);
    check("Zg", NULL, 2);
    check("Zg=", NULL, 3);
    check("Zm9vY", NULL, 5);
    check("=", NULL, 0);
    check("Z===", NULL, 1);
    check("Zg=v", NULL, 3);
    check("Zg==Zg==", NULL, 4);
    check("Zg===", NULL, 4);
    check("Zh==", NULL, 3);
    check("Zm9=", NULL, 3);
    check("Zm 9v", NULL, 2);
    check("Zm-v", NULL, 2);
    check("Zm9v\x80", NULL, 4);
}

static void every_byte(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[4];

    (void)state;
    for (unsigned v = 0; v < 1 << 24; v += 257) {
        struct base64 b = BASE64_INIT;
        unsigned char out[BASE64_DECODED_MAX(4)];
        size_t got;

        for (unsigned i = 0; i < 4; i++)
            text[i] = alphabet[v >> (18 - 6 * i) & 63];
        assert_true(base64_feed(&b, text, 4, out, &got, NULL) && got == 3);
        assert_int_equal((unsigned)out[0] << 16 | (unsigned)out[1] << 8 | out[2], v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_byte),
    };

    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
