/* The configuration: it is taken, or every mistake is a line that says where. */
#include "config.h"
#include "base/conf.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf mistakes, changed;
    struct str line, rest;

    buf_init(&mistakes, 64 << 20);
    buf_init(&changed, 100000);
    struct conf *c = conf_parse("f", (struct str){(const char *)data, size}, &mistakes);
    FUZZ_CHECK((c != NULL) == (mistakes.n == 0));
    for (rest = buf_str(&mistakes); rest.n;) {
        FUZZ_CHECK(str_cut(rest, '\n', &line, &rest));
        FUZZ_CHECK(str_starts(line, STR("f:")));
    }
    if (c) {
        struct conf *d = conf_default();

        conf_keep_immutable(d, c, &changed);
        buf_clear(&changed);
        conf_keep_immutable(d, c, &changed);
        FUZZ_CHECK(changed.n == 0);
        conf_unref(d);
        conf_unref(c);
    }
    buf_free(&mistakes);
    buf_free(&changed);
    return 0;
}
