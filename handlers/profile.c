#include "config.h"
#include "handlers/profile.h"
#include "base/json.h"

bool profile_get(struct request *r, struct error *err)
{
    struct json_writer w;
    struct buf b;

    if (!query_check(r, err))
        return false;
    buf_init(&b, 64 * 1024);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_str(&w, "openid", r->identity->user_id);
    json_key_null(&w, "email"); /* a token does not tell it */
    json_key_str(&w, "fullname", r->identity->user_name);
    json_key_bool(&w, "is_admin", r->identity->is_staff);
    json_obj_end(&w);
    response_json(r, 200, buf_str(&b));
    buf_free(&b);
    return true;
}
