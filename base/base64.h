/* base64.h - base64 (RFC 4648, section 4) decoded from pieces of any size.
 *
 * Strict: padding is needed, its spare bits are 0, nothing stands behind it. CR and LF between characters are
 * skipped, for MIME's encoders break lines.
 */
#ifndef TALLY_BASE_BASE64_H
#define TALLY_BASE_BASE64_H

#include "base/error.h"

#include <stddef.h>

struct base64 {
    uint64_t offset; /* characters seen */
    uint32_t bits;
    unsigned n_chars; /* of the group of four that we are in */
    unsigned n_pad;
    bool ended;
};

/* All zero is the beginning. */
#define BASE64_INIT ((struct base64){.offset = 0})

/* The most bytes that N characters give. */
#define BASE64_DECODED_MAX(n) ((n) / 4 * 3 + 3)

/* Decodes N characters to OUT, which has room for BASE64_DECODED_MAX(N); *GOT says how many bytes came.
 * False: ERROR_BAD_REQUEST with the character's offset. */
bool base64_feed(struct base64 *b, const char *p, size_t n, unsigned char *out, size_t *got,
                 struct error *err);

/* The text has ended. */
bool base64_end(const struct base64 *b, struct error *err);

#endif
