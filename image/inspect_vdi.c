/* VirtualBox's VDI, version 1.1: little-endian; 0x40 signature, 0x44 version, 0x4c type, 0x168 sector size,
 * 0x170 size, 0x178 block size, 0x180 blocks, 0x1a8 and 0x1b8 the UUIDs of what it is a difference to. */
#include "config.h"
#include "image/inspect_family.h"

enum { HEADER = 0x1c8, KNOWN_VERSION = 0x10001, TYPE_DYNAMIC = 1, TYPE_FIXED = 2, SECTOR = 512 };

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0x40, "\x7f\x10\xda\xbe", 4);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    static const unsigned char none[32];
    uint32_t type;
    uint64_t block;

    if (v->n_head < HEADER)
        return inspect_cut(err, "VDI");
    if (get_le32(v->head + 0x44) != KNOWN_VERSION)
        return error_set(err, ERROR_BAD_REQUEST, "The VDI image's version is %u.%u; only 1.1 is taken",
                         get_le16(v->head + 0x46), get_le16(v->head + 0x44));
    type = get_le32(v->head + 0x4c);
    if ((type != TYPE_DYNAMIC && type != TYPE_FIXED) || memcmp(v->head + 0x1a8, none, sizeof(none)) != 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The VDI image is the difference to another one, not a whole disk");
    block = get_le32(v->head + 0x178);
    disk->virtual_size = get_le64(v->head + 0x170);
    if (get_le32(v->head + 0x168) != SECTOR || !block ||
        disk->virtual_size > block * get_le32(v->head + 0x180))
        return error_set(err, ERROR_BAD_REQUEST, "The VDI image's table of blocks does not fit its size");
    return true;
}

const struct inspect_family inspect_vdi = {.name = "vdi", .match = match, .check = check};
