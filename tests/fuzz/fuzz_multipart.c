/* multipart/form-data: in one piece and byte by byte come the same parts, or the same refusal at the same
 * byte. The first line is the Content-Type's parameters. */
#include "config.h"
#include "base/buf.h"
#include "handlers/multipart.h"
#include "tests/fuzz/fuzz.h"

static bool on_begin(void *ctx, const struct multipart_part *part, struct error *err)
{
    struct buf *seen = ctx;

    (void)err;
    FUZZ_CHECK(part->name.p);
    buf_add_char(seen, '\1');
    buf_add_str(seen, part->name);
    buf_add_char(seen, '\2');
    buf_add_str(seen, part->filename);
    buf_add_char(seen, '\2');
    buf_add_str(seen, part->content_type);
    buf_add_char(seen, '\2');
    return true;
}

static bool on_data(void *ctx, const char *p, size_t n, struct error *err)
{
    (void)err;
    FUZZ_CHECK(n > 0);
    buf_add(ctx, p, n);
    return true;
}

static bool on_end(void *ctx, struct error *err)
{
    (void)err;
    buf_add_char(ctx, '\3');
    return true;
}

static bool read_in(struct arena *arena, struct str boundary, struct str body, size_t step, struct buf *seen,
                    struct error *err)
{
    const struct multipart_sink sink = {seen, on_begin, on_data, on_end};
    struct multipart *m = multipart_new(arena, boundary, &sink);

    for (size_t i = 0; i < body.n; i += step)
        if (!multipart_feed(m, body.p + i, body.n - i < step ? body.n - i : step, err))
            return false;
    return multipart_end(m, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str params, body, boundary;
    struct buf whole, single;
    struct error a = {0}, b = {0};

    buf_init(&whole, 1 << 20);
    buf_init(&single, 1 << 20);
    str_cut((struct str){(const char *)data, size}, '\n', &params, &body);
    if (!multipart_boundary(arena, params, &boundary, &a))
        boundary = STR("b");
    FUZZ_CHECK(boundary.n >= 1 && boundary.n <= 70);
    bool ok = read_in(arena, boundary, body, body.n + 1, &whole, &a);
    FUZZ_CHECK(read_in(arena, boundary, body, 1, &single, &b) == ok);
    FUZZ_CHECK(ok || (a.offset == b.offset && a.offset <= body.n && a.kind == ERROR_BAD_REQUEST));
    FUZZ_CHECK(str_eq(buf_str(&whole), buf_str(&single)));
    buf_free(&whole);
    buf_free(&single);
    arena_free(arena);
    return 0;
}
