/* JUnit XML: the events must not depend on the pieces in which it came, and what is refused says why. */
#include "config.h"
#include "base/buf.h"
#include "handlers/junit_read.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

struct seen {
    struct buf b;
    uint64_t files; /* bytes of them */
};

/* Pieces of one file differ with the pieces of the document: only what they come to counts. */
static bool on_event(void *ctx, const struct subunit_event *e, struct error *err)
{
    struct seen *seen = ctx;

    (void)err;
    FUZZ_CHECK(e->has_id && e->id.n > 0 && str_is_utf8((struct str){e->id.p, e->id.n}));
    FUZZ_CHECK(!memchr(e->id.p, '\0', e->id.n));
    if (e->has_file) {
        FUZZ_CHECK(e->file.n > 0 && e->file_name.n > 0);
        buf_add(&seen->b, e->file.p, e->file.n);
        seen->files += e->file.n;
    } else {
        buf_printf(&seen->b, "<%.*s %d %d %lld>", (int)e->id.n, e->id.p, (int)e->status, e->has_time,
                   (long long)e->time);
    }
    return true;
}

static bool read_all(struct str text, size_t step, struct seen *seen)
{
    struct junit_reader *j = junit_reader_new(300, 0, on_event, seen);
    struct error err = {.kind = ERROR_NONE};
    bool ok = true;

    FUZZ_CHECK(j);
    while (ok && text.n) {
        size_t n = text.n < step ? text.n : step;

        ok = junit_reader_feed(j, text.p, n, &err);
        text = (struct str){text.p + n, text.n - n};
    }
    ok = ok && junit_reader_finish(j, &err);
    junit_reader_free(j);
    FUZZ_CHECK(ok || (err.kind == ERROR_BAD_REQUEST && err.message[0] && err.has_offset));
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct seen whole = {.files = 0}, pieces = {.files = 0};

    buf_init(&whole.b, 16 << 20);
    buf_init(&pieces.b, 16 << 20);
    bool ok = read_all(text, size ? size : 1, &whole);
    FUZZ_CHECK(read_all(text, size > 4096 ? 997 : 7, &pieces) == ok);
    FUZZ_CHECK(!ok || str_eq(buf_str(&whole.b), buf_str(&pieces.b)));
    buf_free(&whole.b);
    buf_free(&pieces.b);
    return 0;
}
