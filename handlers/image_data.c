#include "config.h"
#include "handlers/image_data.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "db/images.h"
#include "handlers/byte_range.h"
#include "handlers/image_access.h"
#include "handlers/image_context.h"
#include "handlers/response.h"

enum { PIECE = 256 * 1024 };

static struct store_name name_of(struct str key)
{
    return (struct store_name){.object = key};
}

void image_data_remove(struct request *r, struct db_conn *c, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct store_name name = name_of(keys[i]);
        struct error err;

        if (!store_remove(r->images->store, NULL, &name, &err) || !images_object_gone(c, keys[i], &err))
            log_warning("image data %.*s is left to the sweeper: %s", STR_ARG(keys[i]), err.message);
    }
}

/* --- download ------------------------------------------------------------------------------------ */

/* The image, and the key of its bytes (p NULL: it has none). */
static bool find_data(struct request *r, struct image *image, struct str *key, struct error *err)
{
    struct db_conn *c = query_check(r, err) ? db_acquire(r->db, err) : NULL;
    bool ok =
        c && image_find(r, c, r->capture[0], image, err) && images_location(c, r->arena, image->id, key, err);

    db_release(c); /* the client may take its time */
    if (ok && str_eq_cstr(image->status, "deactivated") && !r->identity->is_admin)
        return error_set(err, ERROR_FORBIDDEN,
                         "The requested image has been deactivated. Image data download is forbidden.");
    return ok;
}

static bool send_bytes(struct request *r, struct store_reader *from, uint64_t n, struct error *err)
{
    char *piece = arena_alloc(r->arena, PIECE);
    size_t got;

    while (n > 0) {
        if (!store_read(from, piece, n < PIECE ? (size_t)n : PIECE, &got, err))
            return false;
        if (got == 0)
            return error_set(err, ERROR_INTERNAL, "the image's data ends too early");
        if (!response_write(r, piece, got))
            return error_set(err, ERROR_ABORTED, "the client went away");
        n -= got;
    }
    return true;
}

/* The image is there, its bytes are not: nothing that the client could mend, nor wait for. */
static bool bytes_gone(struct request *r, const struct image *image, struct str key)
{
    struct error err;

    log_error("image %.*s: its object %.*s is not in the store", STR_ARG(image->id), STR_ARG(key));
    error_set(&err, ERROR_NOT_FOUND, "The data of image %.*s is not in the image store any more",
              STR_ARG(image->id));
    response_error_as(r, 410, &err, NULL);
    return true;
}

static bool check_size(const struct image *image, const struct store_info *info, struct error *err)
{
    return info->size == (uint64_t)image->size ||
           error_set(err, ERROR_INTERNAL, "the image's data has %llu bytes, not %lld",
                     (unsigned long long)info->size, (long long)image->size);
}

static bool refuse_range(struct request *r, uint64_t size)
{
    struct error err;

    error_set(&err, ERROR_BAD_REQUEST, "The range lies outside the image's %llu bytes",
              (unsigned long long)size);
    response_error_as(r, 416, &err, NULL);
    response_headerf(r, "Content-Range", "bytes */%llu", (unsigned long long)size);
    return true;
}

/* Sends the bytes ourselves: the store has no file that nginx could. */
static bool send_ourselves(struct request *r, const struct image *image, struct str key, struct error *err)
{
    uint64_t size = (uint64_t)image->size, first = 0, last = size - 1;
    struct store_name name = name_of(key);
    /* Nothing that we send tells one state of the bytes from another, so none can be the one that is meant.
     */
    bool conditional = request_header(r, "If-Range").p != NULL;
    struct str range = conditional ? (struct str){NULL, 0} : request_header(r, "Range");
    struct store_reader *from;
    struct store_info info;

    response_header(r, "Accept-Ranges", "bytes");
    switch (byte_range(range, size, &first, &last)) {
    case BYTE_RANGE_NONE: break;
    case BYTE_RANGE_ONE:
        response_status(r, 206);
        response_headerf(r, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
                         (unsigned long long)last, (unsigned long long)size);
        break;
    case BYTE_RANGE_BEYOND: return refuse_range(r, size);
    }
    response_headerf(r, "Content-Length", "%llu", (unsigned long long)(last - first + 1));
    if (r->method == METHOD_HEAD || size == 0)
        return true;
    from = store_open(r->images->store, NULL, &name, first, (struct str){NULL, 0}, r->arena, &info, err);
    if (!from)
        return err->kind == ERROR_NOT_FOUND && bytes_gone(r, image, key);
    bool ok = check_size(image, &info, err);

    ok = ok && send_bytes(r, from, last - first + 1, err);
    store_close(from);
    return ok;
}

bool image_download(struct request *r, struct error *err)
{
    struct store_name name;
    struct store_info info;
    struct image image;
    const char *accel;
    struct str key;

    if (!find_data(r, &image, &key, err))
        return false;
    if (!key.p) {
        response_status(r, 204);
        return true;
    }
    name = name_of(key);
    accel = store_accel_path(r->images->store, &name, r->arena);
    /* what nginx sends is nobody's to look at afterwards; what we send is looked at when it is opened */
    if (accel || r->method == METHOD_HEAD) {
        if (!store_stat(r->images->store, NULL, &name, r->arena, &info, err))
            return err->kind == ERROR_NOT_FOUND && bytes_gone(r, &image, key);
        if (!check_size(&image, &info, err))
            return false;
    }
    response_status(r, 200);
    response_header(r, "Content-Type", "application/octet-stream");
    if (image.checksum.p)
        response_headerf(r, "Content-MD5", "%.*s", STR_ARG(image.checksum));
    if (!accel)
        return send_ourselves(r, &image, key, err);
    response_header(r, "X-Accel-Redirect", accel);
    return true;
}
