#include "config.h"
#include "image/task_secret.h"
#include "base/conf_options.h"
#include "base/json.h"
#include "base/seal.h"

static bool get_key(const struct conf *conf, unsigned char key[SEAL_KEY_SIZE], struct error *err)
{
    if (!conf->task.secret_key[0])
        return error_set(err, ERROR_UNAVAILABLE,
                         "tasks are not taken: [task] secret_key is not set on this server");
    return seal_key_parse(str_of(conf->task.secret_key), key) ||
           error_set(err, ERROR_UNAVAILABLE,
                     "tasks are not taken: [task] secret_key is not 64 hexadecimal digits on this server");
}

bool task_secret_ready(const struct conf *conf, struct error *err)
{
    unsigned char key[SEAL_KEY_SIZE];
    bool ok = get_key(conf, key, err);

    seal_wipe(key, sizeof(key));
    return ok;
}

static void write_secret(struct json_writer *w, const struct task_secret *secret)
{
    json_obj_begin(w);
    json_key_str(w, "token", secret->token);
    json_key_str(w, "project_name", secret->project_name);
    json_key_str(w, "user_name", secret->user_name);
    json_key(w, "roles");
    json_arr_begin(w);
    for (size_t i = 0; i < secret->n_roles; i++)
        json_str(w, secret->roles[i]);
    json_arr_end(w);
    json_key_bool(w, "is_admin", secret->is_admin);
    json_obj_end(w);
}

bool task_secret_seal(struct arena *arena, const struct conf *conf, struct str task_id,
                      const struct task_secret *secret, struct str *sealed, struct error *err)
{
    unsigned char key[SEAL_KEY_SIZE];
    struct json_writer w;
    struct buf text;

    if (!get_key(conf, key, err))
        return false;
    buf_init(&text, SEAL_PLAIN_MAX);
    buf_room(&text, SEAL_PLAIN_MAX / 16); /* at once, so that growing leaves no copies behind */
    json_writer_init(&w, &text);
    write_secret(&w, secret);
    bool ok = buf_ok(&text) ? seal(arena, key, task_id, buf_str(&text), sealed, err)
                            : error_set(err, ERROR_TOO_LARGE, "the token and its roles are too long");
    seal_wipe(text.p, text.n);
    seal_wipe(key, sizeof(key));
    buf_free(&text);
    return ok;
}

static bool unseal(struct arena *arena, const struct conf *conf, struct str task_id, struct str sealed,
                   struct str *text, struct error *err)
{
    unsigned char key[SEAL_KEY_SIZE];
    bool ok = get_key(conf, key, err) && seal_open(arena, key, task_id, sealed, text, err);

    seal_wipe(key, sizeof(key));
    return ok;
}

static bool read_roles(struct arena *arena, const struct json *list, struct task_secret *out)
{
    struct str *roles = arena_calloc(arena, list ? list->n : 0, sizeof(*roles));

    for (const struct json *v = JSON_FIRST(list); v; v = v->next)
        if (!json_to_str(v, &roles[out->n_roles++]))
            return false;
    out->roles = roles;
    return true;
}

/* What the parser has copied is wiped as well. */
struct copy {
    char *p;
    size_t n;
};

static void wipe_copy(void *arg)
{
    const struct copy *copy = arg;

    seal_wipe(copy->p, copy->n);
}

static void wipe_later(struct arena *arena, struct str s)
{
    struct copy *copy = arena_alloc(arena, sizeof(*copy));

    *copy = (struct copy){(char *)(uintptr_t)s.p, s.n};
    if (s.p)
        arena_defer(arena, wipe_copy, copy);
}

bool task_secret_open(struct arena *arena, const struct conf *conf, struct str task_id, struct str sealed,
                      struct task_secret *out, struct error *err)
{
    const struct json *all;
    struct str text;

    *out = (struct task_secret){.n_roles = 0};
    if (!unseal(arena, conf, task_id, sealed, &text, err) ||
        !(all = json_parse_object(arena, text, NULL, err)))
        return false;
    json_to_str(json_get(all, "token"), &out->token);
    json_to_str(json_get(all, "project_name"), &out->project_name);
    json_to_str(json_get(all, "user_name"), &out->user_name);
    json_to_bool(json_get(all, "is_admin"), &out->is_admin);
    wipe_later(arena, out->token);
    return read_roles(arena, json_get(all, "roles"), out) ||
           error_set(err, ERROR_INTERNAL, "what was sealed for a task is of another form");
}
