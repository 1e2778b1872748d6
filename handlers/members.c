/* /v2/images/{image_id}/members: the owner of a shared image says who its members are, each of them says
 * whether he wants it. Answers and messages are Glance's. */
#include "config.h"
#include "handlers/members.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "db/image_members.h"
#include "handlers/image_access.h"
#include "handlers/request_json.h"

#include <string.h>

enum { MEMBER_CHARS = 255, LIST_BYTES_MAX = 64 << 20 };

/* --- replies ------------------------------------------------------------------------------------- */

static void write_member(struct json_writer *w, const struct image_member *m)
{
    char created[CLOCK_ISO_SIZE], updated[CLOCK_ISO_SIZE];

    json_obj_begin(w);
    json_key_str(w, "member_id", m->member);
    json_key_str(w, "image_id", m->image_id);
    json_key_str(w, "status", m->status);
    json_key_cstr(w, "created_at", clock_iso(m->created_us, created));
    json_key_cstr(w, "updated_at", clock_iso(m->updated_us, updated));
    json_key_cstr(w, "schema", "/v2/schemas/member");
    json_obj_end(w);
}

static bool reply(struct request *r, struct buf *b, struct error *err)
{
    bool ok = buf_ok(b) || error_set(err, ERROR_INTERNAL, "the list of members is too long");

    if (ok)
        response_json(r, 200, buf_str(b));
    buf_free(b);
    return ok;
}

/* The member as it is now. */
static bool reply_member(struct request *r, struct db_conn *c, struct str image_id, struct str member,
                         struct error *err)
{
    struct image_member m;
    struct json_writer w;
    struct buf b;
    bool found;

    if (!image_member_get(c, r->arena, image_id, member, &m, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "%.*s not found in the member list of the image %.*s.",
                         STR_ARG(member), STR_ARG(image_id));
    buf_init(&b, 64 * 1024);
    json_writer_init(&w, &b);
    write_member(&w, &m);
    return reply(r, &b, err);
}

/* --- who may ------------------------------------------------------------------------------------- */

/* The image that the path names, if the caller sees it. */
static bool find_image(struct request *r, struct db_conn **c, struct image *image, struct error *err)
{
    if (!query_check(r, err))
        return false;
    *c = db_acquire_for(r->db, r->arena, err);
    if (!*c)
        return false;
    if (image_find(r, *c, r->capture[0], image, err))
        return true;
    if (err->kind == ERROR_NOT_FOUND)
        error_set(err, ERROR_NOT_FOUND, "Image %.*s not found.", STR_ARG(r->capture[0]));
    return false;
}

static bool is_shared(const struct image *image)
{
    return str_eq_cstr(image->visibility, "shared");
}

static bool is_owner(const struct request *r, const struct image *image)
{
    return image->owner.p && r->identity->project_id.n && str_eq(image->owner, r->identity->project_id);
}

/* A member sees himself only. */
static bool sees(const struct request *r, const struct image *image, struct str member)
{
    return image_is_own(r, image) || str_eq(member, r->identity->project_id);
}

static bool not_found(const struct image *image, struct str member, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "%.*s not found in the member list of the image %.*s.",
                     STR_ARG(member), STR_ARG(image->id));
}

static bool forbidden(const char *what, const struct image *image, struct error *err)
{
    return error_set(err, ERROR_FORBIDDEN, "Not allowed to %s members for image %.*s.", what,
                     STR_ARG(image->id));
}

/* --- reading ------------------------------------------------------------------------------------- */

bool members_list(struct request *r, struct error *err)
{
    struct str only = {NULL, 0};
    struct image_member *list;
    struct json_writer w;
    struct image image;
    struct db_conn *c;
    struct buf b;
    size_t n;

    if (!find_image(r, &c, &image, err))
        return false;
    if (!is_shared(&image))
        return error_set(err, ERROR_FORBIDDEN,
                         "Not allowed to list members for image %.*s: Only shared images have members.",
                         STR_ARG(image.id));
    if (!image_is_own(r, &image))
        only = r->identity->project_id;
    if (!image_members_list(c, r->arena, image.id, only, &list, &n, err))
        return false;
    buf_init(&b, LIST_BYTES_MAX);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key(&w, "members");
    json_arr_begin(&w);
    for (size_t i = 0; i < n; i++)
        write_member(&w, &list[i]);
    json_arr_end(&w);
    json_key_cstr(&w, "schema", "/v2/schemas/members");
    json_obj_end(&w);
    return reply(r, &b, err);
}

bool members_get(struct request *r, struct error *err)
{
    struct image image;
    struct db_conn *c;

    if (!find_image(r, &c, &image, err))
        return false;
    if (!is_shared(&image))
        return error_set(err, ERROR_NOT_FOUND, "Only shared images have members.");
    if (!sees(r, &image, r->capture[1]))
        return not_found(&image, r->capture[1], err);
    return reply_member(r, c, image.id, r->capture[1], err);
}

/* --- changing ------------------------------------------------------------------------------------ */

static bool read_member(struct request *r, struct str *member, struct error *err)
{
    struct json *body = request_json_object(r, err);
    const struct json *given = body ? json_get(body, "member") : NULL;

    if (!body)
        return false;
    if (!given)
        return error_set(err, ERROR_BAD_REQUEST, "Member to be added not specified");
    if (!json_to_str(given, member))
        return error_set(err, ERROR_BAD_REQUEST, "member is %s; it must be a project's id",
                         json_type_name(given));
    if (member->n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "Member can't be empty");
    if (memchr(member->p, '\0', member->n) || str_utf8_len(*member) > MEMBER_CHARS)
        return error_set(err, ERROR_BAD_REQUEST, "member is no project's id: it has at most %d characters",
                         MEMBER_CHARS);
    return true;
}

bool members_post(struct request *r, struct error *err)
{
    struct image image;
    struct str member;
    struct db_conn *c;

    if (!read_member(r, &member, err) || !find_image(r, &c, &image, err))
        return false;
    if (!is_shared(&image) || !image_is_own(r, &image))
        return forbidden("create", &image, err);
    if (image_member_add(c, image.id, member, r->conf->image.max_members, err))
        return reply_member(r, c, image.id, member, err);
    return err->kind == ERROR_FORBIDDEN ? forbidden("create", &image, err) : false;
}

/* The status in the body: what else stands there is nobody's business. */
static bool read_status(struct request *r, struct str *status, struct error *err)
{
    struct json *body = request_json_object(r, err);
    const struct json *given = body ? json_get(body, "status") : NULL;

    if (!body)
        return false;
    if (!given)
        return error_set(err, ERROR_BAD_REQUEST, "Status not specified");
    if (!json_to_str(given, status))
        *status = (struct str){NULL, 0};
    return true;
}

static const char *known_status(struct str status)
{
    static const char *const known[] = {"pending", "accepted", "rejected"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq_cstr(status, known[i]))
            return known[i];
    return NULL;
}

bool members_put(struct request *r, struct error *err)
{
    struct str member = r->capture[1], status;
    struct image_member now;
    struct image image;
    struct db_conn *c;
    bool found;

    if (!read_status(r, &status, err) || !find_image(r, &c, &image, err))
        return false;
    /* Whoever shares an image cannot push it on the other: only the member himself decides. */
    if (!is_shared(&image) || (is_owner(r, &image) && !r->identity->is_admin))
        return forbidden("update", &image, err);
    if (!sees(r, &image, member))
        return not_found(&image, member, err);
    if (!image_member_get(c, r->arena, image.id, member, &now, &found, err))
        return false;
    if (!found)
        return not_found(&image, member, err);
    if (!known_status(status))
        return error_set(err, ERROR_BAD_REQUEST,
                         "Incorrect request: Status must be \"pending\", \"accepted\" or \"rejected\".");
    return image_member_set_status(c, image.id, member, known_status(status), err) &&
           reply_member(r, c, image.id, member, err);
}

bool members_delete(struct request *r, struct error *err)
{
    struct image image;
    struct db_conn *c;

    if (!find_image(r, &c, &image, err))
        return false;
    if (!is_shared(&image) || !image_is_own(r, &image))
        return forbidden("delete", &image, err);
    if (!image_member_remove(c, image.id, r->capture[1], err))
        return false;
    response_status(r, 204);
    return true;
}

/* --- schemas ------------------------------------------------------------------------------------- */

#define UUID_PATTERN "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"

#define MEMBER_SCHEMA                                                                                       \
    "{\"name\": \"member\", \"properties\": {"                                                              \
    "\"member_id\": {\"type\": \"string\", \"description\": \"An identifier for the image member "          \
    "(tenantId)\"}, "                                                                                       \
    "\"image_id\": {\"type\": \"string\", \"description\": \"An identifier for the image\", \"pattern\": "  \
    "\"" UUID_PATTERN "\"}, "                                                                               \
    "\"created_at\": {\"type\": \"string\", \"description\": \"Date and time of image member creation\"}, " \
    "\"updated_at\": {\"type\": \"string\", \"description\": \"Date and time of last modification of "      \
    "image member\"}, "                                                                                     \
    "\"status\": {\"type\": \"string\", \"description\": \"The status of this image member\", \"enum\": "   \
    "[\"pending\", \"accepted\", \"rejected\"]}, "                                                          \
    "\"schema\": {\"readOnly\": true, \"type\": \"string\"}}}"

const char member_schema_text[] = MEMBER_SCHEMA;
const char members_schema_text[] =
    "{\"name\": \"members\", \"properties\": {\"members\": {\"type\": \"array\", "
    "\"items\": " MEMBER_SCHEMA "}, \"schema\": {\"type\": \"string\"}}, \"links\": "
    "[{\"rel\": \"describedby\", \"href\": \"{schema}\"}]}";

bool members_schema(struct request *r, struct error *err)
{
    if (!query_check(r, err))
        return false;
    response_json(r, 200, str_of(member_schema_text));
    return true;
}

bool members_list_schema(struct request *r, struct error *err)
{
    if (!query_check(r, err))
        return false;
    response_json(r, 200, str_of(members_schema_text));
    return true;
}
