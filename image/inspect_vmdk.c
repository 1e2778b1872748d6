/* VMware's VMDK: one file that holds all (monolithicSparse, streamOptimized), and no word of another file.
 *
 * Little-endian header: 0 "KDMV", 4 version, 12 capacity, 20 grain, 28 and 36 place and length of the
 * descriptor, 44 entries a table, 56 grain directory, 77 compression; sizes in sectors. Where the directory's
 * place is all ones, the file ends with a marker, a copy of the header that knows the place, and a marker.
 * The descriptor is text; QEMU finds its words anywhere in it, comments too, so they are looked for anywhere.
 */
#include "config.h"
#include "base/str.h"
#include "image/inspect_family.h"

enum {
    SECTOR = 512,
    DESCRIPTOR_AT = 1, /* where everybody writes it and QEMU looks */
    DESCRIPTOR_MAX = INSPECT_HEAD / SECTOR - DESCRIPTOR_AT,
    MARKER_FOOTER = 3,
};

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_BAD_REQUEST, "The VMDK image %s", what);
}

static bool is_sparse(const struct inspect_view *v)
{
    return inspect_has(v, 0, "KDMV", 4);
}

static struct str head_of(const struct inspect_view *v)
{
    return (struct str){(const char *)v->head, v->n_head};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Does S begin with WORD (in lower case), whatever its case? */
static bool begins(struct str s, struct str word)
{
    if (s.n < word.n)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (lower(s.p[i]) != word.p[i])
            return false;
    return true;
}

/* How often S has WORD; *AFTER is what stands behind the first. */
static unsigned count_word(struct str s, struct str word, struct str *after)
{
    unsigned n = 0;

    for (; s.n >= word.n; s.p++, s.n--)
        if (begins(s, word) && n++ == 0 && after)
            *after = (struct str){s.p + word.n, s.n - word.n};
    return n;
}

/* A descriptor by itself: text that says where the data are. QEMU takes it for one by a version line behind
 * comments; VMware's own begin with a comment that says so, and have a type. */
static bool is_text(const struct inspect_view *v)
{
    struct str rest = head_of(v), line;

    for (size_t i = 0; i < rest.n; i++)
        if (!rest.p[i] || (rest.p[i] & 0x80)) {
            rest.n = i; /* bytes that are no text end it */
            break;
        }
    if (begins(rest, STR("# disk descriptorfile")) || count_word(rest, STR("createtype"), NULL))
        return true;
    while (rest.n) {
        str_cut(rest, '\n', &line, &rest);
        line = str_trim(line);
        if (line.n && line.p[0] != '#')
            return begins(line, STR("version="));
    }
    return false;
}

static bool match(const struct inspect_view *v)
{
    return is_sparse(v) || inspect_has(v, 0, "COWD", 4) || is_text(v);
}

static bool is_extent(struct str line)
{
    return begins(line, STR("rw ")) || begins(line, STR("rdonly ")) || begins(line, STR("noaccess "));
}

static bool check_extent(struct str line, struct error *err)
{
    struct str rest = line, word;

    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '/' || line.p[i] == '\\')
            return refuse(err, "has an extent in another place: its name holds a path");
    for (unsigned i = 0; i < 3; i++) /* access, sectors, type */
        str_cut(rest, ' ', &word, &rest);
    if (!begins(word, STR("sparse")) || word.n != 6)
        return refuse(err, "has an extent that is not in the file itself");
    return true;
}

/* Every line must be one that is understood: a comment, "ddb...", "key=value", or an extent. */
static bool check_lines(struct str text, struct error *err)
{
    struct str rest = text, line, key, value;
    unsigned extents = 0;

    while (rest.n) {
        str_cut(rest, '\n', &line, &rest);
        line = str_trim(line);
        if (!line.n || line.p[0] == '#' || begins(line, STR("ddb")))
            continue;
        if (is_extent(line)) {
            extents++;
            if (!check_extent(line, err))
                return false;
        } else if (!str_cut(line, '=', &key, &value) || memchr(key.p, ' ', key.n)) {
            return refuse(err, "has a line in its descriptor that is not understood");
        }
    }
    if (extents != 1)
        return refuse(err, extents ? "has several extents" : "has no extent");
    return true;
}

static bool check_type(struct str text, struct error *err)
{
    static const struct str types[] = {STR("=\"monolithicsparse\""), STR("=\"streamoptimized\"")};
    struct str type, parent;

    if (count_word(text, STR("createtype"), &type) != 1)
        return refuse(err, "does not say its type, or says it twice");
    if (!begins(type, types[0]) && !begins(type, types[1]))
        return refuse(err, "is of a type that is not taken: only monolithicSparse and streamOptimized are");
    if (count_word(text, STR("parentfilenamehint"), NULL) > 0 ||
        (count_word(text, STR("parentcid="), &parent) > 0 && !begins(parent, STR("ffffffff"))))
        return refuse(err, "is the difference to another one, not a whole disk");
    return true;
}

static bool check_descriptor(struct str text, struct error *err)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!text.p[i]) {
            text.n = i;
            break;
        }
        if (text.p[i] & 0x80)
            return refuse(err, "has a descriptor that is no text");
    }
    if (!text.n)
        return refuse(err, "has no descriptor");
    return check_type(text, err) && check_lines(text, err);
}

static bool check(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    uint64_t capacity, place, length;
    uint32_t version;

    if (!is_sparse(v))
        return refuse(err, "is only the description of data in other files");
    if (v->n_head < SECTOR)
        return inspect_cut(err, "VMDK");
    version = get_le32(v->head + 4);
    if (version < 1 || version > 3)
        return error_set(err, ERROR_BAD_REQUEST, "The VMDK image's version is %u; only 1 to 3 are taken",
                         version);
    /* Without a capacity QEMU would read the descriptor as one of other files. */
    capacity = get_le64(v->head + 12);
    if (!capacity || capacity > UINT64_MAX / SECTOR)
        return refuse(err, "has an impossible size");
    place = get_le64(v->head + 28);
    length = get_le64(v->head + 36);
    if (place != DESCRIPTOR_AT || !length)
        return refuse(err, "has no descriptor where it should be");
    if (length > DESCRIPTOR_MAX)
        return refuse(err, "has a descriptor that is too long");
    if (v->n_head < (place + length) * SECTOR)
        return inspect_cut(err, "VMDK");
    disk->virtual_size = capacity * SECTOR;
    return check_descriptor((struct str){(const char *)v->head + SECTOR, (size_t)length * SECTOR}, err);
}

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static bool end(const struct inspect_view *v, struct inspect_disk *disk, struct error *err)
{
    const unsigned char *marker = v->tail, *footer = v->tail + SECTOR, *last = v->tail + 2 * SECTOR;

    (void)disk;
    if (get_le64(v->head + 56) != UINT64_MAX)
        return true;
    if (v->n_tail < INSPECT_TAIL || get_le32(marker + 8) != 0 || get_le32(marker + 12) != MARKER_FOOTER ||
        !all_zero(marker + 16, SECTOR - 16) || !all_zero(last, SECTOR))
        return refuse(err, "is cut off: it does not end with a footer between two markers");
    if (memcmp(footer, v->head, 48) != 0 || memcmp(footer + 77, v->head + 77, 2) != 0)
        return refuse(err, "has a footer that is not the same as its header");
    if (get_le64(footer + 56) == UINT64_MAX)
        return refuse(err, "has a footer that points to another one");
    return true;
}

const struct inspect_family inspect_vmdk = {.name = "vmdk", .match = match, .check = check, .end = end};
