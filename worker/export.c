/* export: an image of the requester's project becomes an object in a container of his. */
#include "config.h"
#include "worker/convert.h"
#include "worker/export_convert.h"
#include "worker/image_build.h"
#include "worker/mark.h"
#include "worker/pipeline.h"
#include "base/fault.h"
#include "base/json.h"
#include "image/format.h"

#include <errno.h>
#include <unistd.h>

struct export
{
    struct task_run *run;
    struct image image;
    struct str key;
    struct str format;
    struct store_name target;
    struct store_reader *reader; /* the image's bytes; NULL: they are in CONVERTED */
    struct store_info info;
    struct converted converted;
    struct str md5, sha512; /* of what is exported */
    uint64_t size;
    struct store_writer *writer;
    struct store_meta meta;
    struct pipeline pipeline;
};

/* --- what is exported where ------------------------------------------------------------------------ */

static struct store_name target_of(struct task_run *r, struct str format)
{
    return (struct store_name){
        .container = r->input.export_container,
        .object = str_of(arena_printf(r->arena, "%.*s.%.*s", STR_ARG(r->input.image_id), STR_ARG(format))),
    };
}

/* What the claim has, unless the input was changed since its POST: two exports to one name would take each
 * other's object for the one that was there before. */
static bool take_turn(struct task_run *r, struct error *err)
{
    unsigned char target[SHA256_SIZE];
    bool ours = true;

    task_export_target(&r->input, r->work.owner, target);
    if (str_eq(r->work.turn, (struct str){(const char *)target, sizeof(target)}))
        return true;
    struct db_conn *c = task_db(r, err);
    bool ok = c && task_db_error(r, task_queue_take_turn(c, &r->lease->hold, target, &ours, err), err);

    db_release(c);
    if (ours)
        return ok;
    lease_stop_for(r->lease, LEASE_LOST);
    return error_set(err, ERROR_ABORTED, "the task is another attempt's");
}

static bool find(struct export *ex, struct error *err)
{
    struct task_run *r = ex->run;
    const struct image_format *format;

    if (!take_turn(r, err) || !image_build_source(r, &ex->image, &ex->key, err))
        return false;
    if (!str_eq(ex->image.owner, r->work.owner))
        return error_set(err, ERROR_FORBIDDEN, "An image may only be exported by the image owner.");
    ex->format = r->input.format.p ? r->input.format : ex->image.disk_format;
    format = image_format_find(ex->format);
    if (!format || !format->can_export)
        return error_set(err, ERROR_BAD_REQUEST, "Images are not exported as %.*s, only as %s",
                         STR_ARG(ex->format), image_format_list(r->arena, true));
    if (!str_eq(ex->format, ex->image.disk_format) && !convert_can(ex->image.disk_format, ex->format))
        return error_set(err, ERROR_BAD_REQUEST, "An image that is %.*s cannot be converted to %.*s",
                         STR_ARG(ex->image.disk_format), STR_ARG(ex->format));
    ex->target = target_of(r, ex->format);
    fault_point("export.found");
    return true;
}

/* --- moving ---------------------------------------------------------------------------------------- */

/* Parts that could be left behind are recorded before their first byte. */
static bool record_segment(void *ctx, struct str container, struct str object, struct error *err)
{
    struct export *ex = ctx;
    struct task_object part = {
        .key = object, .container = container, .project = ex->run->work.owner, .image_id = ex->image.id};

    fault_point("export.segment");
    return task_begin_object(ex->run, &part, err);
}

static bool read_image(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct export *ex = ctx;

    return task_go_on(ex->run, err) && store_read(ex->reader, p, n, got, err);
}

static bool read_converted(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct export *ex = ctx;
    ssize_t done;

    if (!task_go_on(ex->run, err))
        return false;
    do
        done = read(ex->converted.fd, p, n);
    while (done < 0 && errno == EINTR);
    *got = done > 0 ? (size_t)done : 0;
    return done >= 0 || error_set_errno(err, errno, "read what was converted");
}

static bool write_object(void *ctx, const void *p, size_t n, struct error *err)
{
    struct export *ex = ctx;

    return task_go_on(ex->run, err) && store_write(ex->writer, p, n, err);
}

/* Nothing is converted for a container that is not there. */
static bool container_exists(struct export *ex, struct error *err)
{
    struct store_caller requester = task_requester(ex->run);
    struct store_info info;

    return store_stat(ex->run->tools->containers, &requester, &ex->target, ex->run->arena, &info, err) ||
           (err->kind == ERROR_NOT_FOUND && str_starts(str_of(err->message), STR("Object not found")));
}

/* An object that is gone belongs to an image that was deleted meanwhile. */
static bool source_gone(const struct export *ex, struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND)
        error_set(err, ERROR_NOT_FOUND, "Image not found. Image: %.*s", STR_ARG(ex->image.id));
    return false;
}

/* The image's bytes as they are, or as they are in the format that is wanted. */
static bool open_source(struct export *ex, struct error *err)
{
    struct task_run *r = ex->run;
    struct store_caller own = task_ourselves(r);
    struct store_name from = {.object = ex->key};

    if (!str_eq(ex->format, ex->image.disk_format)) {
        if (!container_exists(ex, err) ||
            !export_convert(r, &ex->image, ex->key, ex->format, &ex->converted, err))
            return false;
        ex->size = ex->converted.size;
        ex->md5 = str_of(ex->converted.md5);
        ex->sha512 = str_of(ex->converted.sha512);
        return true;
    }
    ex->reader =
        store_open(r->tools->images, &own, &from, 0, (struct str){NULL, 0}, r->arena, &ex->info, err);
    ex->size = (uint64_t)ex->image.size;
    ex->md5 = ex->image.checksum;
    ex->sha512 = ex->image.os_hash_value;
    return ex->reader || source_gone(ex, err);
}

static bool open_both(struct export *ex, struct error *err)
{
    struct task_run *r = ex->run;
    struct store_caller requester = task_requester(r);
    struct store_write_options options = {
        .meta = &ex->meta, .tag = mark_attempt(r), .segment = record_segment, .ctx = ex};

    if (!open_source(ex, err))
        return false;
    options.md5 = ex->md5; /* the pipeline's sha512 shows that these are the bytes */
    fault_point("export.source_open");
    options.size = (int64_t)ex->size;
    mark_set(&ex->meta, options.tag, ex->image.id, ex->format, ex->md5, ex->sha512);
    ex->writer = store_create(r->tools->containers, &requester, &ex->target, &options, err);
    fault_point("export.created");
    return ex->writer != NULL;
}

static bool move_bytes(struct export *ex, struct error *err)
{
    struct lease *lease = ex->run->lease;

    atomic_store(&lease->bytes_total, (int64_t)ex->size);
    if (ex->size > PIPELINE_BLOCK)
        task_show_progress(ex->run);
    ex->pipeline = (struct pipeline){.read = ex->reader ? read_image : read_converted,
                                     .read_ctx = ex,
                                     .write = write_object,
                                     .write_ctx = ex,
                                     .max_bytes = UINT64_MAX,
                                     .no_md5 = true, /* the store has it, or makes its own on the way */
                                     .done = &lease->bytes_done,
                                     .fault = "export.mid"};
    if (!pipeline_run(&ex->pipeline, err))
        return false;
    if (!str_eq_cstr(ex->sha512, ex->pipeline.sha512))
        return error_set(err, ERROR_INTERNAL, "object %.*s is not what its image says", STR_ARG(ex->key));
    return true;
}

/* Nothing is shown to the customer of an image that is gone by now. */
static bool still_there(struct export *ex, struct error *err)
{
    struct image now;
    struct str key;

    fault_point("export.before_check");
    return task_recheck(ex->run, err) && image_build_source(ex->run, &now, &key, err);
}

static bool commit(struct export *ex, struct error *err)
{
    struct store_writer *w = ex->writer;

    if (fault_point("export.before_object"))
        return error_set(err, ERROR_UNAVAILABLE, "fault point export.before_object");
    /* the last moment to find out that the lease is gone before the customer sees the object */
    if (!task_go_on(ex->run, err))
        return false;
    ex->writer = NULL;
    ex->run->may_have_exported = true;
    if (!store_commit(w, ex->run->arena, NULL, err))
        return false;
    fault_point("export.object_done");
    return true;
}

/* --- the task -------------------------------------------------------------------------------------- */

static struct str result_of(const struct export *ex)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, 64 * 1024);
    json_writer_init(&w, &text);
    json_obj_begin(&w);
    json_key_cstr(
        &w, "export_location",
        arena_printf(ex->run->arena, "%.*s/%.*s", STR_ARG(ex->target.container), STR_ARG(ex->target.object)));
    json_obj_end(&w);
    struct str out = arena_str(ex->run->arena, buf_str(&text));
    buf_free(&text);
    return out;
}

static bool end(struct db_conn *c, const struct task_end *task, void *arg, bool *ours, struct error *err)
{
    struct export *ex = arg;

    fault_point("export.before_commit");
    bool ok = task_finish_export(c, task, ex->run->work.owner, ex->image.id, str_of(ex->pipeline.sha512),
                                 ours, err);

    if (ok)
        fault_point("export.after_commit");
    return ok;
}

static bool export_image(struct export *ex, struct error *err)
{
    return find(ex, err) && open_both(ex, err) && move_bytes(ex, err) && still_there(ex, err) &&
           commit(ex, err) && task_end(ex->run, result_of(ex), end, ex, err);
}

bool task_export(struct task_run *r, struct error *err)
{
    struct export ex = {.run = r, .converted = {.fd = -1}};
    bool ok = export_image(&ex, err);

    if (ex.converted.fd >= 0)
        close(ex.converted.fd);
    if (ex.reader)
        store_close(ex.reader);
    store_abort(ex.writer);
    return ok;
}

/* --- clearing away --------------------------------------------------------------------------------- */

/* The format of an export that did not say one is the image's, be it deleted by now. */
static bool format_of(struct task_run *r, struct str *format, struct error *err)
{
    struct image image;
    bool found = false;
    struct db_conn *c;

    *format = r->input.format;
    if (format->p)
        return true;
    c = task_db(r, err);
    bool ok =
        c && task_db_error(r, images_get(c, r->arena, r->input.image_id, true, &image, &found, err), err);

    db_release(c);
    if (found)
        *format = image.disk_format;
    return ok;
}

static bool remove_ours(struct task_run *r, const struct store_caller *caller, const struct store_name *name,
                        struct error *err)
{
    struct store_info info;

    if (!store_stat(r->tools->containers, caller, name, r->arena, &info, err))
        return err->kind == ERROR_NOT_FOUND;
    return !mark_is_ours(&info.meta, r) || store_remove(r->tools->containers, caller, name, err);
}

bool task_export_clean(struct task_run *r, struct error *err)
{
    struct store_caller caller = r->secret.token.p ? task_requester(r) : task_ourselves(r);
    struct store_name name;
    struct str format;

    if (!r->input.export_container.p)
        return true;
    if (!format_of(r, &format, err))
        return false;
    if (!format.p)
        return true;
    name = target_of(r, format);
    /* What made us stop must not stop this too. A token that has ended is no reason to leave it there. */
    caller.stop = NULL;
    if (remove_ours(r, &caller, &name, err))
        return true;
    if (!caller.token.p)
        return false;
    caller.token = (struct str){NULL, 0};
    return remove_ours(r, &caller, &name, err);
}
