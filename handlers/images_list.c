/* GET /v2/images. */
#include "config.h"
#include "handlers/image_access.h"
#include "handlers/images.h"
#include "handlers/images_query.h"
#include "handlers/json_reply.h"

struct listing {
    struct json_reply out;
    uint64_t n;
    struct str last; /* the last image's id */
};

static bool add_image(void *arg, const struct image *image, struct error *err)
{
    struct listing *l = arg;

    image_write(&l->out.w, l->out.r, image);
    l->n++;
    l->last = image->id;
    return json_reply_flush(&l->out, false, err);
}

static bool find_marker(struct request *r, struct db_conn *c, struct images_query *q, struct image *image,
                        struct error *err)
{
    if (!q->marker.p)
        return true;
    if (!image_find(r, c, q->marker, image, err))
        return err->kind == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_BAD_REQUEST, "No image found with ID %.*s", STR_ARG(q->marker))
                   : false;
    q->filter.marker = image;
    return true;
}

static bool write_list(struct listing *l, struct db_conn *c, const struct images_query *q, struct error *err)
{
    struct json_writer *w = &l->out.w;

    json_obj_begin(w);
    json_key(w, "images");
    json_arr_begin(w);
    if (!q->nothing && !images_list(c, l->out.r->arena, &q->filter, add_image, l, err))
        return false;
    json_arr_end(w);
    json_key_link(w, l->out.r, "first", (struct str){NULL, 0});
    json_key_cstr(w, "schema", "/v2/schemas/images");
    /* as Glance: a full page may be the last one */
    if (l->n > 0 && l->n == q->filter.limit)
        json_key_link(w, l->out.r, "next", l->last);
    json_obj_end(w);
    return json_reply_flush(&l->out, true, err);
}

bool image_list(struct request *r, struct error *err)
{
    struct listing l = {.n = 0};
    struct images_query q;
    struct image marker;
    struct db_conn *c = images_query_read(r, &q, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    bool ok;

    if (!c || !find_marker(r, c, &q, &marker, err))
        return false;
    json_reply_begin(&l.out, r);
    ok = write_list(&l, c, &q, err);
    json_reply_free(&l.out);
    return ok;
}
