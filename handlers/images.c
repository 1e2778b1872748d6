#include "config.h"
#include "handlers/images.h"
#include "base/conf_options.h"
#include "base/uuid.h"
#include "db/images.h"
#include "handlers/image_access.h"
#include "handlers/image_context.h"
#include "handlers/image_data.h"
#include "handlers/request_json.h"
#include "image/image_patch.h"
#include "image/image_schema.h"

/* So often is a patch applied anew to an image that another request has changed meanwhile. */
enum { PATCH_TRIES = 10 };

/* --- replies ------------------------------------------------------------------------------------ */

static bool may(void *arg, enum property_right right, struct str property)
{
    return image_property_allowed(arg, right, property);
}

static bool hidden(void *arg, struct str property)
{
    return !image_property_allowed(arg, PROPERTY_READ, property);
}

static struct image_who who_asks(struct request *r)
{
    return (struct image_who){
        .project = r->identity->project_id,
        .admin = r->identity->is_admin,
        .may = may,
        .arg = r,
    };
}

void image_write(struct json_writer *w, struct request *r, const struct image *image)
{
    image_to_json(w, image, hidden, r);
}

static bool reply(struct request *r, int status, const struct image *image)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, IMAGE_JSON_MAX);
    json_writer_init(&w, &b);
    image_write(&w, r, image);
    response_json(r, status, buf_str(&b));
    buf_free(&b);
    return true;
}

static bool reply_schema(struct request *r, void (*write)(struct json_writer *w))
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 1 << 20);
    json_writer_init(&w, &b);
    write(&w);
    response_json(r, 200, buf_str(&b));
    buf_free(&b);
    return true;
}

bool image_schema(struct request *r, struct error *err)
{
    (void)err;
    return reply_schema(r, image_schema_write);
}

bool images_schema(struct request *r, struct error *err)
{
    (void)err;
    return reply_schema(r, images_schema_write);
}

bool info_import(struct request *r, struct error *err)
{
    (void)err;
    response_json(r, 200,
                  STR("{\"import-methods\": {\"description\": \"Import methods available.\", "
                      "\"type\": \"array\", \"value\": []}}"));
    return true;
}

bool info_stores(struct request *r, struct error *err)
{
    (void)err;
    /* there is one, as a Glance of several would show it */
    response_json(r, 200, STR("{\"stores\": [{\"id\": \"images\", \"default\": \"true\"}]}"));
    return true;
}

/* --- POST --------------------------------------------------------------------------------------- */

struct creation {
    struct request *r;
    struct image image;
    struct image_quota quota;
};

static bool insert(struct db_conn *c, void *arg, struct error *err)
{
    struct creation *x = arg;

    return images_insert(c, &x->image, &x->quota, err);
}

/* The id is a new one of ours, so an image that has it is the one. */
static bool is_inserted(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct creation *x = arg;
    struct image image;

    return images_get(c, x->r->arena, x->image.id, false, &image, done, err);
}

static bool read_creation(struct creation *x, bool *own_id, struct error *err)
{
    struct request *r = x->r;
    const struct json *body = request_json_object(r, err);
    struct image_who who = who_asks(r);

    if (!body)
        return false;
    x->quota = image_quota_of(r->conf);
    image_init(&x->image);
    x->image.owner = r->identity->project_id;
    if (!image_from_json(r->arena, body, true, &x->image, err) || !image_may_create(&x->image, &who, err) ||
        !image_check_limits(&x->image, r->conf->image.max_properties, r->conf->image.max_tags, err))
        return false;
    *own_id = !x->image.id.p;
    if (*own_id) {
        char id[UUID_TEXT_SIZE];

        uuid_new(id);
        x->image.id = str_of(arena_strdup(r->arena, id));
    }
    return true;
}

bool image_create(struct request *r, struct error *err)
{
    struct creation x = {.r = r};
    struct image made;
    bool own_id, found;

    if (!read_creation(&x, &own_id, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);

    if (!c || !db_transaction(c, insert, own_id ? is_inserted : NULL, &x, err) ||
        !images_get(c, r->arena, x.image.id, false, &made, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "No image found with ID %.*s", STR_ARG(x.image.id));
    response_headerf(r, "Location", "%s/v2/images/%.*s", r->conf->api.public_url, STR_ARG(made.id));
    return reply(r, 201, &made);
}

/* --- one image ---------------------------------------------------------------------------------- */

bool image_show(struct request *r, struct error *err)
{
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    struct image image;

    return c && image_find(r, c, r->capture[0], &image, err) && reply(r, 200, &image);
}

bool image_delete(struct request *r, struct error *err)
{
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    struct image image;
    struct str *keys;
    size_t n;

    if (!c)
        return false;
    if (!image_find(r, c, r->capture[0], &image, err))
        return err->kind == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "Failed to find image %.*s to delete",
                               STR_ARG(r->capture[0]))
                   : false;
    if (!image_is_own(r, &image))
        return error_set(err, ERROR_FORBIDDEN, "You do not own this image");
    if (!images_delete(c, r->arena, image.id, &keys, &n, err))
        return false;
    image_data_remove(r, c, keys, n);
    response_status(r, 204);
    return true;
}

/* --- PATCH -------------------------------------------------------------------------------------- */

#define PATCH_TYPE "application/openstack-images-v2.1-json-patch"
#define PATCH_TYPE_V20 "application/openstack-images-v2.0-json-patch"

struct patch {
    struct request *r;
    struct image_change *changes;
    size_t n;
    struct image before, after;
    struct str owner; /* who is to have the image; p NULL: who has it */
    bool again;       /* somebody else was faster */
};

/* Applies the patch to the image as it is now. The lock makes patches of one image wait for each other; where
 * it does not reach, on another node of a cluster, images_update() or the COMMIT tells. */
static bool put_patch(struct db_conn *c, void *arg, struct error *err)
{
    struct patch *p = arg;
    const struct conf *conf = p->r->conf;
    const struct image_quota quota = image_quota_of(conf);
    struct image_who who = who_asks(p->r);

    p->again = false;
    if (p->owner.p && who.admin && !images_quota_enter(c, p->owner, &quota, err))
        return false;
    if (!images_lock(c, p->r->capture[0], err) || !image_find(p->r, c, p->r->capture[0], &p->before, err))
        return false;
    if (!image_is_own(p->r, &p->before))
        return error_set(err, ERROR_FORBIDDEN, "You do not own this image");
    if (!image_patch_apply(p->r->arena, &p->before, p->changes, p->n, &who, conf->image.max_properties,
                           &p->after, err) ||
        !image_check_limits(&p->after, UINT64_MAX, conf->image.max_tags, err))
        return false;
    if (images_update(c, &p->before, &p->after, err))
        return true;
    p->again = err->kind == ERROR_CONFLICT;
    return false;
}

static bool is_patched(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    const struct patch *p = arg;
    struct image image;

    if (!images_get(c, p->r->arena, p->before.id, false, &image, done, err))
        return false;
    *done = *done && image.updated_us == p->after.updated_us;
    return true;
}

static struct str new_owner(const struct patch *p)
{
    struct str owner = {NULL, 0};

    for (size_t i = 0; i < p->n; i++)
        if (str_eq_cstr(p->changes[i].name, "owner"))
            json_to_str(p->changes[i].value, &owner);
    return owner;
}

static bool apply_patch(struct patch *p, struct error *err)
{
    struct db_conn *c = db_acquire_for(p->r->db, p->r->arena, err);
    bool ok = false;

    if (!c)
        return false;
    p->owner = new_owner(p);
    p->again = p->n > 0;
    if (p->n == 0)
        ok = image_find(p->r, c, p->r->capture[0], &p->after, err);
    for (int tries = 0; !ok && p->again && tries < PATCH_TRIES; tries++)
        ok = db_transaction(c, put_patch, is_patched, p, err);
    return ok && reply(p->r, 200, &p->after);
}

static bool refuse_type(struct request *r)
{
    struct str type = request_header(r, "Content-Type");
    struct error err;

    error_set(&err, ERROR_MEDIA_TYPE, "Content-Type \"%.*s\" is no patch of an image; %s is",
              (int)(type.n < 100 ? type.n : 100), type.p ? type.p : "", PATCH_TYPE);
    response_error(r, &err, NULL);
    response_header(r, "Accept-Patch", PATCH_TYPE_V20 ", " PATCH_TYPE);
    return true;
}

bool image_update(struct request *r, struct error *err)
{
    bool v20 = request_is_type(r, PATCH_TYPE_V20);
    const struct json *body;
    struct patch p = {.r = r};

    if (!v20 && !request_is_type(r, PATCH_TYPE))
        return refuse_type(r);
    body = request_json(r, v20 ? PATCH_TYPE_V20 : PATCH_TYPE, err);
    return body && image_patch_read(r->arena, body, v20, &p.changes, &p.n, err) && apply_patch(&p, err);
}
