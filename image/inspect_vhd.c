/* Virtual PC's VHD. A dynamic one begins with a copy of the footer that it ends with; one of fixed size is
 * the disk and then the footer. Big-endian; of the footer: 16 offset of the dynamic header, 48 size, 60 type,
 * 64 checksum, 68 UUID; of the dynamic header: 28 blocks, 32 block size.
 */
#include "config.h"
#include "image/inspect_family.h"

enum { FOOTER = 512, DYNAMIC_HEADER = 1024, TYPE_FIXED = 2, TYPE_DYNAMIC = 3, TYPE_DIFFERENCE = 4 };

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0, "conectix", 8);
}

static const unsigned char *footer_of(const struct inspect_view *v)
{
    return v->n_tail < FOOTER ? NULL : v->tail + v->n_tail - FOOTER;
}

static bool match_end(const struct inspect_view *v)
{
    const unsigned char *footer = footer_of(v);

    return footer && memcmp(footer, "conectix", 8) == 0;
}

/* The ones' complement of the sum of all bytes but the checksum's own. */
static bool sum_holds(const unsigned char *p, size_t n, size_t at)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (i < at || i >= at + 4)
            sum += p[i];
    return ~sum == get_be32(p + at);
}

static bool check_footer(const unsigned char *footer, struct error *err)
{
    uint32_t type = get_be32(footer + 60);

    if (type == TYPE_DIFFERENCE)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The VHD image is the difference to another one, not a whole disk");
    if (type != TYPE_FIXED && type != TYPE_DYNAMIC)
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image's type is not known here (%u)", type);
    if (!sum_holds(footer, FOOTER, 64))
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image's checksum is wrong");
    return true;
}

static bool check_dynamic(const struct inspect_view *v, uint64_t size, struct error *err)
{
    uint64_t at = get_be64(v->head + 16);
    const unsigned char *header;

    if (at < FOOTER || at > v->n_head || v->n_head - at < DYNAMIC_HEADER ||
        memcmp(v->head + at, "cxsparse", 8) != 0)
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image's second header is not where it should be");
    header = v->head + at;
    if (!sum_holds(header, DYNAMIC_HEADER, 36))
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image's second checksum is wrong");
    if (size > (uint64_t)get_be32(header + 28) * get_be32(header + 32))
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image's table of blocks does not fit its size");
    return true;
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    if (!match(v))
        return true; /* fixed: all that there is to check stands at the end */
    if (v->n_head < FOOTER)
        return inspect_cut(err, "VHD");
    if (!check_footer(v->head, err))
        return false;
    if (get_be32(v->head + 60) != TYPE_DYNAMIC)
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image of fixed size begins with a footer");
    disk->virtual_size = get_be64(v->head + 48);
    return check_dynamic(v, disk->virtual_size, err);
}

static bool end(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    const unsigned char *footer = footer_of(v);

    if (!footer || v->size < 2 * FOOTER || !match_end(v))
        return error_set(err, ERROR_BAD_REQUEST, "The VHD image is cut off: it does not end with a footer");
    if (match(v)) {
        if (memcmp(footer + 16, v->head + 16, 8) != 0 || memcmp(footer + 48, v->head + 48, 8) != 0 ||
            memcmp(footer + 60, v->head + 60, 4) != 0 || memcmp(footer + 68, v->head + 68, 16) != 0)
            return error_set(err, ERROR_BAD_REQUEST,
                             "The VHD image's footer is not the one that it begins with");
        return true;
    }
    if (!check_footer(footer, err))
        return false;
    if (get_be32(footer + 60) != TYPE_FIXED)
        return error_set(err, ERROR_BAD_REQUEST, "The dynamic VHD image does not begin with its footer");
    disk->virtual_size = get_be64(footer + 48);
    if (disk->virtual_size != v->size - FOOTER)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The VHD image of fixed size has another length than its footer says");
    return true;
}

const struct inspect_family inspect_vhd = {
    .name = "vhd", .match = match, .check = check, .match_end = match_end, .end = end};
