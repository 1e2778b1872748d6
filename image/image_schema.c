#include "config.h"
#include "image/image_schema.h"
#include "image/image_fields.h"

#define UUID_PATTERN "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"

static void write_type(struct json_writer *w, const struct image_field *field)
{
    const char *type = field->items                   ? "array"
                       : field->type == FIELD_INTEGER ? "integer"
                       : field->type == FIELD_BOOLEAN ? "boolean"
                                                      : "string";

    json_key(w, "type");
    if (field->flags & FIELD_NULL) {
        json_arr_begin(w);
        json_cstr(w, "null");
        json_cstr(w, type);
        json_arr_end(w);
    } else {
        json_cstr(w, type);
    }
    if (field->items) {
        json_key(w, "items");
        json_raw(w, str_of(field->items));
    }
    if (field->type == FIELD_UUID)
        json_key_cstr(w, "pattern", UUID_PATTERN);
}

static void write_words(struct json_writer *w, const struct image_field *field)
{
    if (!field->word)
        return;
    json_key(w, "enum");
    json_arr_begin(w);
    if (field->flags & FIELD_NULL)
        json_null(w);
    for (size_t i = 0; field->word(i); i++)
        json_cstr(w, field->word(i));
    json_arr_end(w);
}

static void write_field(struct json_writer *w, const struct image_field *field)
{
    json_key(w, field->name);
    json_obj_begin(w);
    write_type(w, field);
    /* Glance's POST takes an id, and its schema does not call it read-only. */
    if ((field->flags & FIELD_READ_ONLY) && field->type != FIELD_UUID)
        json_key_bool(w, "readOnly", true);
    json_key_cstr(w, "description", field->what);
    if (field->max_chars)
        json_key_u64(w, "maxLength", field->max_chars);
    write_words(w, field);
    if (field->flags & FIELD_PROPERTY)
        json_key_bool(w, "is_base", false);
    json_obj_end(w);
}

static void write_link(struct json_writer *w, const char *rel, const char *href)
{
    json_obj_begin(w);
    json_key_cstr(w, "rel", rel);
    json_key_cstr(w, "href", href);
    json_obj_end(w);
}

void image_schema_write(struct json_writer *w)
{
    json_obj_begin(w);
    json_key_cstr(w, "name", "image");
    json_key(w, "properties");
    json_obj_begin(w);
    for (size_t i = 0; i < image_n_fields; i++)
        if (image_fields[i].what)
            write_field(w, &image_fields[i]);
    json_obj_end(w);
    json_key(w, "additionalProperties");
    json_obj_begin(w);
    json_key_cstr(w, "type", "string");
    json_obj_end(w);
    json_key(w, "links");
    json_arr_begin(w);
    write_link(w, "self", "{self}");
    write_link(w, "enclosure", "{file}");
    write_link(w, "describedby", "{schema}");
    json_arr_end(w);
    json_obj_end(w);
}

static void write_string_member(struct json_writer *w, const char *name)
{
    json_key(w, name);
    json_obj_begin(w);
    json_key_cstr(w, "type", "string");
    json_obj_end(w);
}

void images_schema_write(struct json_writer *w)
{
    json_obj_begin(w);
    json_key_cstr(w, "name", "images");
    json_key(w, "properties");
    json_obj_begin(w);
    json_key(w, "images");
    json_obj_begin(w);
    json_key_cstr(w, "type", "array");
    json_key(w, "items");
    image_schema_write(w);
    json_obj_end(w);
    write_string_member(w, "first");
    write_string_member(w, "next");
    write_string_member(w, "schema");
    json_obj_end(w);
    json_key(w, "links");
    json_arr_begin(w);
    write_link(w, "first", "{first}");
    write_link(w, "next", "{next}");
    write_link(w, "describedby", "{schema}");
    json_arr_end(w);
    json_obj_end(w);
}
