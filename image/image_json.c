/* An image from JSON and as JSON. */
#include "config.h"
#include "base/clock.h"
#include "image/image.h"
#include "image/image_fields.h"

#include <stdlib.h>

/* --- reading ------------------------------------------------------------------------------------ */

static int compare_properties(const void *a, const void *b)
{
    return str_cmp(((const struct image_property *)a)->name, ((const struct image_property *)b)->name);
}

bool image_from_json(struct arena *arena, const struct json *obj, bool lenient_id, struct image *out,
                     struct error *err)
{
    struct image_property *list;
    size_t n = 0;

    if (!json_is(obj, JSON_OBJECT))
        return error_set(err, ERROR_BAD_REQUEST, "an image must be an object, not %s", json_type_name(obj));
    list = arena_calloc(arena, obj->n + 1, sizeof(*list));
    for (const struct json *v = JSON_FIRST(obj); v; v = v->next) {
        const struct image_field *field = image_field_find(v->key);
        bool is_id = lenient_id && str_eq_cstr(v->key, "id");

        if (!is_id && !image_field_writable(v->key, err))
            return false;
        if (field && !(field->flags & FIELD_PROPERTY)) {
            if (!image_field_set(arena, field, v, out, err))
                return false;
            continue;
        }
        list[n].name = v->key;
        if (!image_property_value(v->key, v, &list[n++].value, err))
            return false;
    }
    if (n > 0)
        qsort(list, n, sizeof(*list), compare_properties);
    out->properties = list;
    out->n_properties = n;
    return true;
}

/* --- writing ------------------------------------------------------------------------------------ */

static void write_link(struct json_writer *w, const char *name, struct str id)
{
    struct buf link;

    buf_init(&link, 256);
    if (str_eq_cstr(STR("schema"), name))
        buf_add_cstr(&link, "/v2/schemas/image");
    else
        buf_printf(&link, "/v2/images/%.*s%s", STR_ARG(id), str_eq_cstr(STR("file"), name) ? "/file" : "");
    json_str(w, buf_str(&link));
    buf_free(&link);
}

static void write_integer(struct json_writer *w, int64_t n)
{
    if (n < 0)
        json_null(w);
    else
        json_i64(w, n);
}

static void write_tags(struct json_writer *w, const struct image *image)
{
    json_arr_begin(w);
    for (size_t i = 0; i < image->n_tags; i++)
        json_str(w, image->tags[i]);
    json_arr_end(w);
}

static void write_field(struct json_writer *w, const struct image_field *field, const struct image *image)
{
    const void *at = (const char *)image + field->offset;
    char time[CLOCK_ISO_SIZE];

    json_key(w, field->name);
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_UUID: json_str(w, *(const struct str *)at); break;
    case FIELD_INTEGER: write_integer(w, *(const int64_t *)at); break;
    case FIELD_BOOLEAN: json_bool(w, *(const bool *)at); break;
    case FIELD_TIME: json_cstr(w, clock_iso(*(const int64_t *)at, time)); break;
    case FIELD_TAGS: write_tags(w, image); break;
    case FIELD_LINK: write_link(w, field->name, image->id); break;
    case FIELD_NONE: json_null(w); break;
    }
}

/* Glance puts the properties first. */
void image_to_json(struct json_writer *w, const struct image *image, image_hide_fn hide, void *arg)
{
    json_obj_begin(w);
    for (size_t i = 0; i < image->n_properties; i++) {
        const struct image_property *p = &image->properties[i];

        if (hide && hide(arg, p->name))
            continue;
        json_key_s(w, p->name);
        json_str(w, p->value);
    }
    for (size_t i = 0; i < image_n_fields; i++)
        if (image_fields[i].flags & FIELD_SHOWN)
            write_field(w, &image_fields[i], image);
    json_obj_end(w);
}
