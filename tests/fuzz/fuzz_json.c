/* Both JSON readers and the writer: what the tree reader takes is written and read again without a change;
 * what the flat reader takes in one piece it takes byte by byte, and the tree reader takes it too but for
 * keys that come twice and its limits. */
#include "config.h"
#include "base/json.h"
#include "base/json_flat.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static struct buf flat_seen;

static bool on_member(void *ctx, struct str key, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_add_char(&flat_seen, '\1');
    buf_add_str(&flat_seen, key);
    buf_add_char(&flat_seen, '\2');
    return true;
}

static bool on_data(void *ctx, const char *p, size_t n, struct error *err)
{
    (void)ctx;
    (void)err;
    FUZZ_CHECK(n > 0);
    buf_add(&flat_seen, p, n);
    return true;
}

static bool on_end(void *ctx, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_add_char(&flat_seen, '\3');
    return true;
}

static bool flat(struct str text, size_t step, struct error *err)
{
    const struct json_flat_sink sink = {NULL, on_member, on_data, on_end};
    struct json_flat f;

    json_flat_init(&f, &sink);
    for (size_t i = 0; i < text.n; i += step)
        if (!json_flat_feed(&f, text.p + i, text.n - i < step ? text.n - i : step, err))
            return false;
    return json_flat_end(&f, err);
}

static void fuzz_flat(struct arena *arena, struct str text)
{
    struct buf whole;
    struct error one, all;

    buf_init(&whole, 1 << 20);
    buf_init(&flat_seen, 1 << 20);
    bool took = flat(text, text.n + 1, &all);
    buf_add_str(&whole, buf_str(&flat_seen));
    buf_clear(&flat_seen);
    FUZZ_CHECK(flat(text, 1, &one) == took);
    FUZZ_CHECK(!took || str_eq(buf_str(&whole), buf_str(&flat_seen)));
    FUZZ_CHECK(took || (one.offset == all.offset && one.kind == ERROR_BAD_REQUEST && one.has_offset));
    if (took && !json_parse(arena, text, NULL, &one))
        FUZZ_CHECK(strstr(one.message, " twice ") || strstr(one.message, "more than") ||
                   one.kind == ERROR_TOO_LARGE);
    buf_free(&whole);
    buf_free(&flat_seen);
}

static void fuzz_tree(struct arena *arena, struct str text)
{
    const struct json_limits limits = {1 << 20, 10000, 20};
    struct json_writer w;
    struct buf first, second;
    struct error err = {0};
    struct json *j = json_parse(arena, text, &limits, &err);

    if (!j) {
        FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST || err.kind == ERROR_TOO_LARGE);
        FUZZ_CHECK(err.kind == ERROR_TOO_LARGE || (err.has_offset && err.offset <= text.n));
        FUZZ_CHECK(str_is_utf8(str_of(err.message)));
        return;
    }
    buf_init(&first, 16 << 20);
    buf_init(&second, 16 << 20);
    json_writer_init(&w, &first);
    json_value(&w, j);
    j = json_parse(arena, buf_str(&first), NULL, &err);
    FUZZ_CHECK(j || err.kind == ERROR_TOO_LARGE);
    if (j) {
        json_writer_init(&w, &second);
        json_value(&w, j);
        FUZZ_CHECK(str_eq(buf_str(&first), buf_str(&second)));
    }
    buf_free(&first);
    buf_free(&second);
}

/* Any bytes as a string, whole and in pieces, are the same JSON. */
static void fuzz_string(struct arena *arena, struct str text)
{
    struct json_writer w;
    struct json_str_state s;
    struct buf whole, pieces;

    if (text.n > 10000)
        return;
    buf_init(&whole, 1 << 20);
    buf_init(&pieces, 1 << 20);
    json_writer_init(&w, &whole);
    json_str(&w, (struct str){text.p ? text.p : "", text.n});
    json_writer_init(&w, &pieces);
    json_str_begin(&w, &s);
    for (size_t i = 0; i < text.n; i++)
        json_str_piece(&w, &s, (struct str){text.p + i, 1});
    json_str_end(&w, &s);
    FUZZ_CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
    const struct json *j = json_parse(arena, buf_str(&whole), NULL, NULL);
    FUZZ_CHECK(j && j->type == JSON_STRING);
    FUZZ_CHECK(!str_is_utf8(text) || str_eq(j->str, text));
    buf_free(&whole);
    buf_free(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str text = {(const char *)data, size};

    fuzz_tree(arena, text);
    fuzz_flat(arena, text);
    fuzz_string(arena, text);
    arena_free(arena);
    return 0;
}
