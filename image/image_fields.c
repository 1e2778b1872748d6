#include "config.h"
#include "image/image_fields.h"
#include "base/uuid.h"
#include "image/format.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct image, member)

static const char *disk_format(size_t i)
{
    return i < image_n_formats ? image_formats[i].name : NULL;
}

static const char *visibility(size_t i)
{
    static const char *const words[] = {"community", "public", "private", "shared"};

    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static const char *status(size_t i)
{
    static const char *const words[] = {"queued",    "saving",    "active",         "killed",     "deleted",
                                        "uploading", "importing", "pending_delete", "deactivated"};

    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static const char *key_deletion(size_t i)
{
    static const char *const words[] = {"on_image_deletion", "do_not_delete"};

    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

#define READ_ONLY (FIELD_READ_ONLY | FIELD_SHOWN)
#define PROPERTY_KEYS "https://docs.openstack.org/python-glanceclient/latest/cli/property-keys.html"

/* In the order of Glance's replies; what stands in the schema only comes after. */
const struct image_field image_fields[] = {
    {"name", FIELD_STRING, FIELD_NULL | FIELD_SHOWN, AT(name), IMAGE_TEXT_MAX,
     .what = "Descriptive name for the image"},
    {"disk_format", FIELD_STRING, FIELD_NULL | FIELD_SHOWN, AT(disk_format), .word = disk_format,
     .what = "Format of the disk"},
    {"container_format", FIELD_STRING, FIELD_NULL | FIELD_SHOWN, AT(container_format),
     .word = image_container_format, .what = "Format of the container"},
    {"visibility", FIELD_STRING, FIELD_SHOWN, AT(visibility), .word = visibility,
     .what = "Scope of image accessibility"},
    {"size", FIELD_INTEGER, FIELD_NULL | READ_ONLY, AT(size), .what = "Size of image file in bytes"},
    {"virtual_size", FIELD_INTEGER, FIELD_NULL | READ_ONLY, AT(virtual_size),
     .what = "Virtual size of image in bytes"},
    {"status", FIELD_STRING, READ_ONLY, AT(status), .word = status, .what = "Status of the image"},
    {"checksum", FIELD_STRING, FIELD_NULL | READ_ONLY, AT(checksum), 32,
     .what = "md5 hash of image contents."},
    {"protected", FIELD_BOOLEAN, FIELD_SHOWN, AT(is_protected),
     .what = "If true, image will not be deletable."},
    {"min_ram", FIELD_INTEGER, FIELD_SHOWN, AT(min_ram),
     .what = "Amount of ram (in MB) required to boot image."},
    {"min_disk", FIELD_INTEGER, FIELD_SHOWN, AT(min_disk),
     .what = "Amount of disk space (in GB) required to boot image."},
    {"owner", FIELD_STRING, FIELD_NULL | FIELD_SHOWN, AT(owner), IMAGE_TEXT_MAX,
     .what = "Owner of the image"},
    {"os_hidden", FIELD_BOOLEAN, FIELD_SHOWN, AT(os_hidden),
     .what = "If true, image will not appear in default image list response."},
    {"os_hash_algo", FIELD_STRING, FIELD_NULL | READ_ONLY, AT(os_hash_algo), 64,
     .what = "Algorithm to calculate the os_hash_value"},
    {"os_hash_value", FIELD_STRING, FIELD_NULL | READ_ONLY, AT(os_hash_value), 128,
     .what = "Hexdigest of the image contents using the algorithm specified by the os_hash_algo"},
    /* a POST may choose it */
    {"id", FIELD_UUID, READ_ONLY, AT(id), .what = "An identifier for the image"},
    {"created_at", FIELD_TIME, READ_ONLY, AT(created_us), .what = "Date and time of image registration"},
    {"updated_at", FIELD_TIME, READ_ONLY, AT(updated_us),
     .what = "Date and time of the last image modification"},
    {"tags", FIELD_TAGS, FIELD_SHOWN, AT(tags), .what = "List of strings related to the image",
     .items = "{\"type\":\"string\",\"maxLength\":255}"},
    {"self", FIELD_LINK, READ_ONLY, .what = "An image self url"},
    {"file", FIELD_LINK, READ_ONLY, .what = "An image file url"},
    {"schema", FIELD_LINK, READ_ONLY, .what = "An image schema url"},
    {"direct_url", FIELD_NONE, FIELD_READ_ONLY,
     .what = "URL to access the image file kept in external store"},
    {"stores", FIELD_NONE, FIELD_READ_ONLY,
     .what =
         "Store in which image data resides.  Only present when the operator has enabled multiple stores."},
    {"locations", FIELD_NONE, FIELD_RESERVED,
     .what = "A set of URLs to access the image file kept in external store",
     .items = "{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\",\"maxLength\":255},"
              "\"metadata\":{\"type\":\"object\"}},\"required\":[\"url\",\"metadata\"]}"},
    {"location", FIELD_NONE, FIELD_RESERVED, .what = NULL},
    {"deleted", FIELD_NONE, FIELD_RESERVED, .what = NULL},
    {"deleted_at", FIELD_NONE, FIELD_RESERVED, .what = NULL},
    {"kernel_id", FIELD_UUID, FIELD_PROPERTY | FIELD_NULL,
     .what = "ID of the image that should be used as the kernel when booting an AMI-style image."},
    {"ramdisk_id", FIELD_UUID, FIELD_PROPERTY | FIELD_NULL,
     .what = "ID of the image that should be used as the ramdisk when booting an AMI-style image."},
    {"instance_uuid", FIELD_STRING, FIELD_PROPERTY,
     .what = "The instance that this image is associated with. (Informational only.)"},
    {"architecture", FIELD_STRING, FIELD_PROPERTY,
     .what = "Operating system architecture as specified in " PROPERTY_KEYS},
    {"os_distro", FIELD_STRING, FIELD_PROPERTY,
     .what = "Common name of operating system distribution as specified in " PROPERTY_KEYS},
    {"os_version", FIELD_STRING, FIELD_PROPERTY,
     .what = "Operating system version as specified by the distributor."},
    {"description", FIELD_STRING, FIELD_PROPERTY, .what = "A human-readable string describing this image."},
    {"cinder_encryption_key_id", FIELD_STRING, FIELD_PROPERTY,
     .what = "Identifier of the encryption key for a volume created from this image"},
    {"cinder_encryption_key_deletion_policy", FIELD_STRING, FIELD_PROPERTY, .word = key_deletion,
     .what = "Whether the encryption key goes with the image."},
};
const size_t image_n_fields = sizeof(image_fields) / sizeof(image_fields[0]);

const struct image_field *image_field_find(struct str name)
{
    for (size_t i = 0; i < image_n_fields; i++)
        if (str_eq_cstr(name, image_fields[i].name))
            return &image_fields[i];
    return NULL;
}

bool image_field_writable(struct str name, struct error *err)
{
    const struct image_field *field = image_field_find(name);

    if (str_starts(name, STR("os_glance")) || (field && (field->flags & FIELD_RESERVED)))
        return error_set(err, ERROR_FORBIDDEN, "Attribute '%.*s' is reserved.", STR_ARG(name));
    if (field && (field->flags & FIELD_READ_ONLY))
        return error_set(err, ERROR_FORBIDDEN, "Attribute '%.*s' is read-only.", STR_ARG(name));
    return true;
}

/* --- values ------------------------------------------------------------------------------------- */

#define MISMATCH "Provided object does not match schema 'image': "

static bool not_a(struct str name, const char *wanted, const struct image_field *field, const struct json *v,
                  struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%.*s must be %s%s, not %s", STR_ARG(name), wanted,
                     field && (field->flags & FIELD_NULL) ? " or null" : "", json_type_name(v));
}

static bool check_words(const struct image_field *field, struct str s, struct error *err)
{
    char list[256] = "";

    for (size_t i = 0; field->word(i); i++) {
        size_t n = strlen(list), k = strlen(field->word(i));

        if (str_eq_cstr(s, field->word(i)))
            return true;
        if (n + k + 3 < sizeof(list)) {
            memcpy(list + n, i ? ", " : "", i ? 3 : 1);
            memcpy(list + n + (i ? 2 : 0), field->word(i), k + 1);
        }
    }
    return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%s: '%.*s' is not one of %s", field->name,
                     (int)(s.n < 100 ? s.n : 100), s.p, list);
}

static bool has_nul(struct str s)
{
    return s.n > 0 && memchr(s.p, 0, s.n);
}

/* What every text of an image must hold to. */
static bool check_text(struct str name, struct str s, size_t max_chars, struct error *err)
{
    if (max_chars && str_utf8_len(s) > max_chars)
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%.*s is longer than %zu characters", STR_ARG(name),
                         max_chars);
    if (has_nul(s))
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%.*s has a NUL character", STR_ARG(name));
    return true;
}

static bool set_string(const struct image_field *field, const struct json *v, struct str *out,
                       struct error *err)
{
    struct str name = str_of(field->name), s;

    if (json_is(v, JSON_NULL) && (field->flags & FIELD_NULL)) {
        *out = (struct str){NULL, 0};
        return true;
    }
    if (!json_to_str(v, &s))
        return not_a(name, "a string", field, v, err);
    if (!check_text(name, s, field->max_chars, err) || (field->word && !check_words(field, s, err)))
        return false;
    if (field->type == FIELD_UUID && !uuid_is(s))
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%s must be a UUID in lower case", field->name);
    *out = s;
    return true;
}

static bool set_integer(const struct image_field *field, const struct json *v, int64_t *out,
                        struct error *err)
{
    int64_t n;

    if (!json_is(v, JSON_NUMBER))
        return not_a(str_of(field->name), "an integer", field, v, err);
    if (!json_to_i64(v, INT64_MIN, INT64_MAX, &n))
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "%s must be an integer", field->name);
    if (n < 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Invalid value '%lld' for parameter '%s': Cannot be a negative value", (long long)n,
                         field->name);
    if (n > IMAGE_NUMBER_MAX)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Invalid value '%lld' for parameter '%s': Cannot be more than %d", (long long)n,
                         field->name, IMAGE_NUMBER_MAX);
    *out = n;
    return true;
}

static int compare_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool image_tag_check(struct str tag, struct error *err)
{
    if (!check_text(STR("tags: a tag"), tag, IMAGE_TEXT_MAX, err))
        return false;
    if (tag.n > 0 && tag.p[tag.n - 1] == ' ')
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "tags: a tag ends with a blank");
    return true;
}

static bool set_tags(struct arena *arena, const struct json *v, struct image *image, struct error *err)
{
    struct str *tags;
    size_t n = 0, kept = 0;

    if (!json_is(v, JSON_ARRAY))
        return not_a(STR("tags"), "an array", NULL, v, err);
    tags = arena_calloc(arena, v->n + 1, sizeof(*tags));
    for (const struct json *t = JSON_FIRST(v); t; t = t->next) {
        if (!json_to_str(t, &tags[n]))
            return not_a(STR("tags: a tag"), "a string", NULL, t, err);
        if (!image_tag_check(tags[n++], err))
            return false;
    }
    if (n > 0)
        qsort(tags, n, sizeof(*tags), compare_str);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(tags[i], tags[kept - 1]))
            tags[kept++] = tags[i];
    image->tags = tags;
    image->n_tags = kept;
    return true;
}

bool image_field_set(struct arena *arena, const struct image_field *field, const struct json *v,
                     struct image *image, struct error *err)
{
    void *at = (char *)image + field->offset;

    switch (field->type) {
    case FIELD_STRING:
    case FIELD_UUID: return set_string(field, v, at, err);
    case FIELD_INTEGER: return set_integer(field, v, at, err);
    case FIELD_BOOLEAN:
        return json_to_bool(v, at) || not_a(str_of(field->name), "true or false", field, v, err);
    case FIELD_TAGS: return set_tags(arena, v, image, err);
    default: return error_set(err, ERROR_FORBIDDEN, "Attribute '%s' is read-only.", field->name);
    }
}

/* Control characters would let a name slip past a rule that sees only what stands before them. */
static bool check_property_name(struct str name, struct error *err)
{
    if (str_utf8_len(name) > IMAGE_TEXT_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "Custom property should not be greater than %d characters.",
                         IMAGE_TEXT_MAX);
    if (name.n == 0)
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "a property's name is empty");
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
            return error_set(err, ERROR_BAD_REQUEST, MISMATCH "a property's name has a control character");
    if (name.p[name.n - 1] == ' ')
        return error_set(err, ERROR_BAD_REQUEST, MISMATCH "the property's name '%.*s' ends with a blank",
                         STR_ARG(name));
    return true;
}

bool image_property_value(struct str name, const struct json *v, struct str *out, struct error *err)
{
    const struct image_field *field = image_field_find(name);

    if (!check_property_name(name, err))
        return false;
    if (field)
        return set_string(field, v, out, err);
    if (!json_to_str(v, out))
        return not_a(name, "a string", NULL, v, err);
    return check_text(name, *out, 0, err);
}
