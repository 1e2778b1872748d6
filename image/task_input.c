#include "config.h"
#include "image/task_input.h"
#include "base/uuid.h"
#include "image/filter_uri.h"
#include "image/format.h"
#include "image/image.h"

#include <string.h>

/* Swift's limits on names, in bytes. */
enum { CONTAINER_MAX = 256, OBJECT_MAX = 1024, SHOWN_MAX = 100 };

static const char *const type_names[] = {"import", "export", "clone"};
enum { N_TYPES = sizeof(type_names) / sizeof(type_names[0]) };

const char *task_type_name(enum task_type type)
{
    return type_names[type];
}

bool task_type_parse(struct str name, enum task_type *out)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (str_eq_cstr(name, type_names[i])) {
            *out = (enum task_type)i;
            return true;
        }
    return false;
}

/* --- which members there are ------------------------------------------------------------------------ */

/* A member of a type's input; ALIAS is Rackspace's name for it. */
struct member {
    const char *name;
    const char *alias;
    bool required;
    enum json_type type;
    const struct json *value;
};

static const char *shown_name(const struct member *m)
{
    return m->value && m->value->key.p && m->alias && str_eq_cstr(m->value->key, m->alias) ? m->alias
                                                                                           : m->name;
}

static struct member *find_member(struct member *members, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_cstr(key, members[i].name) || (members[i].alias && str_eq_cstr(key, members[i].alias)))
            return &members[i];
    return NULL;
}

/* "a", "b" and "c": the missing ones; NULL: none. */
static const char *list_missing(struct arena *arena, const struct member *members, size_t n)
{
    const char *text = NULL, *last = NULL;

    for (size_t i = 0; i < n; i++) {
        if (members[i].value || !members[i].required)
            continue;
        if (last)
            text = text ? arena_printf(arena, "%s, \"%s\"", text, last) : arena_printf(arena, "\"%s\"", last);
        last = members[i].name;
    }
    if (!last)
        return NULL;
    return text ? arena_printf(arena, "%s and \"%s\" are missing", text, last)
                : arena_printf(arena, "\"%s\" is missing", last);
}

/* Finds MEMBERS in INPUT, and the first one that is none of them. */
static bool gather(const struct json *input, struct member *members, size_t n, const struct json **unknown,
                   struct error *err)
{
    *unknown = NULL;
    for (const struct json *v = JSON_FIRST(input); v; v = v->next) {
        struct member *m = find_member(members, n, v->key);

        if (!m && !*unknown)
            *unknown = v;
        if (!m)
            continue;
        if (m->value)
            return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" and \"%s\" are the same member", m->name,
                             m->alias);
        m->value = v;
    }
    return true;
}

static bool check_members(struct arena *arena, const struct member *members, size_t n,
                          const struct json *unknown, struct error *err)
{
    const char *missing = list_missing(arena, members, n);

    if (unknown)
        return error_set(err, ERROR_BAD_REQUEST, "input: unknown member \"%.*s\"%s%s",
                         (int)(unknown->key.n < SHOWN_MAX ? unknown->key.n : SHOWN_MAX), unknown->key.p,
                         missing ? "; " : "", missing ? missing : "");
    if (missing)
        return error_set(err, ERROR_BAD_REQUEST, "input: %s", missing);
    for (size_t i = 0; i < n; i++)
        if (members[i].value && members[i].value->type != members[i].type)
            return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" must be %s, not %s",
                             shown_name(&members[i]), json_type_name(&(struct json){.type = members[i].type}),
                             json_type_name(members[i].value));
    return true;
}

static struct str value_of(const struct member *m)
{
    return m->value ? m->value->str : (struct str){NULL, 0};
}

/* --- what their values may be ----------------------------------------------------------------------- */

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

/* A segment of this name means a place, not a thing, to everything that handles paths. */
static bool is_dots(struct str s)
{
    return str_eq_cstr(s, ".") || str_eq_cstr(s, "..");
}

static bool check_container(const char *member, struct str name, struct error *err)
{
    if (name.n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" names no container", member);
    if (name.n > CONTAINER_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\": a container's name has at most %d bytes",
                         member, CONTAINER_MAX);
    if (has_control(name) || memchr(name.p, '/', name.n) || is_dots(name))
        return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" holds what no container's name has", member);
    return true;
}

static bool check_object(const char *member, struct str name, struct error *err)
{
    struct str rest = name, segment;
    bool more = true;

    if (name.n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" must be container/object", member);
    if (name.n > OBJECT_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\": an object's name has at most %d bytes",
                         member, OBJECT_MAX);
    while (more) {
        more = str_cut(rest, '/', &segment, &rest);
        if (is_dots(segment))
            return error_set(err, ERROR_BAD_REQUEST,
                             "input: \"%s\": \".\" and \"..\" cannot be parts of an object's name", member);
    }
    return !has_control(name) ||
           error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" holds a control character", member);
}

/* "http:/...", "file:///...": whatever has a scheme's form is a URL, never a container that ends in ':'. */
static bool is_url(struct str s)
{
    size_t n = 0;

    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
                       (n > 0 && ((s.p[n] >= '0' && s.p[n] <= '9') || memchr("+-.", s.p[n], 3)))))
        n++;
    return n > 0 && n + 1 < s.n && s.p[n] == ':' && s.p[n + 1] == '/';
}

static bool read_source(const struct conf *conf, struct str from, struct task_input *out, struct error *err)
{
    struct error why;

    if (is_url(from)) {
        out->url = from;
        return filter_uri_check(conf, from, &why) ||
               error_set(err, why.kind, "input: \"import_from\": %s", why.message);
    }
    if (!str_cut(from, '/', &out->container, &out->object))
        return error_set(err, ERROR_BAD_REQUEST, "input: \"import_from\" must be container/object");
    return check_container("import_from", out->container, err) &&
           check_object("import_from", out->object, err);
}

static bool check_format(struct arena *arena, const char *member, struct str name, bool for_export,
                         struct error *err)
{
    const struct image_format *format = image_format_find(name);

    if (format && (for_export ? format->can_export : format->can_import))
        return true;
    return error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" must be %s, not \"%.*s\"", member,
                     image_format_list(arena, for_export), (int)(name.n < SHOWN_MAX ? name.n : SHOWN_MAX),
                     name.p);
}

static bool check_image_id(const struct member *m, struct error *err)
{
    return uuid_is(value_of(m)) ||
           error_set(err, ERROR_BAD_REQUEST, "input: \"%s\" must be an image's id, a UUID in lower case",
                     shown_name(m));
}

/* Whose the new image is, nobody but he who asks can be. */
static bool check_owner(struct str project, const struct json *properties, struct error *err)
{
    const struct json *owner = json_get(properties, "owner");

    if (!owner)
        return true;
    if (owner->type != JSON_STRING)
        return error_set(err, ERROR_BAD_REQUEST, "image_properties: \"owner\" must be a string, not %s",
                         json_type_name(owner));
    return str_eq(owner->str, project) ||
           error_set(err, ERROR_FORBIDDEN, "image_properties: \"owner\" can only be the own project");
}

static bool check_disk_format(struct str format, const struct image *image, struct error *err)
{
    return !image->disk_format.p || str_eq(image->disk_format, format) ||
           error_set(err, ERROR_BAD_REQUEST,
                     "image_properties: \"disk_format\" is \"%.*s\", but \"import_from_format\" is \"%.*s\"",
                     STR_ARG(image->disk_format), STR_ARG(format));
}

/* Are PROPERTIES (NULL: none) what an image of PROJECT's can be made with? *IMAGE is that image. */
static bool read_image(struct arena *arena, struct str project, const struct json *properties,
                       struct image *image, struct error *err)
{
    struct error why;

    image_init(image);
    if (!properties)
        return true;
    if (!check_owner(project, properties, err))
        return false;
    return image_from_json(arena, properties, false, image, &why) ||
           error_set(err, why.kind, "image_properties: %s", why.message);
}

/* --- the three types -------------------------------------------------------------------------------- */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool parse_import(struct arena *arena, const struct conf *conf, struct str project,
                         const struct json *input, struct task_input *out, struct error *err)
{
    struct member m[] = {{"import_from", NULL, true, JSON_STRING, NULL},
                         {"import_from_format", NULL, true, JSON_STRING, NULL},
                         {"image_properties", NULL, true, JSON_OBJECT, NULL}};
    const struct json *unknown;
    struct image image;

    if (!gather(input, m, COUNT(m), &unknown, err) || !check_members(arena, m, COUNT(m), unknown, err))
        return false;
    out->format = value_of(&m[1]);
    out->properties = m[2].value;
    return read_source(conf, value_of(&m[0]), out, err) &&
           check_format(arena, "import_from_format", out->format, false, err) &&
           read_image(arena, project, out->properties, &image, err) &&
           check_disk_format(out->format, &image, err);
}

static bool parse_export(struct arena *arena, const struct json *input, struct task_input *out,
                         struct error *err)
{
    struct member m[] = {{"image_id", "image_uuid", true, JSON_STRING, NULL},
                         {"export_to", "receiving_swift_container", true, JSON_STRING, NULL},
                         {"export_format", NULL, true, JSON_STRING, NULL}};
    const struct json *unknown;

    if (!gather(input, m, COUNT(m), &unknown, err))
        return false;
    /* Who speaks Rackspace's dialect has no name for the format. */
    if (shown_name(&m[0]) == m[0].alias || shown_name(&m[1]) == m[1].alias)
        m[2].required = false;
    if (!check_members(arena, m, COUNT(m), unknown, err))
        return false;
    out->image_id = value_of(&m[0]);
    out->export_container = value_of(&m[1]);
    out->format = value_of(&m[2]);
    return check_image_id(&m[0], err) && check_container(shown_name(&m[1]), out->export_container, err) &&
           (!out->format.p || check_format(arena, "export_format", out->format, true, err));
}

static bool parse_clone(struct arena *arena, struct str project, const struct json *input,
                        struct task_input *out, struct error *err)
{
    struct member m[] = {{"image_id", NULL, true, JSON_STRING, NULL},
                         {"image_properties", NULL, false, JSON_OBJECT, NULL}};
    const struct json *unknown;
    struct image image;

    if (!gather(input, m, COUNT(m), &unknown, err) || !check_members(arena, m, COUNT(m), unknown, err))
        return false;
    out->image_id = value_of(&m[0]);
    out->properties = m[1].value;
    return check_image_id(&m[0], err) && read_image(arena, project, out->properties, &image, err);
}

bool task_input_parse(struct arena *arena, const struct conf *conf, struct str project, enum task_type type,
                      const struct json *input, struct task_input *out, struct error *err)
{
    *out = (struct task_input){.type = type};
    if (!json_is(input, JSON_OBJECT))
        return error_set(err, ERROR_BAD_REQUEST, "\"input\" must be an object, not %s",
                         json_type_name(input));
    switch (type) {
    case TASK_IMPORT: return parse_import(arena, conf, project, input, out, err);
    case TASK_EXPORT: return parse_export(arena, input, out, err);
    case TASK_CLONE: break;
    }
    return parse_clone(arena, project, input, out, err);
}

static void add_text(struct hash_sha256 *h, struct str s)
{
    hash_sha256_add(h, s.p, s.n);
    hash_sha256_add(h, "", 1); /* none of them has a NUL */
}

void task_export_target(const struct task_input *in, struct str project, unsigned char out[SHA256_SIZE])
{
    struct hash_sha256 *h = hash_sha256_new();

    add_text(h, project);
    add_text(h, in->export_container);
    add_text(h, in->image_id);
    hash_sha256_end(h, out);
    hash_sha256_free(h);
}
