/* A raw disk with a partition table: MBR, or the protective one of a GPT. Four entries of 16 bytes at 446:
 * 0 boot flag, 1 start (head, sector, track), 4 type, 8 first sector. */
#include "config.h"
#include "image/inspect_family.h"

enum { SECTOR = 512, ENTRIES = 446, ENTRY = 16, N_ENTRIES = 4, TYPE_GPT = 0xee };

static const unsigned char *entry(const struct inspect_view *v, unsigned i)
{
    return v->head + ENTRIES + ENTRY * i;
}

/* A file system's boot sector and a Linux kernel have the same signature, and other things where the table
 * would be. */
static bool is_boot_sector(const struct inspect_view *v)
{
    const unsigned char *p = v->head;
    unsigned sector = get_le16(p + 11), per_cluster = p[13];

    if (inspect_has(v, 3, "NTFS    ", 8) || inspect_has(v, 3, "EXFAT   ", 8) ||
        inspect_has(v, 0x202, "HdrS", 4))
        return true;
    return (p[16] == 1 || p[16] == 2) && p[21] >= 0xf0 && sector >= SECTOR && !(sector & (sector - 1)) &&
           per_cluster && !(per_cluster & (per_cluster - 1));
}

static bool match(const struct inspect_view *v)
{
    bool used = false;

    if (!inspect_has(v, 510, "\x55\xaa", 2) || is_boot_sector(v))
        return false;
    for (unsigned i = 0; i < N_ENTRIES; i++)
        used |= entry(v, i)[0] != 0 || entry(v, i)[4] != 0;
    return used; /* a signature above an empty table tells nothing */
}

static bool check_protective(const struct inspect_view *v, unsigned i, struct error *err)
{
    const unsigned char *p = entry(v, i);

    /* The standard says head 0, sector 2, track 0; GNU parted wrote sector 1. */
    if (p[1] != 0 || (p[2] != 1 && p[2] != 2) || p[3] != 0 || get_le32(p + 8) != 1)
        return error_set(err, ERROR_BAD_REQUEST, "The GPT's protective partition does not begin at sector 1");
    for (unsigned k = 0; k < N_ENTRIES; k++)
        if (k != i && entry(v, k)[4] != 0)
            return error_set(err, ERROR_BAD_REQUEST, "The GPT's protective partition has others beside it");
    return true;
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    disk->format = "mbr";
    for (unsigned i = 0; i < N_ENTRIES; i++) {
        const unsigned char *p = entry(v, i);

        if (p[0] != 0 && p[0] != 0x80)
            return error_set(err, ERROR_BAD_REQUEST,
                             "Partition %u of the disk has an invalid boot flag (0x%02x)", i + 1, p[0]);
        if (p[4] == TYPE_GPT) {
            disk->format = "gpt";
            if (!check_protective(v, i, err))
                return false;
        }
    }
    return true;
}

static bool end(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    (void)err;
    disk->virtual_size = v->size;
    return true;
}

const struct inspect_family inspect_gpt = {.name = "gpt", .match = match, .check = check, .end = end};
