/* ISO 9660 and UDF, alone or both: descriptors of 2,048 bytes from 0x8000 on, each with a name at its second
 * byte. The primary one of ISO 9660 (type 1) has the number of blocks at 80 and their size at 128. */
#include "config.h"
#include "image/inspect_family.h"

enum { FIRST = 0x8000, DESCRIPTOR = 2048, TYPE_PRIMARY = 1 };

static bool is_iso(const struct inspect_view *v, size_t at)
{
    return inspect_has(v, at + 1, "CD001", 5);
}

static bool is_udf(const struct inspect_view *v, size_t at)
{
    return inspect_has(v, at + 1, "NSR02", 5) || inspect_has(v, at + 1, "NSR03", 5);
}

static bool is_descriptor(const struct inspect_view *v, size_t at)
{
    return is_iso(v, at) || is_udf(v, at) || inspect_has(v, at + 1, "BEA01", 5) ||
           inspect_has(v, at + 1, "TEA01", 5) || inspect_has(v, at + 1, "BOOT2", 5) ||
           inspect_has(v, at + 1, "CDW02", 5);
}

static bool match(const struct inspect_view *v)
{
    for (size_t at = FIRST; is_descriptor(v, at); at += DESCRIPTOR)
        if (is_iso(v, at) || is_udf(v, at))
            return true;
    return false;
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    (void)err;
    for (size_t at = FIRST; is_descriptor(v, at); at += DESCRIPTOR)
        if (is_iso(v, at) && v->n_head - at >= DESCRIPTOR && v->head[at] == TYPE_PRIMARY) {
            disk->virtual_size = (uint64_t)get_le32(v->head + at + 80) * get_le16(v->head + at + 128);
            break;
        }
    return true;
}

static bool end(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    if (v->size < FIRST + DESCRIPTOR)
        return inspect_cut(err, "ISO");
    if (!disk->virtual_size)
        disk->virtual_size = v->size; /* UDF alone keeps it elsewhere */
    return true;
}

const struct inspect_family inspect_iso = {.name = "iso", .match = match, .check = check, .end = end};
