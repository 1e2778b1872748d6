/* GET /v2/images. */
#include "config.h"
#include "handlers/image_access.h"
#include "handlers/images.h"
#include "handlers/images_query.h"
#include "handlers/uri.h"

enum { FLUSH = 32 * 1024, LINK_MAX = 256 * 1024 };

/* A reply that grows while it is sent. */
struct listing {
    struct request *r;
    struct json_writer w;
    struct buf b;
    uint64_t n;
    struct str last; /* the last image's id */
};

static bool flush(struct listing *l, bool all, struct error *err)
{
    if (!all && l->b.n < FLUSH)
        return true;
    bool ok = response_write(l->r, l->b.p, l->b.n);

    buf_clear(&l->b);
    return ok || error_set(err, ERROR_ABORTED, "the client went away");
}

static bool add_image(void *arg, const struct image *image, struct error *err)
{
    struct listing *l = arg;

    image_write(&l->w, l->r, image);
    l->n++;
    l->last = image->id;
    return flush(l, false, err);
}

/* The query again, from MARKER (p NULL: from the beginning) on. */
static void add_link(struct listing *l, const char *key, struct str marker)
{
    const struct request *r = l->r;
    struct buf link;
    char mark = '?';

    buf_init(&link, LINK_MAX);
    buf_add_cstr(&link, "/v2/images");
    for (size_t i = 0; i < r->n_query; i++) {
        if (str_eq_cstr(r->query[i].name, "marker"))
            continue;
        buf_add_char(&link, mark);
        uri_encode(&link, r->query[i].name);
        buf_add_char(&link, '=');
        uri_encode(&link, r->query[i].value);
        mark = '&';
    }
    if (marker.p)
        buf_printf(&link, "%cmarker=%.*s", mark, STR_ARG(marker));
    json_key_str(&l->w, key, buf_str(&link));
    buf_free(&link);
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
    json_obj_begin(&l->w);
    json_key(&l->w, "images");
    json_arr_begin(&l->w);
    if (!q->nothing && !images_list(c, l->r->arena, &q->filter, add_image, l, err))
        return false;
    json_arr_end(&l->w);
    add_link(l, "first", (struct str){NULL, 0});
    json_key_cstr(&l->w, "schema", "/v2/schemas/images");
    /* as Glance: a full page may be the last one */
    if (l->n > 0 && l->n == q->filter.limit)
        add_link(l, "next", l->last);
    json_obj_end(&l->w);
    return flush(l, true, err);
}

bool image_list(struct request *r, struct error *err)
{
    struct listing l = {.r = r};
    struct images_query q;
    struct image marker;
    struct db_conn *c = images_query_read(r, &q, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    bool ok;

    if (!c || !find_marker(r, c, &q, &marker, err))
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", "application/json");
    buf_init(&l.b, FLUSH + LINK_MAX + IMAGE_JSON_MAX);
    json_writer_init(&l.w, &l.b);
    ok = write_list(&l, c, &q, err);
    buf_free(&l.b);
    return ok;
}
