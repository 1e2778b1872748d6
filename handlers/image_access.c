#include "config.h"
#include "handlers/image_access.h"
#include "base/uuid.h"
#include "db/image_members.h"
#include "db/images.h"

bool image_find(struct request *r, struct db_conn *c, struct str id, struct image *out, struct error *err)
{
    bool found = false, visible = false;

    if (uuid_is(id) && !images_get(c, r->arena, id, false, out, &found, err))
        return false;
    if (found && r->identity->is_admin)
        return true;
    if (found && !image_is_visible(c, out, r->identity->project_id, &visible, err))
        return false;
    return visible || error_set(err, ERROR_NOT_FOUND, "No image found with ID %.*s", STR_ARG(id));
}

bool image_is_own(const struct request *r, const struct image *image)
{
    return r->identity->is_admin ||
           (image->owner.p && r->identity->project_id.n && str_eq(image->owner, r->identity->project_id));
}
