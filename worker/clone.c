/* clone: an image that the requester sees becomes one of his own, with its own bytes. */
#include "config.h"
#include "worker/image_build.h"
#include "worker/sink.h"
#include "base/fault.h"

struct clone {
    struct task_run *run;
    struct image source;
    struct str source_key;
    struct image image;
    struct sink sink;
    struct store_reader *reader;
    struct store_info info;
};

/* The bytes are the source's, and so are their digests: where the store copies them by itself the size shows
 * that all came. */
static bool take_digests(struct clone *cl, uint64_t size, struct error *err)
{
    const struct image *s = &cl->source;

    if (s->size < 0 || (uint64_t)s->size != size)
        return error_set(err, ERROR_INTERNAL, "object %.*s has %llu bytes, its image %lld",
                         STR_ARG(cl->source_key), (unsigned long long)size, (long long)s->size);
    cl->sink.data = (struct image_data){.size = size,
                                        .virtual_size = s->virtual_size,
                                        .checksum = s->checksum,
                                        .os_hash_algo = s->os_hash_algo,
                                        .os_hash_value = s->os_hash_value};
    return true;
}

static bool copy_in_store(struct clone *cl, struct error *err)
{
    struct task_run *r = cl->run;
    struct store_caller caller = task_ourselves(r);
    struct store_name from = {.object = cl->source_key}, to;
    struct store_info info;

    if (!sink_record(r, &cl->sink, cl->image.id, cl->source.size, err))
        return false;
    to = (struct store_name){.object = cl->sink.key};
    fault_point("clone.before_copy");
    if (!store_copy(r->tools->images, &caller, &from, &to, NULL, err) ||
        !store_stat(r->tools->images, &caller, &to, r->arena, &info, err))
        return false;
    fault_point("clone.copied");
    atomic_store(&r->lease->bytes_done, (int64_t)info.size);
    return take_digests(cl, info.size, err);
}

static bool read_source(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct clone *cl = ctx;

    return task_go_on(cl->run, err) && store_read(cl->reader, p, n, got, err);
}

static bool copy_through(struct clone *cl, struct error *err)
{
    struct task_run *r = cl->run;
    struct store_caller caller = task_ourselves(r);
    struct store_name from = {.object = cl->source_key};

    cl->reader =
        store_open(r->tools->images, &caller, &from, 0, (struct str){NULL, 0}, r->arena, &cl->info, err);
    if (!cl->reader || !sink_open(r, &cl->sink, cl->image.id, cl->source.size, err) ||
        !sink_copy(&cl->sink, read_source, cl, "clone.mid", err))
        return false;
    if (!str_eq_cstr(cl->source.os_hash_value, cl->sink.pipeline.sha512))
        return error_set(err, ERROR_INTERNAL, "object %.*s is not what its image says",
                         STR_ARG(cl->source_key));
    return take_digests(cl, cl->sink.pipeline.size, err) && sink_commit(&cl->sink, "clone.copied", err);
}

static bool end(struct db_conn *c, const struct task_end *task, void *arg, bool *ours, struct error *err)
{
    struct clone *cl = arg;
    const struct task_image made = {&cl->image, cl->sink.key, &cl->sink.data, &cl->sink.quota};

    fault_point("clone.before_commit");
    bool ok = task_finish_clone(c, task, &made, cl->source.id, ours, err);

    if (ok)
        fault_point("clone.after_commit");
    return ok;
}

/* An object that is gone belongs to an image that was deleted while it was read. */
static bool name_missing(const struct clone *cl, struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND)
        error_set(err, ERROR_NOT_FOUND, "Image not found. Image: %.*s", STR_ARG(cl->source.id));
    return false;
}

static bool clone_image(struct clone *cl, struct error *err)
{
    struct task_run *r = cl->run;

    if (!image_build_source(r, &cl->source, &cl->source_key, err) ||
        !image_build_clone(r, &cl->source, &cl->image, err))
        return false;
    fault_point("clone.found");
    bool copied =
        store_features(r->tools->images) & STORE_COPY ? copy_in_store(cl, err) : copy_through(cl, err);

    if (!copied)
        return name_missing(cl, err);
    return task_recheck(r, err) && task_end(r, image_build_result(r, cl->image.id), end, cl, err);
}

bool task_clone(struct task_run *r, struct error *err)
{
    struct clone cl = {.run = r};
    bool ok = clone_image(&cl, err);

    if (cl.reader)
        store_close(cl.reader);
    sink_close(&cl.sink);
    return ok;
}
