#include "config.h"
#include "handlers/tasks.h"
#include "base/conf_options.h"
#include "base/uuid.h"
#include "base/wake.h"
#include "handlers/image_context.h"
#include "handlers/request_json.h"
#include "image/image_patch.h"
#include "image/task_input.h"
#include "image/task_secret.h"

enum { REPLY_MAX = 16 * 1024 * 1024, SHOWN_MAX = 100 };

static void reply_task(struct request *r, int status, const struct task *task)
{
    struct json_writer w;
    struct buf body;

    buf_init(&body, REPLY_MAX);
    json_writer_init(&w, &body);
    task_write(&w, task);
    response_json(r, status, buf_str(&body));
    buf_free(&body);
}

/* --- POST --------------------------------------------------------------------------------------- */

/* The body's object. Where there is none at all, the message names what it should have held. */
static const struct json *read_body(struct request *r, struct error *err)
{
    const struct json *body = request_json_object(r, err);
    struct error why;

    if (body || err->kind != ERROR_BAD_REQUEST || err->has_offset)
        return body;
    why = *err;
    error_set(err, why.kind, "\"type\" and \"input\" are missing: %s", why.message);
    return NULL;
}

static bool read_type(const struct json *body, enum task_type *type, struct error *err)
{
    struct str name;

    if (!json_member_str(body, "type", true, &name, err))
        return false;
    return task_type_parse(name, type) ||
           error_set(err, ERROR_BAD_REQUEST, "\"type\" must be import, export or clone, not \"%.*s\"",
                     (int)(name.n < SHOWN_MAX ? name.n : SHOWN_MAX), name.p);
}

static bool read_task(struct request *r, const struct json *body, struct task_input *in, struct error *err)
{
    static const char *const keys[] = {"type", "input"};
    const struct json *input = json_get(body, "input");
    enum task_type type;

    if (!json_only(body, keys, 2, err))
        return false;
    if (!json_get(body, "type") && !input)
        return error_set(err, ERROR_BAD_REQUEST, "\"type\" and \"input\" are missing");
    if (!read_type(body, &type, err))
        return false;
    if (!input)
        return error_set(err, ERROR_BAD_REQUEST, "\"input\" is missing");
    return task_input_parse(r->arena, r->conf, r->identity->project_id, type, input, in, err);
}

static bool may_touch(void *arg, enum property_right right, struct str name)
{
    return image_property_allowed(arg, right, name);
}

/* May he make the image that the task is to make? What it will have besides, the worker decides with the
 * roles that go with the task. */
static bool check_image(struct request *r, const struct task_input *in, struct error *err)
{
    struct image_who who = {r->identity->project_id, r->identity->is_admin, may_touch, r};
    struct image image;

    image_init(&image);
    image.owner = r->identity->project_id;
    return !in->properties ||
           (image_from_json(r->arena, in->properties, false, &image, err) &&
            image_check_limits(&image, r->conf->image.max_properties, r->conf->image.max_tags, err) &&
            image_may_create(&image, &who, err));
}

/* The input is kept as it was sent: the same members in the same order, numbers' text and all. */
static struct str text_of(struct arena *arena, const struct json *input)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, REPLY_MAX);
    json_writer_init(&w, &text);
    json_value(&w, input);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

static bool seal_requester(struct request *r, struct str task_id, struct str *sealed, struct error *err)
{
    struct task_secret secret = {.token = request_header(r, "X-Auth-Token"),
                                 .project_name = r->identity->project_name,
                                 .user_name = r->identity->user_name,
                                 .roles = r->identity->roles,
                                 .n_roles = r->identity->n_roles,
                                 .is_admin = r->identity->is_admin};

    return task_secret_seal(r->arena, r->conf, task_id, &secret, sealed, err);
}

static bool store_task(struct request *r, struct task *task, struct error *err)
{
    struct str sealed;
    struct db_conn *c;

    if (!seal_requester(r, task->id, &sealed, err) || !(c = db_acquire_for(r->db, r->arena, err)))
        return false;
    return tasks_insert(c, task, sealed, r->conf->task.max_pending, err);
}

bool tasks_post(struct request *r, struct error *err)
{
    char *id = arena_alloc(r->arena, UUID_TEXT_SIZE);
    unsigned char target[SHA256_SIZE];
    const struct json *body;
    struct task_input in;

    if (!query_check(r, err) || !(body = read_body(r, err)) || !read_task(r, body, &in, err) ||
        !check_image(r, &in, err) || !task_secret_ready(r->conf, err))
        return false;
    uuid_new(id);
    struct task task = {.id = str_of(id),
                        .type = str_of(task_type_name(in.type)),
                        .owner = r->identity->project_id,
                        .image_id = in.image_id,
                        .request_id = str_of(r->id),
                        .user_id = r->identity->user_id,
                        .input = text_of(r->arena, json_get(body, "input"))};

    if (in.type == TASK_EXPORT) {
        task_export_target(&in, task.owner, target);
        task.export_target = (struct str){(const char *)target, sizeof(target)};
    }
    if (!store_task(r, &task, err))
        return false;
    wake_send(r->conf);
    response_headerf(r, "Location", "%s/v2/tasks/%s", r->conf->api.public_url, id);
    reply_task(r, 201, &task);
    return true;
}

/* --- GET ---------------------------------------------------------------------------------------- */

bool task_is_visible(const struct request *r, const struct task *task)
{
    return r->identity->is_admin ||
           (str_eq(task->owner, r->identity->project_id) && !task->expired && !task->deleted);
}

bool tasks_get_one(struct request *r, struct error *err)
{
    struct str id = r->capture[0];
    struct db_conn *c;
    struct task task;
    bool found = false;

    if (!query_check(r, err))
        return false;
    if (uuid_is(id) &&
        (!(c = db_acquire_for(r->db, r->arena, err)) || !tasks_get(c, r->arena, id, &task, &found, err)))
        return false;
    /* One answer for what is not there, what is gone and what is another's. */
    if (!found || !task_is_visible(r, &task))
        return error_set(err, ERROR_NOT_FOUND, "Task %.*s was not found", STR_ARG(id));
    reply_task(r, 200, &task);
    return true;
}
