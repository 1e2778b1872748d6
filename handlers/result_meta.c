/* /v1/results/{id}/meta. */
#include "config.h"
#include "handlers/results.h"
#include "base/conf_options.h"

#include <string.h>

bool result_meta_list(struct request *r, struct error *err)
{
    struct result result;
    struct json_writer w;
    struct buf b;

    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    if (!c || !results_find(r, c, &result, err))
        return false;
    buf_init(&b, 64 * 1024 * 1024);
    json_writer_init(&w, &b);
    results_write_meta(&w, &result);
    response_json(r, 200, buf_str(&b));
    buf_free(&b);
    return true;
}

/* A key that is not there is null, as in RefStack. */
static struct str find_value(const struct result *result, struct str key)
{
    for (size_t i = 0; i < result->n_meta; i++)
        if (str_eq(result->meta[i].key, key))
            return result->meta[i].value;
    return (struct str){NULL, 0};
}

static bool forbidden(struct str key, struct error *err)
{
    return error_set(err, ERROR_FORBIDDEN, "Metadata key %.*s is not yours to see or change",
                     (int)(key.n < 200 ? key.n : 200), key.p);
}

bool result_meta_get(struct request *r, struct error *err)
{
    struct str key = r->capture[1];
    struct result result;
    struct json_writer w;
    struct buf b;

    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;
    if (!c || !results_find(r, c, &result, err))
        return false;
    if (result.role < RESULT_OWNER && !result_meta_is_open(key))
        return forbidden(key, err);
    buf_init(&b, 1024 * 1024);
    json_writer_init(&w, &b);
    json_str(&w, find_value(&result, key));
    response_json(r, 200, buf_str(&b));
    buf_free(&b);
    return true;
}

static bool set(struct request *r, struct str value, struct error *err)
{
    struct result_caller caller = results_caller(r);
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);

    return c &&
           (result_meta_set(c, &caller, r->capture[0], r->capture[1], value, err) || results_hidden(r, err));
}

/* The body is the value, whatever its type says: RefStack's page sends bare words. */
bool result_meta_post(struct request *r, struct error *err)
{
    struct str id, value;

    if (!query_check(r, err) || !results_id(r, &id, err))
        return false;
    if (!result_meta_is_open(r->capture[1]))
        return forbidden(r->capture[1], err);
    if (!request_body_all(r, r->conf->api.max_json_bytes, &value, err))
        return false;
    if (value.n > RESULT_META_BYTES || !str_is_utf8(value) || (value.n && memchr(value.p, '\0', value.n)))
        return error_set(err, ERROR_BAD_REQUEST, "The value must be UTF-8 text of at most %d bytes",
                         RESULT_META_BYTES);
    /* An empty one is no NULL. */
    if (!set(r, value.n ? value : STR(""), err))
        return false;
    response_json(r, 201, STR("null"));
    return true;
}

bool result_meta_delete(struct request *r, struct error *err)
{
    struct str id;

    if (!query_check(r, err) || !results_id(r, &id, err))
        return false;
    if (!result_meta_is_open(r->capture[1]))
        return forbidden(r->capture[1], err);
    if (!set(r, (struct str){NULL, 0}, err))
        return false;
    response_status(r, 204);
    return true;
}
