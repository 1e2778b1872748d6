/* inspect_family.h - between image/inspect.c and the files that know one family of formats each.
 *
 * A family is a row of functions over what is held of the image: its first bytes, its last, and, where a
 * family asks for them, a few on the way. Each is called at a place in the stream that does not depend on how
 * the bytes were cut, so that no cutting changes a verdict.
 */
#ifndef TALLY_IMAGE_INSPECT_FAMILY_H
#define TALLY_IMAGE_INSPECT_FAMILY_H

#include "base/error.h"

#include <string.h>

enum {
    INSPECT_HEAD = 65536, /* the first bytes that are held: ISO 9660's descriptors end there */
    INSPECT_TAIL = 1536,  /* the last: a vmdk's footer with the markers around it */
    INSPECT_MORE = 65536, /* what a family may ask for at once */
};

struct inspect_view {
    const unsigned char *head;
    size_t n_head; /* INSPECT_HEAD, or fewer where the image ends before */
    /* At the end only. */
    const unsigned char *tail;
    size_t n_tail;
    uint64_t size;
};

struct inspect_disk {
    const char *format; /* the family's name, unless it says a more precise one */
    uint64_t virtual_size;
    /* Bytes wanted for more(): they must lie behind those that were seen. N 0: none. */
    uint64_t want_offset;
    size_t want_n;
    const unsigned char *more; /* the bytes, when more() is called */
    unsigned stage;            /* the family's own: how far it has got */
    uint64_t place, length;    /* the family's own */
};

struct inspect_family {
    const char *name;
    /* Does the image say that it is one, by its first bytes? */
    bool (*match)(const struct inspect_view *v);
    /* The rules that the first bytes can break, and the virtual size if it stands there. */
    bool (*check)(const struct inspect_view *v, struct inspect_disk *disk, struct error *err);
    /* What was wanted has come; NULL where nothing ever is. */
    bool (*more)(struct inspect_disk *disk, struct error *err);
    /* Does it say so by its last bytes? NULL: no. Asked where match() said no. */
    bool (*match_end)(const struct inspect_view *v);
    /* The rules that need the end; NULL: none. */
    bool (*end)(const struct inspect_view *v, struct inspect_disk *disk, struct error *err);
};

extern const struct inspect_family inspect_gpt, inspect_iso, inspect_luks, inspect_ploop, inspect_qcow2,
    inspect_qed, inspect_vdi, inspect_vhd, inspect_vhdx, inspect_vmdk;

/* What libmagic says the first bytes are, "JPEG image data (image/jpeg)", where that is no disk; *OUT NULL
 * where it may be one. In ARENA. False: libmagic has no database. */
struct arena;
bool inspect_foreign(struct arena *arena, const unsigned char *head, size_t n, const char **out,
                     struct error *err);

/* For a family whose header is not there whole. */
static inline bool inspect_cut(struct error *err, const char *what)
{
    return error_set(err, ERROR_BAD_REQUEST, "The %s image is cut off: its header is not whole", what);
}

static inline bool inspect_has(const struct inspect_view *v, size_t offset, const char *magic, size_t n)
{
    return v->n_head >= offset + n && memcmp(v->head + offset, magic, n) == 0;
}

static inline uint16_t get_le16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const unsigned char *p)
{
    return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t get_le64(const unsigned char *p)
{
    return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static inline uint16_t get_be16(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const unsigned char *p)
{
    return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline uint64_t get_be64(const unsigned char *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

#endif
