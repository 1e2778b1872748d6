#include "config.h"
#include "worker/sink.h"
#include "worker/mark.h"
#include "base/fault.h"

bool sink_record(struct task_run *r, struct sink *s, struct str image_id, int64_t size, struct error *err)
{
    struct task_object object = {.project = r->work.owner,
                                 .image_id = image_id,
                                 .size = size > 0 ? (uint64_t)size : 0,
                                 .quota = &s->quota};

    *s = (struct sink){.run = r, .quota = image_quota_of(r->tools->conf)};
    s->key = str_of(arena_printf(r->arena, "%.*s/%s", STR_ARG(image_id), mark_attempt(r)));
    object.key = s->key;
    fault_point("sink.before_record");
    if (!task_begin_object(r, &object, err))
        return false;
    r->object_key = s->key;
    atomic_store(&r->lease->bytes_total, size);
    if (size > PIPELINE_BLOCK)
        task_show_progress(r);
    fault_point("sink.recorded");
    return true;
}

bool sink_open(struct task_run *r, struct sink *s, struct str image_id, int64_t size, struct error *err)
{
    struct store_caller caller = task_ourselves(r);
    struct store_write_options options = {.size = size, .tag = mark_attempt(r)};
    struct store_name name;

    if (!sink_record(r, s, image_id, size, err))
        return false;
    name = (struct store_name){.object = s->key};
    s->writer = store_create(r->tools->images, &caller, &name, &options, err);
    fault_point("sink.created");
    return s->writer != NULL;
}

static bool write_bytes(void *ctx, const void *p, size_t n, struct error *err)
{
    struct sink *s = ctx;

    return task_go_on(s->run, err) && store_write(s->writer, p, n, err);
}

static bool inspected(struct sink *s, const char *format, struct error *err)
{
    struct inspect_result found;

    if (!inspect_end(s->pipeline.inspect, &found, err) || !inspect_agrees(&found, str_of(format), err))
        return false;
    s->data = (struct image_data){
        .size = s->pipeline.size,
        .virtual_size = found.virtual_size > INT64_MAX ? -1 : (int64_t)found.virtual_size,
        .checksum = str_of(s->pipeline.md5),
        .os_hash_algo = STR("sha512"),
        .os_hash_value = str_of(s->pipeline.sha512),
    };
    return true;
}

bool sink_copy(struct sink *s, bool (*read)(void *ctx, void *p, size_t n, size_t *got, struct error *err),
               void *ctx, const char *fault, struct error *err)
{
    s->pipeline = (struct pipeline){
        .read = read,
        .read_ctx = ctx,
        .write = write_bytes,
        .write_ctx = s,
        .inspect = s->arena ? inspect_new(s->arena) : NULL,
        .max_bytes = s->run->tools->conf->image.max_bytes,
        .done = &s->run->lease->bytes_done,
        .fault = fault,
    };
    return pipeline_run(&s->pipeline, err);
}

bool sink_fill(struct sink *s, bool (*read)(void *ctx, void *p, size_t n, size_t *got, struct error *err),
               void *ctx, const char *format, const char *fault, struct error *err)
{
    s->arena = arena_new(0);
    return sink_copy(s, read, ctx, fault, err) && inspected(s, format, err);
}

bool sink_commit(struct sink *s, const char *fault, struct error *err)
{
    struct store_writer *w = s->writer;

    if (fault && fault_point(fault))
        return error_set(err, ERROR_UNAVAILABLE, "fault point %s", fault);
    /* the last moment to find out that the lease is gone before the bytes have a name */
    if (!task_go_on(s->run, err))
        return false;
    s->writer = NULL;
    if (!store_commit(w, s->run->arena, NULL, err))
        return false;
    fault_point("sink.committed");
    return true;
}

void sink_close(struct sink *s)
{
    store_abort(s->writer);
    s->writer = NULL;
    if (s->arena)
        arena_free(s->arena);
    s->arena = NULL;
}
