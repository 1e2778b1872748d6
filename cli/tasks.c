/* tally task import, export, clone, list, show, wait. */
#include "config.h"
#include "base/clock.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/progress.h"

#include <poll.h>
#include <string.h>
#include <sysexits.h>

enum { EXIT_FAILED = 1, POLL_FIRST_MS = 200, POLL_MOST_MS = 3000 };

const struct column task_columns[] = {
    {"task", "id", CELL_TEXT, false},
    {"type", "type", CELL_TEXT, false},
    {"status", "status", CELL_TEXT, false},
    {"image", "image_id", CELL_TEXT, false},
    {"message", "message", CELL_TEXT, false},
    {"input", "input", CELL_PAIRS, false},
    {"result", "result", CELL_PAIRS, false},
    {"progress", "progress", CELL_PAIRS, false},
    {"created_at", "created_at", CELL_TEXT, false},
    {"updated_at", "updated_at", CELL_TEXT, false},
    {"expires_at", "expires_at", CELL_TEXT, false},
    {"owner", "owner", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

const struct column task_list_columns[] = {
    {"task", "id", CELL_TEXT, false},
    {"type", "type", CELL_TEXT, false},
    {"status", "status", CELL_TEXT, false},
    {"created_at", "created_at", CELL_TEXT, false},
    {"updated_at", "updated_at", CELL_TEXT, true},
    {"expires_at", "expires_at", CELL_TEXT, true},
    {"owner", "owner", CELL_TEXT, true},
    {NULL, NULL, CELL_TEXT, false},
};

static bool get_task(struct cli *cli, const char *id, const struct json **out, struct error *err)
{
    struct buf path;

    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, "/v2/tasks/");
    api_segment(&path, id);
    if (!api_get(cli, api_path(cli, &path), out, err))
        return false;
    return json_is(json_get(*out, "status"), JSON_STRING) || api_odd(cli, "no task", err);
}

/* --- waiting -------------------------------------------------------------------------------------- */

static bool is_over(const struct json *task)
{
    struct str status = {NULL, 0};

    json_to_str(json_get(task, "status"), &status);
    return str_eq_cstr(status, "success") || str_eq_cstr(status, "failure");
}

static void show_progress(struct progress *p, const struct json *task)
{
    int64_t total = -1, done = 0;

    json_to_i64(output_member(task, "progress.bytes_total"), 0, INT64_MAX, &total);
    json_to_i64(output_member(task, "progress.bytes_done"), 0, INT64_MAX, &done);
    p->total = total;
    progress_update(p, done);
}

/* Polls until the task is over; *OUT is how it stands. Each answer has an arena of its own, since a task may
 * take hours. */
static bool wait_task(struct cli *cli, const char *id, uint64_t seconds, const struct json **out,
                      struct error *err)
{
    struct arena *whole = cli->arena;
    struct progress progress;
    int64_t began = clock_mono_us();
    int pause = POLL_FIRST_MS;
    bool ok, over = false;

    progress_begin(&progress, cli, id, -1);
    do {
        cli->arena = arena_new(1 << 16);
        ok = get_task(cli, id, out, err);
        if (ok && !(over = is_over(*out)))
            show_progress(&progress, *out);
        arena_free(cli->arena);
        cli->arena = whole;
        if (ok && !over && (uint64_t)(clock_mono_us() - began) / 1000000 >= seconds)
            ok = error_set(err, ERROR_TIMEOUT, "task %s is not over yet after %llu s", id,
                           (unsigned long long)seconds);
        if (ok && !over)
            poll(NULL, 0, pause);
        if (ok && cli_interrupted(NULL))
            ok = error_set(err, ERROR_ABORTED, "interrupted; the task goes on");
        pause = pause * 3 / 2 < POLL_MOST_MS ? pause * 3 / 2 : POLL_MOST_MS;
    } while (ok && !over);
    progress_end(&progress);
    return ok && get_task(cli, id, out, err);
}

/* --for; UINT64_MAX without it. */
static bool patience(struct cli *cli, uint64_t *seconds, struct error *err)
{
    *seconds = UINT64_MAX;
    return args_u64(cli->args, "for", 1, 1000000000, seconds, err);
}

/* Prints the task, with WAIT when it is over or after so many seconds. */
static int finish(struct cli *cli, const struct json *task, bool wait, uint64_t seconds)
{
    struct str id = {NULL, 0}, status = {NULL, 0}, message;
    struct error err;

    json_to_str(json_get(task, "id"), &id);
    if (wait && !wait_task(cli, arena_str(cli->arena, id).p, seconds, &task, &err))
        return cli_fail(&err);
    if (!output_one(cli, task, &err))
        return cli_fail(&err);
    json_to_str(json_get(task, "status"), &status);
    if (!wait || !str_eq_cstr(status, "failure"))
        return EX_OK;
    if (json_to_str(json_get(task, "message"), &message))
        cli_note(cli, "the task failed: %.*s", STR_ARG(message));
    return EXIT_FAILED;
}

int task_wait(struct cli *cli)
{
    const struct json *task;
    uint64_t seconds;
    struct error err;

    if (!patience(cli, &seconds, &err))
        return cli_usage("%s", err.message);
    if (!get_task(cli, cli->args->words[0], &task, &err))
        return cli_fail(&err);
    return finish(cli, task, true, seconds);
}

int task_show(struct cli *cli)
{
    const struct json *task;
    struct error err;

    if (!get_task(cli, cli->args->words[0], &task, &err))
        return cli_fail(&err);
    return finish(cli, task, false, 0);
}

int task_list(struct cli *cli)
{
    const char *image = args_value(cli->args, "image");
    struct buf path;

    if (image && (args_flag(cli->args, "status") || args_flag(cli->args, "type")))
        return cli_usage("--image stands alone: all tasks of the image are listed");
    buf_init(&path, API_PATH_MAX);
    buf_add_cstr(&path, image ? "/v2/images/" : "/v2/tasks");
    if (image) {
        api_segment(&path, image);
        buf_add_cstr(&path, "/tasks");
    }
    api_query_options(cli->args, &path, "status type");
    const struct listing listing = {api_path(cli, &path), "tasks", image ? LISTING_WHOLE : LISTING_NEXT};
    return listing_print(cli, &listing);
}

/* --- making --------------------------------------------------------------------------------------- */

/* Properties of the new image: --name, and --property as often as wanted. An import has them, be there none.
 */
static bool add_properties(struct cli *cli, struct json_writer *w, bool always, struct error *err)
{
    const char *text, *name = args_value(cli->args, "name");
    struct str key, value;
    size_t at = 0;

    if (!always && !name && !args_flag(cli->args, "property"))
        return true;
    json_key(w, "image_properties");
    json_obj_begin(w);
    if (name)
        json_key_cstr(w, "name", name);
    while ((text = args_next(cli->args, "property", &at))) {
        if (!str_cut(str_of(text), '=', &key, &value) || !key.n)
            return error_set(err, ERROR_BAD_REQUEST, "--property: '%s' is not KEY=VALUE", text);
        json_key_s(w, key);
        json_str(w, value);
    }
    json_obj_end(w);
    return true;
}

/* Makes a task of TYPE. The N words become the members of its input that NAMES names; --disk-format's is
 * FORMAT. */
static int make(struct cli *cli, const char *type, const char *const *names, size_t n, const char *format)
{
    struct api_call call = {.method = "POST", .path = "/v2/tasks", .once = true};
    const char *disk_format = format ? args_value(cli->args, "disk-format") : NULL;
    const struct json *task;
    uint64_t seconds;
    struct json_writer w;
    struct error err;
    struct buf b;
    bool ok;

    if (format && !disk_format)
        return cli_usage("which format? --disk-format raw, qcow2, ...");
    if (!patience(cli, &seconds, &err)) /* before the task is made */
        return cli_usage("%s", err.message);
    buf_init(&b, 1 << 20);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_cstr(&w, "type", type);
    json_key(&w, "input");
    json_obj_begin(&w);
    for (size_t i = 0; i < n; i++)
        json_key_cstr(&w, names[i], cli->args->words[i]);
    if (disk_format)
        json_key_cstr(&w, format, disk_format);
    ok = add_properties(cli, &w, strcmp(type, "import") == 0, &err);
    if (ok) {
        json_obj_end(&w);
        json_obj_end(&w);
        call.body = arena_str(cli->arena, buf_str(&b));
    }
    buf_free(&b);
    if (!ok)
        return cli_usage("%s", err.message);
    if (!api_call(cli, &call, &task, &err))
        return cli_fail(&err);
    return finish(cli, task, args_flag(cli->args, "wait"), seconds);
}

int task_import(struct cli *cli)
{
    static const char *const names[] = {"import_from"};

    return make(cli, "import", names, 1, "import_from_format");
}

int task_export(struct cli *cli)
{
    static const char *const names[] = {"image_id", "export_to"};

    return make(cli, "export", names, 2, "export_format");
}

int task_clone(struct cli *cli)
{
    static const char *const names[] = {"image_id"};

    return make(cli, "clone", names, 1, NULL);
}
