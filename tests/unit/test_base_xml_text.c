#include "config.h"
#include "base/xml_text.h"
#include "tests/unit/unit.h"

#include <string.h>

#define R "\xef\xbf\xbd"

/* TEXT in pieces of every size gives WANT. */
static void check(struct str text, const char *want)
{
    for (size_t step = 1; step <= text.n + 1; step++) {
        struct xml_text x = {.n = 0};
        struct buf b;

        buf_init(&b, 4096);
        for (size_t at = 0; at < text.n; at += step)
            xml_text_add(&x, &b, (struct str){text.p + at, text.n - at < step ? text.n - at : step});
        xml_text_end(&x, &b);
        if (!str_eq_cstr(buf_str(&b), want))
            fail_msg("in steps of %zu: %.*s", step, (int)b.n, b.p);
        buf_free(&b);
    }
}

static void test_text(void **state)
{
    (void)state;
    check(STR(""), "");
    check(STR("a<b>&\"'\t\n\r]]>"), "a&lt;b&gt;&amp;&quot;'\t\n&#13;]]&gt;");
    check(STR("\x00\x01\x1b\x7f"), R R R "\x7f");
    check(STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    check(STR("\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd"), R R R);
    check(STR("a\xe2\x82"
              "b\xff\xed\xa0\x80z\xf0\x9f\x98"),
          "a" R R "b" R R R R "z" R R R);
    check(STR("\xc0\xaf\xf5\x80"), R R R R);
}

static void check_attribute(struct str value, size_t max, const char *want)
{
    struct buf b;

    buf_init(&b, 4096);
    xml_attribute(&b, "a", value, max);
    if (!str_eq_cstr(buf_str(&b), want))
        fail_msg("%.*s", (int)b.n, b.p);
    buf_free(&b);
}

static void test_attribute(void **state)
{
    (void)state;
    check_attribute((struct str){NULL, 0}, 10, " a=\"\"");
    check_attribute(STR("x\n\ty\"<"), 10, " a=\"x&#10;&#9;y&quot;&lt;\"");
    check_attribute(STR("ab\xe2\x82\xac"), 4, " a=\"ab\"");
    check_attribute(STR("ab\xe2\x82\xac"), 5, " a=\"ab\xe2\x82\xac\"");
    check_attribute(STR("\xe2\n"), 5, " a=\"" R "&#10;\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_attribute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
