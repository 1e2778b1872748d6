/* sort=name:asc,size:desc, or sort_key and sort_dir as often as one likes. */
#include "config.h"
#include "handlers/images_filter.h"

static const struct {
    const char *name;
    enum image_column column;
} keys[] = {
    {"name", IMAGE_BY_NAME},
    {"status", IMAGE_BY_STATUS},
    {"container_format", IMAGE_BY_CONTAINER_FORMAT},
    {"disk_format", IMAGE_BY_DISK_FORMAT},
    {"size", IMAGE_BY_SIZE},
    {"id", IMAGE_BY_ID},
    {"created_at", IMAGE_BY_CREATED_AT},
    {"updated_at", IMAGE_BY_UPDATED_AT},
};
enum { N_KEYS = sizeof(keys) / sizeof(keys[0]), ASKED_MAX = 64 };

/* What was asked for, before doubles are dropped and the rest is added. */
struct asked {
    enum image_column keys[ASKED_MAX];
    bool descending[ASKED_MAX];
    size_t n_keys, n_dirs;
};

static bool read_key(struct asked *a, struct str name, struct error *err)
{
    name = str_trim(name);
    for (size_t i = 0; i < N_KEYS && a->n_keys < ASKED_MAX; i++)
        if (str_eq_cstr(name, keys[i].name)) {
            a->keys[a->n_keys++] = keys[i].column;
            return true;
        }
    return error_set(err, ERROR_BAD_REQUEST,
                     "Invalid sort key: %.*s. It must be one of the following: name, status, "
                     "container_format, disk_format, size, id, created_at, updated_at.",
                     IMAGES_SHOWN(name));
}

static bool read_dir(struct asked *a, struct str name, struct error *err)
{
    bool down;

    name = str_trim(name);
    down = str_eq_cstr(name, "desc");
    if (a->n_dirs == ASKED_MAX || (!down && !str_eq_cstr(name, "asc")))
        return error_set(err, ERROR_BAD_REQUEST, "Invalid sort direction: %.*s", IMAGES_SHOWN(name));
    a->descending[a->n_dirs++] = down;
    return true;
}

static bool read_sort(struct asked *a, struct str value, struct error *err)
{
    bool more = true;

    while (more) {
        struct str piece, key, dir;

        more = str_cut(value, ',', &piece, &value);
        str_cut(piece, ':', &key, &dir);
        if (!read_key(a, key, err) || !read_dir(a, dir.n > 0 ? dir : STR("desc"), err))
            return false;
    }
    return true;
}

static bool read_all(const struct request *r, struct asked *a, struct error *err)
{
    bool whole = false, parts = false;

    for (size_t i = 0; i < r->n_query; i++) {
        const struct query_param *p = &r->query[i];

        if (str_eq_cstr(p->name, "sort")) {
            whole = true;
            if (!read_sort(a, p->value, err))
                return false;
        } else if (str_eq_cstr(p->name, "sort_key") || str_eq_cstr(p->name, "sort_dir")) {
            parts = true;
            if (!(p->name.p[5] == 'k' ? read_key : read_dir)(a, p->value, err))
                return false;
        }
    }
    if (whole && parts)
        return error_set(err, ERROR_BAD_REQUEST, "Old and new sorting syntax cannot be combined");
    return true;
}

static bool has(const struct image_filter *f, enum image_column column)
{
    for (size_t i = 0; i < f->n_sorts; i++)
        if (f->sort[i].column == column)
            return true;
    return false;
}

/* What comes after the id tells no images apart. */
static void sort_by(struct image_filter *f, enum image_column column, bool descending)
{
    if (has(f, column) || has(f, IMAGE_BY_ID))
        return;
    f->sort[f->n_sorts].column = column;
    f->sort[f->n_sorts++].descending = descending;
}

bool images_sort_read(struct request *r, struct image_filter *out, struct error *err)
{
    struct asked a = {.n_keys = 0};
    bool last;

    if (!read_all(r, &a, err))
        return false;
    if (a.n_keys == 0)
        a.keys[a.n_keys++] = IMAGE_BY_CREATED_AT;
    if (a.n_dirs > 1 && a.n_dirs != a.n_keys)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Number of sort dirs does not match the number of sort keys");
    last = a.n_dirs == 1 ? a.descending[0] : true;
    for (size_t i = 0; i < a.n_keys; i++)
        sort_by(out, a.keys[i], a.n_dirs > 1 ? a.descending[i] : last);
    sort_by(out, IMAGE_BY_CREATED_AT, last);
    sort_by(out, IMAGE_BY_ID, last);
    return true;
}
