#include "config.h"
#include "handlers/image_actions.h"
#include "base/conf_options.h"
#include "db/image_tags.h"
#include "handlers/image_access.h"

static bool find_image(struct request *r, struct db_conn **c, struct image *image, struct error *err)
{
    if (!query_check(r, err))
        return false;
    *c = db_acquire_for(r->db, r->arena, err);
    return *c && image_find(r, *c, r->capture[0], image, err);
}

static bool no_content(struct request *r)
{
    response_status(r, 204);
    return true;
}

/* A body, which older clients send along, says nothing. */
static bool skip_body(struct request *r, struct error *err)
{
    struct str body;

    return request_body_all(r, r->conf->api.max_json_bytes, &body, err);
}

/* --- tags ---------------------------------------------------------------------------------------- */

static bool find_for_tag(struct request *r, const char *what, struct db_conn **c, struct image *image,
                         struct error *err)
{
    if (!find_image(r, c, image, err))
        return err->kind == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_NOT_FOUND, "Image %.*s not found.", STR_ARG(r->capture[0]))
                   : false;
    return image_is_own(r, image) || error_set(err, ERROR_FORBIDDEN, "Not allowed to %s tags for image %.*s.",
                                               what, STR_ARG(image->id));
}

bool image_tag_put(struct request *r, struct error *err)
{
    struct str tag = r->capture[1];
    struct image image;
    struct db_conn *c;

    return image_tag_check(tag, err) && skip_body(r, err) && find_for_tag(r, "update", &c, &image, err) &&
           image_tag_add(c, image.id, tag, r->conf->image.max_tags, err) && no_content(r);
}

bool image_tag_delete(struct request *r, struct error *err)
{
    struct image image;
    struct db_conn *c;

    return find_for_tag(r, "delete", &c, &image, err) && image_tag_remove(c, image.id, r->capture[1], err) &&
           no_content(r);
}

/* --- deactivate and reactivate ------------------------------------------------------------------- */

static bool set_deactivated(struct request *r, bool deactivated, struct error *err)
{
    struct image image;
    struct db_conn *c;

    if (!skip_body(r, err) || !find_image(r, &c, &image, err))
        return false;
    if (!image_is_own(r, &image))
        return error_set(err, ERROR_FORBIDDEN, "You do not own this image");
    return image_set_deactivated(c, image.id, deactivated, err) && no_content(r);
}

bool image_deactivate(struct request *r, struct error *err)
{
    return set_deactivated(r, true, err);
}

bool image_reactivate(struct request *r, struct error *err)
{
    return set_deactivated(r, false, err);
}
