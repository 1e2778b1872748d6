/* An image's inspector: no cutting changes the verdict, what was refused on the way stays refused, and a
 * verdict makes sense. The input's first byte says how large the gap is that stands in for the middle of an
 * image. */
#include "config.h"
#include "image/inspect.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

struct verdict {
    bool ok;
    struct inspect_result result;
    struct error err;
};

static const unsigned char zeros[65536];

/* Feeds N bytes at P, or that many zeros where P is NULL, in pieces of STEP. */
static void feed(struct inspect *in, const uint8_t *p, size_t n, size_t step)
{
    while (n > 0) {
        size_t take = step < n ? step : n;

        if (!p && take > sizeof(zeros))
            take = sizeof(zeros);
        inspect_add(in, p ? p : zeros, take);
        p = p ? p + take : NULL;
        n -= take;
    }
}

/* Feeds the image that DATA stands for; *LENGTH is its length. */
static struct verdict inspect_in(struct arena *arena, const uint8_t *data, size_t size, size_t step,
                                 size_t *length)
{
    static const size_t places[] = {0, 512, 32768, 65536, 196608, 1 << 20, (1 << 20) + 65536, 2 << 20};
    struct inspect *in = inspect_new(arena);
    struct verdict v = {0};
    struct error early = {0};
    bool refused;
    size_t at = 0;

    while (size >= 3) {
        size_t place = places[data[0] % (sizeof(places) / sizeof(places[0]))];
        size_t n = (size_t)(data[1] | data[2] << 8);

        data += 3;
        size -= 3;
        n = n < size ? n : size;
        if (at < place) {
            feed(in, NULL, place - at, step);
            at = place;
        }
        feed(in, data, n, step);
        at += n;
        data += n;
        size -= n;
    }
    *length = at;
    refused = inspect_refused(in, &early);
    v.ok = inspect_end(in, &v.result, &v.err);
    if (refused)
        FUZZ_CHECK(!v.ok && strcmp(early.message, v.err.message) == 0);
    return v;
}

static void check_one(const struct verdict *v, uint64_t size)
{
    static const char *const formats[] = {"raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "iso", "ami"};
    struct error err;
    unsigned agreed = 0;

    if (!v->ok) {
        FUZZ_CHECK(v->err.kind == ERROR_BAD_REQUEST && v->err.message[0]);
        return;
    }
    FUZZ_CHECK(v->result.size == size && v->result.virtual_size <= INT64_MAX);
    FUZZ_CHECK(!v->result.foreign || strcmp(v->result.format, "raw") == 0);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (inspect_agrees(&v->result, str_of(formats[i]), &err))
            agreed++;
        else
            FUZZ_CHECK(err.kind == ERROR_BAD_REQUEST && str_is_utf8(str_of(err.message)));
    }
    FUZZ_CHECK(agreed <= 2); /* raw and ami */
}

static void check_same(const struct verdict *a, const struct verdict *b)
{
    FUZZ_CHECK(a->ok == b->ok);
    if (!a->ok) {
        FUZZ_CHECK(strcmp(a->err.message, b->err.message) == 0);
        return;
    }
    FUZZ_CHECK(strcmp(a->result.format, b->result.format) == 0);
    FUZZ_CHECK(a->result.virtual_size == b->result.virtual_size);
    FUZZ_CHECK(!a->result.foreign == !b->result.foreign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    size_t length, again;
    struct verdict whole = inspect_in(arena, data, size, SIZE_MAX, &length), cut;

    check_one(&whole, length);
    cut = inspect_in(arena, data, size, 1 + size * 131u % 5000, &again);
    check_same(&whole, &cut);
    if (length < 4096) {
        cut = inspect_in(arena, data, size, 1, &again);
        check_same(&whole, &cut);
    }
    arena_free(arena);
    return 0;
}
