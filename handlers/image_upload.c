/* PUT /v2/images/{image_id}/file: the body goes through the inspector and the digests into the store. Nobody
 * reads it before the image's last transaction names it; a client that stops half way leaves the image
 * queued, as it was, and nothing in the store. */
#include "config.h"
#include "handlers/image_data.h"
#include "base/conf_options.h"
#include "base/digests.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/uuid.h"
#include "db/images.h"
#include "handlers/image_access.h"
#include "handlers/image_context.h"
#include "handlers/request_json.h"
#include "handlers/response.h"
#include "image/inspect.h"

#include <string.h>

enum {
    PIECE = 256 * 1024,
    INSPECT_EVERY = 4,  /* pieces: how soon a refused upload ends */
    WRITER_SLACK = 120, /* seconds beyond [api] upload_deadline for an upload's end */
    REQUEST_PREFIX = 4, /* "req-" */
};

struct upload {
    struct request *r;
    struct image image;
    struct image_quota quota;
    struct image_object object;
    const char *tag;
    struct image_growth growth;
    struct store_writer *writer; /* NULL before the first byte and after the last */
    struct digests *digests;
    struct inspect *inspect;
    struct image_data data;
    bool stored; /* the object is in the store under its key */
};

/* --- before the first byte ----------------------------------------------------------------------- */

static bool check_type(struct request *r, struct error *err)
{
    struct str type = str_trim(request_header(r, "Content-Type"));

    if (type.n > 0 && request_is_type(r, "application/octet-stream"))
        return request_uncoded(r, err);
    return error_set(err, ERROR_MEDIA_TYPE, "Invalid content type %.*s", (int)(type.n < 100 ? type.n : 100),
                     type.p ? type.p : "");
}

/* What Glance asks of an image that gets its data, in its order. */
static bool check_image(struct upload *u, struct error *err)
{
    bool disk = u->image.disk_format.n > 0, container = u->image.container_format.n > 0;

    if (!image_is_own(u->r, &u->image))
        return error_set(err, ERROR_FORBIDDEN, "Not allowed to upload image data for image %.*s",
                         STR_ARG(u->image.id));
    if (!str_eq_cstr(u->image.status, "queued"))
        return error_set(err, ERROR_CONFLICT, "Image status transition from %.*s to saving is not allowed",
                         STR_ARG(u->image.status));
    if (!disk && !container)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Properties disk_format, container_format must be set prior to saving data.");
    return (disk && container) ||
           error_set(err, ERROR_BAD_REQUEST, "Property %s must be set prior to saving data.",
                     disk ? "container_format" : "disk_format");
}

/* By the request, whose id the client may have chosen, and used before; so there is more to a key. */
static void describe_object(struct upload *u)
{
    struct request *r = u->r;
    char own[UUID_TEXT_SIZE];

    uuid_new(own);
    u->tag = arena_printf(r->arena, "%s.%.8s", r->id + REQUEST_PREFIX, own);
    u->object = (struct image_object){
        .key = str_of(arena_printf(r->arena, "%.*s/%s", STR_ARG(u->image.id), u->tag)),
        .project = u->image.owner.p ? u->image.owner : r->identity->project_id,
        .image_id = u->image.id,
        .writer_seconds = (int64_t)r->conf->api.upload_deadline + WRITER_SLACK,
        .size = r->content_length > 0 ? r->content_length : 0,
    };
}

/* From here on the image is being saved, and its object is recorded. */
static bool begin(struct upload *u, struct error *err)
{
    struct request *r = u->r;
    struct db_conn *c = db_acquire(r->db, err);
    bool ok = c && image_find(r, c, r->capture[0], &u->image, err) && check_image(u, err);

    if (ok) {
        describe_object(u);
        u->quota = image_quota_of(r->conf);
        u->growth = (struct image_growth){u->object.key, &u->quota, (uint64_t)u->object.size};
        ok = images_upload_begin(c, &u->object, &u->quota, err);
    }
    db_release(c); /* the client may take its time */
    return ok;
}

/* --- the bytes ----------------------------------------------------------------------------------- */

static bool open_writer(struct upload *u, struct error *err)
{
    struct store_name name = {.object = u->object.key};
    struct store_write_options options = {.size = u->r->content_length, .tag = u->tag};

    u->writer = store_create(u->r->images->store, NULL, &name, &options, err);
    return u->writer != NULL;
}

static bool copy_body(struct upload *u, struct error *err)
{
    char *piece[2] = {arena_alloc(u->r->arena, PIECE), arena_alloc(u->r->arena, PIECE)};
    unsigned turn = 0;
    size_t got, n;

    do {
        char *p = piece[turn % 2];

        /* Whole pieces: handing one over to the digests' threads costs the same whatever its size. */
        for (n = 0; n < PIECE; n += got) {
            if (!request_body_read(u->r, p + n, PIECE - n, &got, err))
                return false;
            if (got == 0)
                break;
        }
        digests_add(u->digests, p, n);
        inspect_add(u->inspect, p, n);
        if (!store_write(u->writer, p, n, err))
            return false;
        u->data.size += n;
        if (!images_object_grown(u->r->db, &u->growth, u->data.size, err))
            return false;
        if (++turn % INSPECT_EVERY == 0 && inspect_refused(u->inspect, err))
            return false;
        fault_point("upload.piece");
    } while (n == PIECE);
    return true;
}

/* Glance says how large the disk is where the content is what the image says that it is. */
static int64_t virtual_size(const struct upload *u, const struct inspect_result *found)
{
    struct str disk = u->image.disk_format;
    bool whole = str_eq_cstr(disk, "raw") && strcmp(found->format, "raw") == 0;

    if (!str_eq_cstr(u->image.container_format, "bare") || found->virtual_size > INT64_MAX ||
        str_eq_cstr(disk, "ami") || str_eq_cstr(disk, "aki") || str_eq_cstr(disk, "ari"))
        return -1;
    return whole || inspect_agrees(found, disk, NULL) ? (int64_t)found->virtual_size : -1;
}

/* The stream has ended: what was it? */
static bool judge(struct upload *u, struct error *err)
{
    char *md5 = arena_alloc(u->r->arena, DIGEST_HEX_SIZE),
         *sha512 = arena_alloc(u->r->arena, DIGEST_HEX_SIZE);
    struct inspect_result found;

    digests_end(u->digests, md5, sha512);
    if (!inspect_end(u->inspect, &found, err))
        return false;
    u->data.virtual_size = virtual_size(u, &found);
    u->data.checksum = str_of(md5);
    u->data.os_hash_algo = STR("sha512");
    u->data.os_hash_value = str_of(sha512);
    return true;
}

static bool commit(struct upload *u, struct error *err)
{
    struct store_writer *writer = u->writer;

    u->writer = NULL;
    u->stored = store_commit(writer, u->r->arena, NULL, err);
    fault_point("upload.stored");
    return u->stored;
}

static bool receive(struct upload *u, struct error *err)
{
    bool ok = open_writer(u, err);

    u->digests = digests_new();
    u->inspect = inspect_new(u->r->arena);
    ok = ok && copy_body(u, err) && judge(u, err) && commit(u, err);
    digests_free(u->digests);
    store_abort(u->writer);
    u->writer = NULL;
    return ok;
}

/* --- after the last ------------------------------------------------------------------------------ */

static bool activate(struct upload *u, struct error *err)
{
    struct db_conn *c = db_acquire(u->r->db, err);
    bool ok = c && images_upload_end(c, u->image.id, u->object.key, &u->data, &u->quota, err);

    db_release(c);
    return ok;
}

/* The image is queued again, unless it was deleted; then, and only then, the bytes go. An object of which the
 * database could not be told stays on record, and the sweeper's. */
static void give_up(struct upload *u)
{
    struct store_name name = {.object = u->object.key};
    struct error err;
    struct db_conn *c = db_acquire(u->r->db, &err);
    bool ok = c && images_upload_abort(c, u->image.id, u->object.key, &err) &&
              (!u->stored || store_remove(u->r->images->store, NULL, &name, &err)) &&
              images_object_gone(c, u->object.key, &err);

    db_release(c);
    if (!ok)
        log_warning("upload %.*s is left to the sweeper: %s", STR_ARG(u->object.key), err.message);
}

static bool gone(struct upload *u, struct error *err)
{
    error_set(err, ERROR_NOT_FOUND,
              "Image %.*s could not be found after upload. The image may have been deleted during the "
              "upload, cleaning up the chunks uploaded.",
              STR_ARG(u->image.id));
    response_error_as(u->r, 410, err, NULL);
    return true;
}

bool image_upload(struct request *r, struct error *err)
{
    struct upload u = {.r = r, .data = {.virtual_size = -1}};

    if (!check_type(r, err) || !query_check(r, err) || !begin(&u, err))
        return false;
    bool received = receive(&u, err);

    if (received && activate(&u, err)) {
        response_status(r, 204);
        return true;
    }
    give_up(&u);
    /* Only the deletion of the image ends an upload so. */
    return received && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT) ? gone(&u, err) : false;
}
