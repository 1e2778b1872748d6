/* The request target: what is taken is clean, and encoded again it reads as the same parameters. */
#include "config.h"
#include "base/buf.h"
#include "handlers/uri.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_path(struct arena *arena, struct str raw)
{
    struct error err = {0};
    struct str path, segment, rest;

    if (!uri_decode_path(arena, raw, &path, &err)) {
        FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST || err.kind == ERROR_NOT_FOUND);
        FUZZ_CHECK(str_is_utf8(str_of(err.message)));
        return;
    }
    FUZZ_CHECK(str_is_utf8(path) && path.n <= raw.n);
    for (size_t i = 0; i < path.n; i++)
        FUZZ_CHECK((unsigned char)path.p[i] >= ' ' && path.p[i] != 0x7f);
    for (rest = path; rest.n;) {
        str_cut(rest, '/', &segment, &rest);
        FUZZ_CHECK(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
    }
}

static void check_query(struct arena *arena, struct str raw)
{
    struct query_param *params, *again;
    size_t n, n_again;
    struct error err = {0};
    struct buf text;

    if (!uri_parse_query(arena, raw, &params, &n, &err)) {
        FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST && str_is_utf8(str_of(err.message)));
        return;
    }
    FUZZ_CHECK(n <= URI_MAX_PARAMS);
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(params[i].name.n > 0 && str_is_utf8(params[i].name) && str_is_utf8(params[i].value));
        FUZZ_CHECK(!memchr(params[i].name.p, '\0', params[i].name.n));
        FUZZ_CHECK(params[i].value.n == 0 || !memchr(params[i].value.p, '\0', params[i].value.n));
        if (i)
            buf_add_char(&text, '&');
        uri_encode(&text, params[i].name);
        buf_add_char(&text, '=');
        uri_encode(&text, params[i].value);
    }
    if (buf_ok(&text) && text.n <= URI_MAX_BYTES) {
        FUZZ_CHECK(uri_parse_query(arena, buf_str(&text), &again, &n_again, &err));
        FUZZ_CHECK(n == n_again);
        for (size_t i = 0; i < n; i++)
            FUZZ_CHECK(str_eq(params[i].name, again[i].name) && str_eq(params[i].value, again[i].value));
    }
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str path, query;

    uri_split((struct str){(const char *)data, size}, &path, &query);
    check_path(arena, path);
    check_query(arena, query);
    arena_free(arena);
    return 0;
}
