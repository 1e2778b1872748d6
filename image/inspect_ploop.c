/* Parallels' and Virtuozzo's ploop, both magics: little-endian; 16 version, 28 sectors a block, 32 blocks,
 * 36 size in sectors (32 bits under the old magic). */
#include "config.h"
#include "image/inspect_family.h"

enum { HEADER = 64, KNOWN_VERSION = 2, SECTOR = 512 };

static bool is_old(const struct inspect_view *v)
{
    return inspect_has(v, 0, "WithoutFreeSpace", 16);
}

static bool match(const struct inspect_view *v)
{
    return is_old(v) || inspect_has(v, 0, "WithouFreSpacExt", 16);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    uint64_t sectors, per_block, blocks;

    if (v->n_head < HEADER)
        return inspect_cut(err, "ploop");
    if (get_le32(v->head + 16) != KNOWN_VERSION)
        return error_set(err, ERROR_BAD_REQUEST, "The ploop image's version is %u; only 2 is taken",
                         get_le32(v->head + 16));
    per_block = get_le32(v->head + 28);
    blocks = get_le32(v->head + 32);
    sectors = is_old(v) ? get_le32(v->head + 36) : get_le64(v->head + 36);
    /* The product of two 32-bit numbers does not overflow. */
    if (!per_block || sectors > per_block * blocks || sectors > UINT64_MAX / SECTOR)
        return error_set(err, ERROR_BAD_REQUEST, "The ploop image's table of blocks does not fit its size");
    disk->virtual_size = sectors * SECTOR;
    return true;
}

const struct inspect_family inspect_ploop = {.name = "ploop", .match = match, .check = check};
