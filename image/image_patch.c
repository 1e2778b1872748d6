#include "config.h"
#include "image/image_patch.h"
#include "image/image_fields.h"

#include <string.h>

#define OPERATIONS "It must be one of the following: add, remove, replace."

static const char *const op_names[] = {"add", "replace", "remove"};
enum { N_OPS = sizeof(op_names) / sizeof(op_names[0]) };

/* --- reading ------------------------------------------------------------------------------------ */

static bool op_from_name(struct str name, enum image_op *out)
{
    for (int i = 0; i < N_OPS; i++)
        if (str_eq_cstr(name, op_names[i])) {
            *out = (enum image_op)i;
            return true;
        }
    return false;
}

/* The 2.1 form's "op" and "path". */
static bool read_v21(const struct json *raw, struct image_change *out, struct str *path, struct error *err)
{
    const struct json *op = json_get(raw, "op");
    struct str name = {NULL, 0};

    if (!op || json_is(op, JSON_NULL))
        return error_set(err, ERROR_BAD_REQUEST, "Unable to find `op` in JSON Schema change. " OPERATIONS);
    if (!json_to_str(op, &name) || !op_from_name(name, &out->op))
        return error_set(err, ERROR_BAD_REQUEST, "Invalid operation: `%.*s`. " OPERATIONS,
                         (int)(name.n < 100 ? name.n : 100), name.p ? name.p : json_type_name(op));
    if (!json_get(raw, "path"))
        return error_set(err, ERROR_BAD_REQUEST, "Unable to find 'path' in JSON Schema change");
    return json_to_str(json_get(raw, "path"), path) ||
           error_set(err, ERROR_BAD_REQUEST, "path must be a string");
}

/* The 2.0 form: the operation's name is the member that holds the path. */
static bool read_v20(const struct json *raw, struct image_change *out, struct str *path, struct error *err)
{
    const struct json *found = NULL;

    for (int i = 0; i < N_OPS; i++) {
        const struct json *v = json_get(raw, op_names[i]);

        if (v && found)
            return error_set(err, ERROR_BAD_REQUEST,
                             "Operation objects must contain only one member named \"add\", \"remove\", or "
                             "\"replace\".");
        if (v) {
            found = v;
            out->op = (enum image_op)i;
        }
    }
    if (!found)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Operation objects must contain exactly one member named \"add\", \"remove\", or "
                         "\"replace\".");
    out->must_be_new = out->op == IMAGE_OP_ADD;
    return json_to_str(found, path) || error_set(err, ERROR_BAD_REQUEST, "path must be a string");
}

static bool bad_pointer(struct str pointer, const char *what, struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "Pointer `%.*s` %s.", (int)(pointer.n < 600 ? pointer.n : 600),
                     pointer.p, what);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Two slashes with nothing or blanks between them. */
static bool has_empty_token(struct str s)
{
    bool empty = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '/' && empty)
            return true;
        if (s.p[i] == '/')
            empty = true;
        else if (!is_blank(s.p[i]))
            empty = false;
    }
    return false;
}

static bool check_pointer(struct str s, struct error *err)
{
    if (s.n == 0 || s.p[0] != '/')
        return bad_pointer(s, "does not start with \"/\"", err);
    if (has_empty_token(s))
        return bad_pointer(s, "contains adjacent \"/\"", err);
    if (s.n > 1 && s.p[s.n - 1] == '/')
        return bad_pointer(s, "end with \"/\"", err);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '~' && (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')))
            return bad_pointer(s, "contains \"~\" not part of a recognized escape sequence", err);
    return true;
}

/* A token with its escapes undone, without the blanks at its ends. */
static struct str unescape(struct arena *arena, struct str token)
{
    char *out = arena_alloc(arena, token.n + 1);
    size_t n = 0, from = 0;

    for (size_t i = 0; i < token.n; i++) {
        out[n++] = token.p[i];
        if (token.p[i] == '~')
            out[n - 1] = token.p[++i] == '1' ? '/' : '~';
    }
    while (n > from && is_blank(out[n - 1]))
        n--;
    while (from < n && is_blank(out[from]))
        from++;
    out[n] = '\0';
    return (struct str){out + from, n - from};
}

/* The member that POINTER names: one token deep, but for /locations/N, which only ends in another refusal. */
static bool read_pointer(struct arena *arena, struct str pointer, struct str *name, struct error *err)
{
    struct str first, rest;

    if (!check_pointer(pointer, err))
        return false;
    str_cut((struct str){pointer.p + 1, pointer.n - 1}, '/', &first, &rest);
    *name = unescape(arena, first);
    if (rest.n > 0 && !str_eq_cstr(*name, "locations"))
        return error_set(err, ERROR_BAD_REQUEST, "Invalid JSON pointer for this resource: '%.*s'",
                         (int)(pointer.n < 600 ? pointer.n : 600), pointer.p);
    return true;
}

static bool is_property(struct str name)
{
    const struct image_field *field = image_field_find(name);

    return !field || (field->flags & FIELD_PROPERTY);
}

/* Does the schema take the value? */
static bool check_value(struct arena *arena, const struct image_change *change, struct error *err)
{
    struct image scratch;
    struct str value;

    if (is_property(change->name))
        return image_property_value(change->name, change->value, &value, err);
    image_init(&scratch);
    return image_field_set(arena, image_field_find(change->name), change->value, &scratch, err);
}

static bool read_change(struct arena *arena, const struct json *raw, bool v20, struct image_change *out,
                        struct error *err)
{
    struct str path;

    if (!json_is(raw, JSON_OBJECT))
        return error_set(err, ERROR_BAD_REQUEST, "Operations must be JSON objects.");
    if (!(v20 ? read_v20 : read_v21)(raw, out, &path, err) || !read_pointer(arena, path, &out->name, err))
        return false;
    if (out->op != IMAGE_OP_REMOVE && !(out->value = json_get(raw, "value")))
        return error_set(err, ERROR_BAD_REQUEST, "Operation \"%s\" requires a member named \"value\".",
                         op_names[out->op]);
    if (str_eq_cstr(out->name, "locations"))
        return error_set(err, ERROR_FORBIDDEN, "It's not allowed to %s locations if locations are invisible.",
                         out->op == IMAGE_OP_REPLACE ? "update" : op_names[out->op]);
    return image_field_writable(out->name, err) && (!out->value || check_value(arena, out, err));
}

bool image_patch_read(struct arena *arena, const struct json *body, bool v20, struct image_change **changes,
                      size_t *n, struct error *err)
{
    size_t at = 0;

    if (!json_is(body, JSON_ARRAY))
        return error_set(err, ERROR_BAD_REQUEST, "Request body must be a JSON array of operation objects.");
    *changes = arena_calloc(arena, body->n + 1, sizeof(**changes));
    for (const struct json *raw = JSON_FIRST(body); raw; raw = raw->next)
        if (!read_change(arena, raw, v20, &(*changes)[at++], err))
            return false;
    *n = at;
    return true;
}

/* --- who may ------------------------------------------------------------------------------------ */

static bool may(const struct image_who *who, enum property_right right, struct str name)
{
    return !who->may || who->may(who->arg, right, name);
}

static bool reserved(struct str name, struct error *err)
{
    return error_set(err, ERROR_FORBIDDEN, "Attribute '%.*s' is reserved.", STR_ARG(name));
}

static bool may_show(struct str visibility, const struct image_who *who, struct error *err)
{
    return who->admin || !str_eq_cstr(visibility, "public") ||
           error_set(err, ERROR_FORBIDDEN, "You are not authorized to complete publicize_image action.");
}

bool image_may_create(const struct image *image, const struct image_who *who, struct error *err)
{
    if (!who->admin && !(image->owner.p && str_eq(image->owner, who->project)))
        return error_set(err, ERROR_FORBIDDEN, "You are not permitted to create images owned by '%.*s'",
                         STR_ARG(image->owner));
    if (!may_show(image->visibility, who, err))
        return false;
    for (size_t i = 0; i < image->n_properties; i++)
        if (!may(who, PROPERTY_CREATE, image->properties[i].name))
            return reserved(image->properties[i].name, err);
    return true;
}

/* --- applying ----------------------------------------------------------------------------------- */

static bool change_member(struct arena *arena, const struct image_change *change, const struct image_who *who,
                          struct image *image, struct error *err)
{
    const struct image_field *field = image_field_find(change->name);
    bool is_format =
        str_eq_cstr(change->name, "disk_format") || str_eq_cstr(change->name, "container_format");

    if (change->op == IMAGE_OP_REMOVE)
        return error_set(err, ERROR_FORBIDDEN, "Property %s may not be removed.", field->name);
    if (str_eq_cstr(change->name, "owner") && !who->admin)
        return error_set(err, ERROR_FORBIDDEN, "Owner can't be updated by non admin.");
    if (change->must_be_new)
        return error_set(err, ERROR_CONFLICT, "Property %s already present.", field->name);
    if (is_format && !str_eq_cstr(image->status, "queued"))
        return error_set(err, ERROR_FORBIDDEN, "Attribute %s can be only replaced for a queued image.",
                         field->name);
    return image_field_set(arena, field, change->value, image, err) &&
           (!str_eq_cstr(change->name, "visibility") || may_show(image->visibility, who, err));
}

/* The image that is being changed: its properties are one list that has room for all that may come. */
struct draft {
    struct image *image;
    struct image_property *list;
    size_t max; /* properties */
};

static void put(struct draft *d, size_t at, bool there, struct str name, struct str value)
{
    if (!there) {
        memmove(d->list + at + 1, d->list + at, (d->image->n_properties - at) * sizeof(*d->list));
        d->image->n_properties++;
    }
    d->list[at] = (struct image_property){name, value};
}

static void take_out(struct draft *d, size_t at)
{
    d->image->n_properties--;
    memmove(d->list + at, d->list + at + 1, (d->image->n_properties - at) * sizeof(*d->list));
}

/* A property that WHO may not read is not there for him, but he cannot write over it unseen either. */
static bool change_property(struct draft *d, const struct image_change *change, const struct image_who *who,
                            struct error *err)
{
    struct str name = change->name, value;
    bool there;
    size_t at = image_property_place(d->image, name, &there);
    bool seen = there && may(who, PROPERTY_READ, name);

    if (!seen && change->op != IMAGE_OP_ADD)
        return error_set(err, ERROR_CONFLICT, "Property %.*s does not exist.", STR_ARG(name));
    if (seen && change->must_be_new)
        return error_set(err, ERROR_CONFLICT, "Property %.*s already present.", STR_ARG(name));
    if (change->op == IMAGE_OP_REMOVE) {
        if (!may(who, PROPERTY_DELETE, name))
            return reserved(name, err);
        take_out(d, at);
        return true;
    }
    if ((!seen && !may(who, PROPERTY_CREATE, name)) || (there && !may(who, PROPERTY_UPDATE, name)))
        return reserved(name, err);
    if (!image_property_value(name, change->value, &value, err))
        return false;
    if (!there && d->image->n_properties == d->max)
        return image_limit("properties", d->max + 1, d->max, err);
    put(d, at, there, name, value);
    return true;
}

bool image_patch_apply(struct arena *arena, const struct image *before, const struct image_change *changes,
                       size_t n, const struct image_who *who, uint64_t max_properties, struct image *after,
                       struct error *err)
{
    size_t held = before->n_properties;
    struct draft d = {after, NULL, max_properties > held ? (size_t)max_properties : held};

    /* no more can come than there are changes */
    d.list = arena_calloc(arena, held + n + 1, sizeof(*d.list));
    if (held > 0)
        memcpy(d.list, before->properties, held * sizeof(*d.list));
    *after = *before;
    after->properties = d.list;
    for (size_t i = 0; i < n; i++)
        if (is_property(changes[i].name) ? !change_property(&d, &changes[i], who, err)
                                         : !change_member(arena, &changes[i], who, after, err))
            return false;
    return true;
}
