#include "config.h"
#include "image/inspect.h"
#include "image/inspect_family.h"

static const struct inspect_family *const families[] = {
    &inspect_qcow2, &inspect_qed, &inspect_vmdk, &inspect_vhd,   &inspect_vhdx,
    &inspect_vdi,   &inspect_iso, &inspect_luks, &inspect_ploop, &inspect_gpt,
};
enum { N_FAMILIES = sizeof(families) / sizeof(families[0]) };

struct inspect {
    struct arena *arena;
    const struct inspect_family *family; /* NULL: none has matched */
    struct inspect_disk disk;
    uint64_t at; /* bytes seen */
    size_t n_head, n_tail, n_more;
    bool begun; /* the head has been looked at */
    bool refused;
    struct error error;
    unsigned char *more; /* INSPECT_MORE bytes, once a family wants some */
    unsigned char head[INSPECT_HEAD];
    unsigned char tail[2 * INSPECT_TAIL];
};

struct inspect *inspect_new(struct arena *arena)
{
    struct inspect *in = arena_alloc(arena, sizeof(*in));

    memset(in, 0, offsetof(struct inspect, head));
    in->arena = arena;
    return in;
}

static void refuse_two(struct inspect *in, const struct inspect_family *a, const struct inspect_family *b)
{
    in->refused =
        !error_set(&in->error, ERROR_BAD_REQUEST,
                   "The file is of two formats at once, %s and %s: what it is would depend on who looks",
                   a->name, b->name);
}

/* A disk with a partition table may be inside an iso (a hybrid one, to be written to a stick) or a vhd of
 * fixed size (which is the disk, and a footer): no contradiction, and then the table is not ours to judge. */
static bool may_hold_table(const struct inspect_family *f)
{
    return f == &inspect_iso || f == &inspect_vhd;
}

/* One more family matches. */
static void add_family(struct inspect *in, const struct inspect_family *f)
{
    if (!in->family || (in->family == &inspect_gpt && may_hold_table(f)))
        in->family = f;
    else
        refuse_two(in, in->family, f);
}

static struct inspect_view view_of(const struct inspect *in)
{
    size_t over = in->n_tail > INSPECT_TAIL ? in->n_tail - INSPECT_TAIL : 0;

    return (struct inspect_view){.head = in->head,
                                 .n_head = in->n_head,
                                 .tail = in->tail + over,
                                 .n_tail = in->n_tail - over,
                                 .size = in->at};
}

static void check(struct inspect *in, const struct inspect_view *v)
{
    memset(&in->disk, 0, sizeof(in->disk));
    in->disk.format = in->family->name;
    in->refused = !in->family->check(v, &in->disk, &in->error);
}

/* The head is there, or all there will be of it. */
static void look_at_head(struct inspect *in)
{
    struct inspect_view v = view_of(in);

    in->begun = true;
    for (size_t i = 0; i < N_FAMILIES && !in->refused; i++) {
        if (!families[i]->match(&v))
            continue;
        /* inspect_gpt comes last: what holds a table is known by then. A vhd that is known by its head is
         * not of fixed size. */
        if (families[i] != &inspect_gpt || in->family != &inspect_iso)
            add_family(in, families[i]);
    }
    /* A partition table may yet turn out to be a vhd's: it is judged at the end. */
    if (in->family && in->family != &inspect_gpt && !in->refused)
        check(in, &v);
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* Takes what lies in the wanted range; returns how many bytes may be passed over until something happens. */
static size_t take_wanted(struct inspect *in, const unsigned char *p, size_t n)
{
    struct inspect_disk *disk = &in->disk;
    size_t skip, step;

    if (!disk->want_n || in->refused)
        return n;
    if (in->at < disk->want_offset)
        return least(disk->want_offset - in->at, n);
    if (in->n_more == 0 && in->at > disk->want_offset) {
        in->refused = !error_set(&in->error, ERROR_BAD_REQUEST, "The %s image's tables lie out of order",
                                 in->family->name);
        return n;
    }
    if (!in->more)
        in->more = arena_alloc(in->arena, INSPECT_MORE);
    skip = in->n_more;
    step = least(disk->want_n - skip, n);
    memcpy(in->more + skip, p, step);
    in->n_more += step;
    return step;
}

static void after_wanted(struct inspect *in)
{
    struct inspect_disk *disk = &in->disk;

    if (!disk->want_n || in->n_more < disk->want_n)
        return;
    disk->want_n = 0;
    disk->more = in->more;
    in->n_more = 0;
    in->refused = !in->family->more(disk, &in->error);
}

/* Bytes are added behind the last ones until there are twice as many as are needed. */
static void keep_tail(struct inspect *in, const unsigned char *p, size_t n)
{
    size_t keep;

    if (n > INSPECT_TAIL) {
        p += n - INSPECT_TAIL;
        n = INSPECT_TAIL;
    }
    if (in->n_tail + n > sizeof(in->tail)) {
        keep = INSPECT_TAIL - n;
        memmove(in->tail, in->tail + in->n_tail - keep, keep);
        in->n_tail = keep;
    }
    memcpy(in->tail + in->n_tail, p, n);
    in->n_tail += n;
}

void inspect_add(struct inspect *in, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    size_t step;

    if (n)
        keep_tail(in, p, n);
    while (n > 0) {
        if (in->n_head < INSPECT_HEAD) {
            step = least(INSPECT_HEAD - in->n_head, n);
            memcpy(in->head + in->n_head, p, step);
            in->n_head += step;
        } else {
            step = take_wanted(in, p, n);
        }
        in->at += step;
        p += step;
        n -= step;
        if (in->n_head == INSPECT_HEAD && !in->begun)
            look_at_head(in);
        else if (!in->refused)
            after_wanted(in);
    }
}

uint64_t inspect_gap(const struct inspect *in, uint64_t size)
{
    uint64_t until = size > INSPECT_TAIL ? size - INSPECT_TAIL : 0;

    if (!in->begun)
        return 0;
    if (in->disk.want_n && !in->refused && in->disk.want_offset < until)
        until = in->disk.want_offset;
    if (in->disk.want_n && !in->refused && in->n_more)
        return 0;
    return until > in->at ? until - in->at : 0;
}

void inspect_skip(struct inspect *in, uint64_t n)
{
    in->at += n;
    in->n_tail = 0;
}

bool inspect_refused(const struct inspect *in, struct error *err)
{
    if (in->refused && err)
        *err = in->error;
    return in->refused;
}

/* What only the end can tell. */
static void look_at_end(struct inspect *in)
{
    struct inspect_view v = view_of(in);

    for (size_t i = 0; i < N_FAMILIES && !in->refused; i++)
        if (families[i] != in->family && families[i]->match_end && families[i]->match_end(&v)) {
            add_family(in, families[i]);
            if (!in->refused)
                check(in, &v);
        }
    if (in->refused || !in->family)
        return;
    if (in->family == &inspect_gpt)
        check(in, &v);
    if (!in->refused && in->disk.want_n)
        in->refused = !error_set(&in->error, ERROR_BAD_REQUEST,
                                 "The %s image is cut off: its tables lie behind its end", in->family->name);
    if (!in->refused && in->family->end)
        in->refused = !in->family->end(&v, &in->disk, &in->error);
}

bool inspect_end(struct inspect *in, struct inspect_result *out, struct error *err)
{
    if (!in->begun)
        look_at_head(in);
    look_at_end(in);
    if (!in->refused && in->family && in->disk.virtual_size > INT64_MAX)
        in->refused = !error_set(&in->error, ERROR_BAD_REQUEST,
                                 "The %s image says that it is larger than any disk", in->family->name);
    if (inspect_refused(in, err))
        return false;
    *out = (struct inspect_result){.format = "raw", .size = in->at, .virtual_size = in->at};
    if (in->family) {
        out->format = in->disk.format;
        out->virtual_size = in->disk.virtual_size;
        return true;
    }
    return inspect_foreign(in->arena, in->head, in->n_head, &out->foreign, err);
}

/* What a customer reads of a format. */
static const char *words(struct str format)
{
    static const struct {
        const char *name, *words;
    } table[] = {
        {"raw", "a raw image"},     {"qcow2", "a qcow2 image"},   {"vhd", "a VHD image"},
        {"vhdx", "a VHDX image"},   {"vmdk", "a VMDK image"},     {"vdi", "a VDI image"},
        {"iso", "an ISO image"},    {"luks", "a LUKS volume"},    {"gpt", "a raw disk with a GPT"},
        {"ploop", "a ploop image"}, {"ami", "a raw (ami) image"}, {"mbr", "a raw disk with an MBR"},
        {"aki", "a kernel (aki)"},  {"ari", "a ramdisk (ari)"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (str_eq_cstr(format, table[i].name))
            return table[i].words;
    return NULL;
}

bool inspect_agrees(const struct inspect_result *result, struct str format, struct error *err)
{
    struct str found = str_of(result->format);
    bool wants_raw = str_eq_cstr(format, "raw") || str_eq_cstr(format, "ami");
    bool is_raw = str_eq_cstr(found, "raw"), is_disk = is_raw && !result->foreign;
    const char *wanted = words(format);

    if (!result->size)
        return error_set(err, ERROR_BAD_REQUEST, "The file is empty");
    if (wants_raw &&
        (is_disk || str_eq_cstr(found, "gpt") || str_eq_cstr(found, "mbr") || str_eq_cstr(found, "luks")))
        return true;
    if (is_raw && (str_eq_cstr(format, "aki") || str_eq_cstr(format, "ari")))
        return true;
    if (!wants_raw && str_eq(found, format))
        return true;
    if (!wanted)
        return error_set(err, ERROR_BAD_REQUEST, "The file is %s, not %.*s",
                         result->foreign ? result->foreign : words(found), STR_ARG(format));
    if (is_disk)
        return error_set(err, ERROR_BAD_REQUEST, "The file is of no format that is known here, not %s",
                         wanted);
    return error_set(err, ERROR_BAD_REQUEST, "The file is %s, not %s",
                     result->foreign ? result->foreign : words(found), wanted);
}
