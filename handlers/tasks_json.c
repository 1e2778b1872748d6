/* A task in JSON, and the schemas that say so: Glance's members in Glance's order. */
#include "config.h"
#include "handlers/tasks.h"
#include "base/clock.h"

/* --- tasks ---------------------------------------------------------------------------------------- */

static void key_time(struct json_writer *w, const char *key, int64_t us)
{
    char text[CLOCK_ISO_SIZE];

    json_key_cstr(w, key, clock_iso(us, text));
}

static void key_known(struct json_writer *w, const char *key, struct str value)
{
    if (value.p)
        json_key_str(w, key, value);
}

/* An object that the database keeps as text. */
static void key_object(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    if (text.p)
        json_raw(w, text);
    else
        json_null(w);
}

static bool has_ended(const struct task *task)
{
    return str_eq_cstr(task->status, "success") || str_eq_cstr(task->status, "failure");
}

static void write_times(struct json_writer *w, const struct task *task)
{
    key_time(w, "created_at", task->created_us);
    key_time(w, "updated_at", task->updated_us);
    if (has_ended(task) && task->expires_us != 0)
        key_time(w, "expires_at", task->expires_us);
}

static void write_links(struct json_writer *w, const struct task *task)
{
    static const struct str folder = {"/v2/tasks/", 10};
    struct json_str_state state;

    json_key(w, "self");
    json_str_begin(w, &state);
    json_str_piece(w, &state, folder);
    json_str_piece(w, &state, task->id);
    json_str_end(w, &state);
    json_key_cstr(w, "schema", "/v2/schemas/task");
}

static void write_progress(struct json_writer *w, const struct task *task)
{
    json_key(w, "progress");
    json_obj_begin(w);
    json_key_i64(w, "bytes_done", task->bytes_done);
    if (task->bytes_total >= 0)
        json_key_i64(w, "bytes_total", task->bytes_total);
    else
        json_key_null(w, "bytes_total");
    json_key_i64(w, "attempt", task->attempts);
    json_obj_end(w);
}

void task_write(struct json_writer *w, const struct task *task)
{
    bool success = str_eq_cstr(task->status, "success"), failure = str_eq_cstr(task->status, "failure");

    json_obj_begin(w);
    json_key_str(w, "id", task->id);
    key_object(w, "input", task->input);
    json_key_str(w, "type", task->type);
    json_key_str(w, "status", task->status);
    json_key_str(w, "owner", task->owner);
    json_key_str(w, "message", failure && task->message.p ? task->message : STR(""));
    key_object(w, "result", success ? task->result : (struct str){NULL, 0});
    write_times(w, task);
    write_links(w, task);
    key_known(w, "image_id", task->image_id);
    key_known(w, "request_id", task->request_id);
    key_known(w, "user_id", task->user_id);
    if (task->queued && str_eq_cstr(task->status, "processing"))
        write_progress(w, task);
    json_obj_end(w);
}

void task_write_listed(struct json_writer *w, const struct task *task)
{
    json_obj_begin(w);
    json_key_str(w, "id", task->id);
    json_key_str(w, "type", task->type);
    json_key_str(w, "status", task->status);
    json_key_str(w, "owner", task->owner);
    write_times(w, task);
    write_links(w, task);
    json_obj_end(w);
}

/* --- schemas -------------------------------------------------------------------------------------- */

/* A task's members. REST is what stands behind the description in the member's schema. */
static const struct {
    const char *name;
    const char *what; /* NULL: said by nothing but the form */
    const char *rest;
    bool listed;
} members[] = {
    {"id", "An identifier for the task",
     "\"pattern\": "
     "\"^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$\","
     " \"type\": \"string\"",
     true},
    {"type", "The type of task represented by this content",
     "\"enum\": [\"import\", \"export\", \"clone\"], \"type\": \"string\"", true},
    {"status", "The current status of this task",
     "\"enum\": [\"pending\", \"processing\", \"success\", \"failure\"], \"type\": \"string\"", true},
    {"input", "The parameters required by task, JSON blob", "\"type\": [\"null\", \"object\"]", false},
    {"result", "The result of current task, JSON blob", "\"type\": [\"null\", \"object\"]", false},
    {"owner", "An identifier for the owner of this task", "\"type\": \"string\"", true},
    {"message", "Human-readable informative message only included when appropriate (usually on failure)",
     "\"type\": \"string\"", false},
    {"image_id", "Image associated with the task", "\"type\": \"string\"", true},
    {"request_id", "Human-readable informative request-id", "\"type\": \"string\"", true},
    {"user_id", "User associated with the task", "\"type\": \"string\"", true},
    {"progress", "How far the current attempt has come, while the task is being processed",
     "\"type\": \"object\", \"properties\": {\"bytes_done\": {\"type\": \"integer\"}, \"bytes_total\":"
     " {\"type\": [\"null\", \"integer\"]}, \"attempt\": {\"type\": \"integer\"}}",
     false},
    {"expires_at", "Datetime when this resource would be subject to removal",
     "\"type\": [\"null\", \"string\"]", true},
    {"created_at", "Datetime when this resource was created", "\"type\": \"string\"", true},
    {"updated_at", "Datetime when this resource was updated", "\"type\": \"string\"", true},
    {"self", NULL, "\"readOnly\": true, \"type\": \"string\"", true},
    {"schema", NULL, "\"readOnly\": true, \"type\": \"string\"", true},
};

static void write_schema(struct buf *out, bool listed)
{
    const char *comma = "";

    buf_add_cstr(out, "{\"name\": \"task\", \"properties\": {");
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (listed && !members[i].listed)
            continue;
        buf_printf(out, "%s\"%s\": {", comma, members[i].name);
        if (members[i].what)
            buf_printf(out, "\"description\": \"%s\", ", members[i].what);
        buf_printf(out, "%s}", members[i].rest);
        comma = ", ";
    }
    buf_add_cstr(out, "}}");
}

void tasks_print_schemas(struct buf *one, struct buf *list)
{
    write_schema(one, false);
    buf_add_cstr(list, "{\"name\": \"tasks\", \"properties\": {\"tasks\": {\"type\": \"array\", \"items\": ");
    write_schema(list, true);
    buf_add_cstr(list, "}, \"first\": {\"type\": \"string\"}, \"next\": {\"type\": \"string\"}, \"schema\":"
                       " {\"type\": \"string\"}}, \"links\": [{\"rel\": \"next\", \"href\": \"{next}\"},"
                       " {\"rel\": \"describedby\", \"href\": \"{schema}\"}]}");
}

static bool reply_schema(struct request *r, bool listed, struct error *err)
{
    struct buf one, list;

    if (!query_check(r, err))
        return false;
    buf_init(&one, 16 * 1024);
    buf_init(&list, 16 * 1024);
    tasks_print_schemas(&one, &list);
    response_json(r, 200, buf_str(listed ? &list : &one));
    buf_free(&one);
    buf_free(&list);
    return true;
}

bool tasks_schema(struct request *r, struct error *err)
{
    return reply_schema(r, false, err);
}

bool tasks_list_schema(struct request *r, struct error *err)
{
    return reply_schema(r, true, err);
}
