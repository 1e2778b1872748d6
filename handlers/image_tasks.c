/* GET /v2/images/{image_id}/tasks. */
#include "config.h"
#include "base/conf_options.h"
#include "db/tasks_list.h"
#include "handlers/image_access.h"
#include "handlers/images.h"
#include "handlers/tasks.h"

enum { TASK_JSON_MAX = 8 << 20 };

/* Sends the task with its details, which a list does not have. One that went meanwhile is left out. */
static bool send_task(struct request *r, struct db_conn *c, struct str id, bool *first, struct error *err)
{
    struct arena *arena = arena_new(64 * 1024);
    struct json_writer w;
    struct task task;
    struct buf b;
    bool found = false, sent = true, ok = tasks_get(c, arena, id, &task, &found, err);

    buf_init(&b, TASK_JSON_MAX);
    json_writer_init(&w, &b);
    if (ok && found) {
        task_write(&w, &task);
        sent = (*first || response_write(r, ", ", 2)) && response_write(r, b.p, b.n);
        *first = false;
    }
    buf_free(&b);
    arena_free(arena);
    return ok && (sent || error_set(err, ERROR_ABORTED, "the client went away"));
}

bool image_tasks(struct request *r, struct error *err)
{
    static const char head[] = "{\"tasks\": [", tail[] = "]}";
    struct task_filter filter = {
        .owner = r->identity->is_admin ? (struct str){NULL, 0} : r->identity->project_id,
        .hide_expired = !r->identity->is_admin,
        .ascending = true,
        .limit = r->conf->api.max_limit,
    };
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    struct image image;
    struct task *tasks;
    bool more, first = true;
    size_t n;

    if (!c || !image_find(r, c, r->capture[0], &image, err))
        return false;
    filter.image_id = image.id;
    if (!tasks_list(c, r->arena, &filter, &tasks, &n, &more, err))
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", "application/json");
    if (!response_write(r, head, sizeof(head) - 1))
        return error_set(err, ERROR_ABORTED, "the client went away");
    for (size_t i = 0; i < n; i++)
        if (!send_task(r, c, tasks[i].id, &first, err))
            return false;
    return response_write(r, tail, sizeof(tail) - 1) || error_set(err, ERROR_ABORTED, "the client went away");
}
