/* Hyper-V's VHDX. Little-endian; the table of regions at 192 KiB names the region of metadata, whose table
 * names the items: of these the size is wanted, and the parameters, which tell of a parent.
 *
 * Table of regions: 0 "regi", 8 count, then entries of 32 bytes from 16 on: GUID, 16 offset, 24 length,
 * 28 bit 0: must be known. Table of metadata: 0 "metadata", 10 count, then entries of 32 bytes from 32 on:
 * GUID, 16 offset in the region, 20 length.
 */
#include "config.h"
#include "image/inspect_family.h"

enum {
    REGIONS_AT = 192 * 1024,
    TABLE = 65536,
    MAX_ENTRIES = 2047,
    ENTRY = 32,
    MIB = 1 << 20,
    PARAMETER_HAS_PARENT = 2,
    STAGE_REGIONS = 0,
    STAGE_METADATA,
    STAGE_ITEMS,
};

/* GUIDs as they lie in the file. */
static const unsigned char region_bat[16] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                             0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const unsigned char region_metadata[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                                  0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const unsigned char item_parameters[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                                  0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const unsigned char item_size[16] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                            0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
static const unsigned char item_parent[16] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
                                              0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_BAD_REQUEST, "The VHDX image %s", what);
}

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0, "vhdxfile", 8);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    if (v->n_head < INSPECT_HEAD)
        return inspect_cut(err, "VHDX");
    disk->want_offset = REGIONS_AT;
    disk->want_n = TABLE;
    return true;
}

static bool read_regions(struct inspect_disk *disk, struct error *err)
{
    const unsigned char *p = disk->more;
    uint32_t count = get_le32(p + 8);
    unsigned found = 0;

    if (memcmp(p, "regi", 4) != 0)
        return refuse(err, "has no table of regions");
    if (count > MAX_ENTRIES)
        return refuse(err, "has too many regions");
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *e = p + 16 + (size_t)ENTRY * i;

        if (memcmp(e, region_metadata, 16) == 0) {
            found++;
            disk->place = get_le64(e + 16);
            disk->length = get_le32(e + 24);
        } else if (memcmp(e, region_bat, 16) != 0 && (get_le32(e + 28) & 1)) {
            return refuse(err, "has a region that is not known here");
        }
    }
    if (found != 1)
        return refuse(err, found ? "has several regions of metadata" : "has no region of metadata");
    if (disk->place < MIB || disk->place % MIB || disk->place > INT64_MAX || disk->length < MIB)
        return refuse(err, "has its metadata in an impossible place");
    disk->want_offset = disk->place;
    disk->want_n = TABLE;
    disk->stage = STAGE_METADATA;
    return true;
}

/* Where the two items lie in the region, both within what may be asked for at once. */
static bool want_items(struct inspect_disk *disk, uint32_t size, uint32_t parameters, struct error *err)
{
    uint32_t low = size < parameters ? size : parameters, high = size < parameters ? parameters : size;

    if (low < TABLE || high > disk->length - 8 || high - low > INSPECT_MORE - 8)
        return refuse(err, "has its size in an impossible place");
    disk->want_offset = disk->place + low;
    disk->want_n = high - low + 8;
    disk->place = size - low;
    disk->length = parameters - low;
    disk->stage = STAGE_ITEMS;
    return true;
}

static bool read_metadata(struct inspect_disk *disk, struct error *err)
{
    const unsigned char *p = disk->more;
    uint32_t count = get_le16(p + 10), size = 0, parameters = 0;

    if (memcmp(p, "metadata", 8) != 0)
        return refuse(err, "has no table of metadata");
    if (count > MAX_ENTRIES)
        return refuse(err, "has too many items of metadata");
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *e = p + 32 + (size_t)ENTRY * i;
        uint32_t *item = memcmp(e, item_size, 16) == 0         ? &size
                         : memcmp(e, item_parameters, 16) == 0 ? &parameters
                                                               : NULL;

        if (memcmp(e, item_parent, 16) == 0)
            return refuse(err, "is the difference to another one, not a whole disk");
        if (!item)
            continue;
        if (*item || get_le32(e + 20) != 8)
            return refuse(err, "has its size twice, or of an impossible length");
        *item = get_le32(e + 16);
    }
    if (!size || !parameters)
        return refuse(err, "does not say how large it is");
    return want_items(disk, size, parameters, err);
}

static bool read_items(struct inspect_disk *disk, struct error *err)
{
    if (get_le32(disk->more + disk->length + 4) & PARAMETER_HAS_PARENT)
        return refuse(err, "is the difference to another one, not a whole disk");
    disk->virtual_size = get_le64(disk->more + disk->place);
    return true;
}

static bool more(struct inspect_disk *disk, struct error *err)
{
    switch (disk->stage) {
    case STAGE_REGIONS: return read_regions(disk, err);
    case STAGE_METADATA: return read_metadata(disk, err);
    default: return read_items(disk, err);
    }
}

const struct inspect_family inspect_vhdx = {.name = "vhdx", .match = match, .check = check, .more = more};
