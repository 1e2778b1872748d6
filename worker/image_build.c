#include "config.h"
#include "worker/image_build.h"
#include "base/json.h"
#include "base/uuid.h"
#include "db/image_members.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_CHARS = 255 };

/* --- rules ---------------------------------------------------------------------------------------- */

static bool may_create(struct task_run *r, const struct image *image, struct error *err)
{
    for (size_t i = 0; i < image->n_properties; i++) {
        struct str name = image->properties[i].name;

        if (!task_may(r, PROPERTY_CREATE, name))
            return error_set(err, ERROR_FORBIDDEN, "Property %.*s is protected: you may not create it",
                             STR_ARG(name));
    }
    return true;
}

static bool within_limits(struct task_run *r, const struct image *image, struct error *err)
{
    const struct conf *conf = r->tools->conf;

    if (!image_check_limits(image, conf->image.max_properties, conf->image.max_tags, err))
        return false;
    if (str_eq_cstr(image->visibility, "public") && !r->secret.is_admin)
        return error_set(err, ERROR_FORBIDDEN, "Only an administrator may make an image public");
    return true;
}

/* The id, and what no client decides. */
static void stamp(struct task_run *r, struct image *image)
{
    char *id = arena_alloc(r->arena, UUID_TEXT_SIZE);

    uuid_new(id);
    image->id = str_of(id);
    image->owner = r->work.owner;
    image->status = STR("saving");
}

/* The first NAME_MAX_CHARS characters. */
static struct str short_name(struct str s)
{
    size_t n = 0;

    for (int chars = 0; n < s.n && chars < NAME_MAX_CHARS; chars++) {
        size_t step = str_utf8_char((struct str){s.p + n, s.n - n});

        n += step ? step : 1;
    }
    return (struct str){s.p, n < s.n ? n : s.n};
}

/* A URL's last segment, without its query; its host where it has no path. */
static struct str url_name(struct str url)
{
    struct str head, rest;

    str_cut(url, '?', &url, &rest);
    while (str_cut(url, '/', &head, &rest)) {
        if (!rest.n)
            break;
        url = rest;
    }
    return head;
}

/* --- import --------------------------------------------------------------------------------------- */

bool image_build_import(struct task_run *r, struct image *out, struct error *err)
{
    const struct task_input *in = &r->input;

    image_init(out);
    if (in->properties && !image_from_json(r->arena, in->properties, false, out, err))
        return false;
    out->disk_format = in->format;
    if (!out->container_format.p)
        out->container_format = STR("bare");
    if (!out->name.p)
        out->name = short_name(in->url.p ? url_name(in->url) : in->object);
    stamp(r, out);
    return may_create(r, out, err) && within_limits(r, out, err);
}

struct str image_build_result(struct task_run *r, struct str id)
{
    return str_of(arena_printf(r->arena, "{\"image_id\": \"%.*s\"}", STR_ARG(id)));
}

/* --- clone ---------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return str_cmp(((const struct image_property *)a)->name, ((const struct image_property *)b)->name);
}

/* The source's properties that he may read and does not say anew, beside his own. */
static void merge_properties(struct task_run *r, const struct image *source, struct image *out)
{
    struct image_property *all =
        arena_calloc(r->arena, source->n_properties + out->n_properties + 1, sizeof(*all));
    size_t n = out->n_properties;

    if (n > 0)
        memcpy(all, out->properties, n * sizeof(*all));
    for (size_t i = 0; i < source->n_properties; i++) {
        struct str name = source->properties[i].name;

        if (!image_property(out, name).p && task_may(r, PROPERTY_READ, name))
            all[n++] = source->properties[i];
    }
    if (n > 0)
        qsort(all, n, sizeof(*all), compare);
    out->properties = all;
    out->n_properties = n;
}

bool image_build_clone(struct task_run *r, const struct image *source, struct image *out, struct error *err)
{
    image_init(out);
    out->name = source->name;
    out->container_format = source->container_format;
    out->disk_format = source->disk_format;
    out->min_disk = source->min_disk;
    out->min_ram = source->min_ram;
    out->tags = source->tags;
    out->n_tags = source->n_tags;
    if (r->input.properties && !image_from_json(r->arena, r->input.properties, false, out, err))
        return false;
    if (!str_eq(out->disk_format, source->disk_format))
        return error_set(err, ERROR_BAD_REQUEST, "A clone's disk_format is that of its source, %.*s",
                         STR_ARG(source->disk_format));
    stamp(r, out);
    if (!may_create(r, out, err))
        return false;
    merge_properties(r, source, out);
    return within_limits(r, out, err);
}

/* --- the source of an export or a clone ------------------------------------------------------------ */

static bool find_image(struct task_run *r, struct db_conn *c, struct image *out, struct str *key,
                       struct error *err)
{
    struct str id = r->input.image_id;
    bool found, visible = false;

    if (!images_get(c, r->arena, id, false, out, &found, err))
        return false;
    if (found && !r->secret.is_admin && !image_is_visible(c, out, r->work.owner, &visible, err))
        return false;
    if (!found || (!visible && !r->secret.is_admin))
        return error_set(err, ERROR_NOT_FOUND, "Image not found. Image: %.*s", STR_ARG(id));
    if (!str_eq_cstr(out->status, "active"))
        return error_set(err, ERROR_CONFLICT, "The image is %.*s, not active. Image: %.*s",
                         STR_ARG(out->status), STR_ARG(id));
    if (!images_location(c, r->arena, id, key, err))
        return false;
    return key->p || error_set(err, ERROR_CONFLICT, "The image has no data. Image: %.*s", STR_ARG(id));
}

bool image_build_source(struct task_run *r, struct image *out, struct str *key, struct error *err)
{
    struct db_conn *c = task_db(r, err);
    bool ok = c && task_db_error(r, find_image(r, c, out, key, err), err);

    db_release(c);
    return ok;
}
