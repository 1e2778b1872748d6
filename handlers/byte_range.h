/* byte_range.h - a Range header (RFC 9110, section 14) of one range. */
#ifndef TALLY_HANDLERS_BYTE_RANGE_H
#define TALLY_HANDLERS_BYTE_RANGE_H

#include "base/str.h"

enum byte_range {
    BYTE_RANGE_NONE,  /* no header, another unit, several ranges, or malformed: send it whole */
    BYTE_RANGE_ONE,   /* bytes *FIRST to *LAST, both included */
    BYTE_RANGE_BEYOND /* outside the SIZE bytes: 416 */
};

/* What VALUE (p NULL: no header) asks of SIZE bytes. */
enum byte_range byte_range(struct str value, uint64_t size, uint64_t *first, uint64_t *last);

#endif
