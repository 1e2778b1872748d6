/* An upload's whole body: type and coding by the first byte, and what comes out must not depend on how it
 * came in. */
#include "config.h"
#include "base/buf.h"
#include "handlers/body.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *const types[] = {"application/octet-stream", "multipart/form-data; boundary=b",
                                    "application/json"};
static const char *const codings[] = {NULL, "gzip", "zstd"};

static struct {
    const char *type;
    const char *coding;
    struct str body;
    size_t step;
} in;

struct str request_header(const struct request *r, const char *name)
{
    (void)r;
    return str_of(strcmp(name, "Content-Type") == 0 ? in.type : in.coding);
}

bool request_body_read(struct request *r, void *p, size_t n, size_t *got, struct error *err)
{
    (void)r;
    (void)err;
    n = n < in.step ? n : in.step;
    n = n < in.body.n ? n : in.body.n;
    if (n)
        memcpy(p, in.body.p, n);
    in.body = (struct str){in.body.p + n, in.body.n - n};
    *got = n;
    return true;
}

static bool on_begin(void *ctx, unsigned index, enum body_kind kind, struct error *err)
{
    (void)kind;
    (void)err;
    buf_printf(ctx, "<%u>", index);
    return true;
}

static bool on_data(void *ctx, const void *p, size_t n, struct error *err)
{
    (void)err;
    FUZZ_CHECK(n > 0);
    buf_add(ctx, p, n);
    return true;
}

static bool on_end(void *ctx, struct error *err)
{
    (void)err;
    buf_add_cstr(ctx, "</>");
    return true;
}

static bool decode(struct arena *arena, struct str body, size_t step, struct buf *seen)
{
    const struct body_limits limits = {2 << 20, 1000, 3};
    const struct body_sink sink = {seen, on_begin, on_data, on_end};
    struct request r = {.arena = arena};
    struct error err = {0};

    in.body = body;
    in.step = step;
    if (body_decode(&r, &limits, &sink, &err))
        return true;
    FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST && err.message[0]);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(65536);
    struct buf whole, pieces;

    if (size > 0) {
        struct str body = {(const char *)data + 1, size - 1};

        in.type = types[data[0] % 3];
        in.coding = codings[data[0] / 3 % 3];
        buf_init(&whole, 4 << 20);
        buf_init(&pieces, 4 << 20);
        bool ok = decode(arena, body, 1 << 20, &whole);
        FUZZ_CHECK(decode(arena, body, data[0] & 128 ? 1 : 13, &pieces) == ok);
        FUZZ_CHECK(!ok || str_eq(buf_str(&whole), buf_str(&pieces)));
        buf_free(&whole);
        buf_free(&pieces);
    }
    arena_free(arena);
    return 0;
}
