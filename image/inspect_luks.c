/* LUKS, version 1: big-endian; 0 magic, 6 version, 104 offset of the data in sectors. */
#include "config.h"
#include "image/inspect_family.h"

enum { HEADER = 592, SECTOR = 512 };

static bool match(const struct inspect_view *v)
{
    return inspect_has(v, 0, "LUKS\xba\xbe", 6);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    (void)disk;
    if (v->n_head < HEADER)
        return inspect_cut(err, "LUKS");
    if (get_be16(v->head + 6) != 1)
        return error_set(err, ERROR_BAD_REQUEST, "The LUKS volume's version is %u; only 1 is taken",
                         get_be16(v->head + 6));
    return true;
}

static bool end(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    uint64_t payload = (uint64_t)get_be32(v->head + 104) * SECTOR;

    if (payload < HEADER || payload > v->size)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The LUKS volume is cut off: its data would lie behind its end");
    disk->virtual_size = v->size - payload;
    return true;
}

const struct inspect_family inspect_luks = {.name = "luks", .match = match, .check = check, .end = end};
