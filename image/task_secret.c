#include "config.h"
#include "image/task_secret.h"
#include "base/conf_options.h"
#include "base/json.h"
#include "base/seal.h"

static bool key_of(const struct conf *conf, unsigned char key[SEAL_KEY_SIZE], struct error *err)
{
    return seal_key_parse(str_of(conf->task.secret_key), key) ||
           error_set(err, ERROR_INTERNAL, "[task] secret_key is not set: no token can be kept for a task");
}

bool task_secret_seal(struct arena *arena, const struct conf *conf, struct str task_id,
                      const struct task_secret *secret, struct str *sealed, struct error *err)
{
    unsigned char key[SEAL_KEY_SIZE];
    struct json_writer w;
    struct buf text;

    if (!key_of(conf, key, err))
        return false;
    buf_init(&text, SEAL_PLAIN_MAX);
    json_writer_init(&w, &text);
    json_obj_begin(&w);
    json_key_str(&w, "token", secret->token);
    json_key(&w, "roles");
    json_arr_begin(&w);
    for (size_t i = 0; i < secret->n_roles; i++)
        json_str(&w, secret->roles[i]);
    json_arr_end(&w);
    json_key_bool(&w, "is_admin", secret->is_admin);
    json_obj_end(&w);
    bool ok = buf_ok(&text) ? seal(arena, key, task_id, buf_str(&text), sealed, err)
                            : error_set(err, ERROR_TOO_LARGE, "The token is too long to be kept for a task");

    if (text.p)
        seal_wipe(text.p, text.n);
    buf_free(&text);
    seal_wipe(key, sizeof(key));
    return ok;
}

static bool read_secret(struct arena *arena, const struct json *doc, struct task_secret *out,
                        struct error *err)
{
    const struct json *roles = json_get(doc, "roles");
    struct str *role = arena_calloc(arena, (roles ? roles->n : 0) + 1, sizeof(*role));

    *out = (struct task_secret){.roles = role};
    if (!json_is(json_get(doc, "token"), JSON_NULL) && !json_member_str(doc, "token", true, &out->token, err))
        return false;
    if (!json_member_bool(doc, "is_admin", true, &out->is_admin, err))
        return false;
    for (const struct json *r = JSON_FIRST(roles); r; r = r->next)
        if (json_to_str(r, &role[out->n_roles]))
            out->n_roles++;
    return true;
}

bool task_secret_open(struct arena *arena, const struct conf *conf, struct str task_id, struct str sealed,
                      struct task_secret *out, struct error *err)
{
    unsigned char key[SEAL_KEY_SIZE];
    struct json *doc;
    struct str plain;

    if (!key_of(conf, key, err))
        return false;
    bool ok = seal_open(arena, key, task_id, sealed, &plain, err);
    seal_wipe(key, sizeof(key));
    if (!ok)
        return false;
    doc = json_parse_object(arena, plain, NULL, err);
    if (doc && read_secret(arena, doc, out, err))
        return true;
    return error_set(err, ERROR_INTERNAL, "a task's secret cannot be read");
}
