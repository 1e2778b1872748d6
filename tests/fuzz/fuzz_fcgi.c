/* A request's beginning as the web server sends it: the verdict does not depend on how it comes in, and what
 * is taken is what libfcgi can read. */
#include "config.h"
#include "fcgi/record.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static uint8_t scratch[RECORD_MAX_HEAD];

/* The first length at which there is a verdict. */
static enum record_scan first_verdict(const uint8_t *data, size_t size, size_t step, size_t *at,
                                      struct record_head *head)
{
    enum record_scan got = RECORD_MORE;
    const char *why = NULL;

    for (*at = step < size ? step : size; got == RECORD_MORE; *at += step) {
        if (*at > size)
            *at = size;
        got = record_scan_head(data, *at, scratch, head, &why);
        FUZZ_CHECK(got != RECORD_BAD || why);
        if (*at == size)
            break;
        if (got != RECORD_MORE)
            break;
    }
    return got;
}

/* The body behind it ends at the same byte with the same verdict, however it comes. */
static void pass_over(const uint8_t *data, size_t size, uint16_t request_id)
{
    struct record_rest once = {.request_id = request_id}, slowly = once;
    size_t whole, used, at = 0;
    enum record_scan got = record_skip(&once, data, size, &whole), piece = RECORD_MORE;

    FUZZ_CHECK(whole <= size && (got != RECORD_MORE || whole == size));
    while (piece == RECORD_MORE && at < size) {
        piece = record_skip(&slowly, data + at, 1, &used);
        at += used;
    }
    FUZZ_CHECK(piece == got && at == whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_head whole, pieces;
    size_t at;
    const char *why;
    enum record_scan once, slowly;

    if (size > RECORD_MAX_HEAD)
        size = RECORD_MAX_HEAD;
    once = record_scan_head(data, size, scratch, &whole, &why);
    slowly = first_verdict(data, size, size > 4096 ? 977 : 1, &at, &pieces);
    FUZZ_CHECK(once == slowly);
    if (once != RECORD_READY)
        return 0;
    FUZZ_CHECK(whole.bytes == pieces.bytes && whole.request_id == pieces.request_id);
    FUZZ_CHECK(whole.bytes + RECORD_HEADER <= size && whole.request_id != 0);
    FUZZ_CHECK(at >= whole.bytes + RECORD_HEADER);
    pass_over(data + whole.bytes, size - whole.bytes, whole.request_id);
    return 0;
}
