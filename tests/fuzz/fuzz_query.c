/* A request's target: what comes out of it is clean, is decoded once, and survives being encoded again. */
#include "config.h"
#include "base/buf.h"
#include "handlers/uri.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_text(struct str s)
{
    FUZZ_CHECK(str_is_utf8(s));
    FUZZ_CHECK(!s.n || !memchr(s.p, '\0', s.n));
}

static void check_path(struct arena *arena, struct str raw)
{
    struct str path, again, rest, segment;
    struct error err;
    struct buf b;

    if (!uri_decode_path(arena, raw, &path, &err)) {
        FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST || err.kind == ERROR_NOT_FOUND);
        check_text(str_of(err.message));
        return;
    }
    check_text(path);
    FUZZ_CHECK(path.n > 0 && path.p[0] == '/' && path.n <= raw.n);
    buf_init(&b, 3 * path.n + 1);
    for (rest = path; rest.n > 0;) {
        bool more = str_cut(rest, '/', &segment, &rest);

        FUZZ_CHECK(!str_eq_cstr(segment, "..") && !str_eq_cstr(segment, "."));
        for (size_t i = 0; i < segment.n; i++)
            FUZZ_CHECK((unsigned char)segment.p[i] >= 0x20 && segment.p[i] != 0x7f);
        uri_encode(&b, segment);
        if (more)
            buf_add_char(&b, '/');
    }
    FUZZ_CHECK(buf_ok(&b));
    if (b.n <= URI_MAX_BYTES) {
        FUZZ_CHECK(uri_decode_path(arena, buf_str(&b), &again, &err));
        FUZZ_CHECK(str_eq(path, again));
    }
    buf_free(&b);
}

static void check_query(struct arena *arena, struct str raw)
{
    struct query_param *params, *again;
    size_t n, n_again;
    struct error err;
    struct buf b;

    if (!uri_parse_query(arena, raw, &params, &n, &err)) {
        FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST);
        return;
    }
    FUZZ_CHECK(n <= URI_MAX_PARAMS);
    buf_init(&b, 3 * raw.n + 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        check_text(params[i].name);
        check_text(params[i].value);
        FUZZ_CHECK(params[i].name.n > 0 && !params[i].used);
        uri_encode(&b, params[i].name);
        buf_add_char(&b, '=');
        uri_encode(&b, params[i].value);
        buf_add_char(&b, '&');
    }
    FUZZ_CHECK(buf_ok(&b));
    if (b.n > 0 && b.n <= URI_MAX_BYTES && n < URI_MAX_PARAMS) {
        FUZZ_CHECK(uri_parse_query(arena, buf_str(&b), &again, &n_again, &err));
        FUZZ_CHECK(n == n_again);
        for (size_t i = 0; i < n; i++)
            FUZZ_CHECK(str_eq(params[i].name, again[i].name) && str_eq(params[i].value, again[i].value));
    }
    buf_free(&b);
}

/* What handlers ask of a query, whatever stands in it. */
static void ask(struct arena *arena, struct str raw)
{
    struct request r = {.arena = arena};
    uint64_t number = 7;
    struct str value;
    struct error err;
    bool truth;

    if (!uri_parse_query(arena, raw, &r.query, &r.n_query, &err))
        return;
    if (query_u64(&r, "limit", 1, 1000, &number, &err))
        FUZZ_CHECK(number >= 1 && number <= 1000);
    query_bool(&r, "attachments", &truth, &err);
    if (query_get(&r, "cpid", false, &value, &err))
        FUZZ_CHECK(!value.p || value.n > 0);
    if (!query_check(&r, &err))
        FUZZ_CHECK(r.n_query > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str path, query;

    uri_split((struct str){(const char *)data, size}, &path, &query);
    check_path(arena, path);
    check_query(arena, query);
    ask(arena, query);
    arena_free(arena);
    return 0;
}
