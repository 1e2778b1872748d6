#include "config.h"
#include "handlers/byte_range.h"

/* "-N": the last N bytes. */
static enum byte_range suffix(struct str n, uint64_t size, uint64_t *first, uint64_t *last)
{
    uint64_t count;

    if (!str_to_u64(n, UINT64_MAX, &count))
        return BYTE_RANGE_NONE;
    if (count == 0 || size == 0)
        return BYTE_RANGE_BEYOND;
    *first = count < size ? size - count : 0;
    *last = size - 1;
    return BYTE_RANGE_ONE;
}

enum byte_range byte_range(struct str value, uint64_t size, uint64_t *first, uint64_t *last)
{
    struct str unit, set, from, to;

    if (!str_cut(value, '=', &unit, &set) || !str_eq_nocase(str_trim(unit), STR("bytes")))
        return BYTE_RANGE_NONE;
    if (!str_cut(str_trim(set), '-', &from, &to))
        return BYTE_RANGE_NONE;
    if (from.n == 0)
        return suffix(to, size, first, last);
    if (!str_to_u64(from, UINT64_MAX, first))
        return BYTE_RANGE_NONE;
    *last = UINT64_MAX;
    if (to.n > 0 && (!str_to_u64(to, UINT64_MAX, last) || *last < *first))
        return BYTE_RANGE_NONE;
    if (*first >= size)
        return BYTE_RANGE_BEYOND;
    if (*last >= size)
        *last = size - 1;
    return BYTE_RANGE_ONE;
}
