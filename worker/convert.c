#include "config.h"
#include "worker/convert.h"
#include "base/buf.h"
#include "base/conf_options.h"
#include "base/confine.h"
#include "base/json.h"
#include "base/log.h"
#include "image/format.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 65536, SECOND = 1000000 };

/* What qemu-img is told of the format that it makes; NULL: nothing. A disk keeps its size to the byte in vhd
 * only by force_size; a vmdk is one that is to be sent away. */
static const struct target {
    const char *format, *options;
    uint64_t most; /* bytes of disk that it can hold */
} targets[] = {
    {"raw", NULL, INT64_MAX},
    {"qcow2", "compat=1.1", INT64_MAX},
    {"vhd", "subformat=dynamic,force_size=on", 2040ULL << 30},
    {"vhdx", "subformat=dynamic", 64ULL << 40},
    {"vmdk", "subformat=streamOptimized", 2ULL << 40},
    {"vdi", NULL, 2ULL << 40},
};

static const struct target *find_target(struct str format)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        if (str_eq_cstr(format, targets[i].format))
            return &targets[i];
    return NULL;
}

bool convert_can(struct str from, struct str to)
{
    return find_target(from) && find_target(to);
}

/* --- inspection of a local file -------------------------------------------------------------------- */

static bool read_all(struct inspect *in, int fd, uint64_t size, const char *path, struct error *err)
{
    unsigned char block[BLOCK];
    uint64_t at = 0;

    while (at < size && !inspect_refused(in, NULL)) {
        uint64_t gap = inspect_gap(in, size);
        ssize_t n;

        if (gap) {
            inspect_skip(in, gap);
            at += gap;
            continue;
        }
        n = pread(fd, block, sizeof(block), (off_t)at);
        if (n < 0)
            return error_set_errno(err, errno, path);
        if (n == 0)
            return error_set(err, ERROR_CONFLICT, "%s became shorter while it was read", path);
        inspect_add(in, block, (size_t)n);
        at += (uint64_t)n;
    }
    return true;
}

static bool inspect_path(struct arena *arena, const char *path, struct str format, struct inspect_result *out,
                         struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct inspect *in = inspect_new(arena);
    struct stat st;
    bool ok;

    if (fd < 0)
        return error_set_errno(err, errno, path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        ok = error_set(err, ERROR_INTERNAL, "%s: not a file", path);
    else
        ok = read_all(in, fd, (uint64_t)st.st_size, path, err) && inspect_end(in, out, err) &&
             inspect_agrees(out, format, err);
    close(fd);
    return ok;
}

/* --- qemu-img -------------------------------------------------------------------------------------- */

/* The source as QEMU's json: a driver for the format and one for the file, so that nothing is guessed, and no
 * backing file. */
static const char *source_of(struct arena *arena, const struct convert *c)
{
    const char *driver = image_format_find(c->from)->qemu_name;
    struct json_writer w;
    struct buf b;
    const char *text;

    buf_init(&b, 65536);
    buf_add_cstr(&b, "json:");
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_cstr(&w, "driver", driver);
    if (str_eq_cstr(c->from, "qcow2") || str_eq_cstr(c->from, "vmdk"))
        json_key_null(&w, "backing");
    json_key(&w, "file");
    json_obj_begin(&w);
    json_key_cstr(&w, "driver", "file");
    json_key_cstr(&w, "filename", c->from_path);
    json_obj_end(&w);
    json_obj_end(&w);
    text = arena_memdup(arena, b.p, b.n);
    buf_free(&b);
    return text;
}

/* Why it ended as it did, for the customer; the log has its own words. */
static bool explain(const struct conf *conf, const struct convert *c, const struct confine_result *r,
                    struct error *err)
{
    log_warning("qemu-img, %.*s to %.*s: status %d, signal %d: %s", STR_ARG(c->from), STR_ARG(c->to),
                r->status, r->signal, r->said);
    if (strstr(r->said, "No space left on device") || strstr(r->said, "Disk quota exceeded"))
        return error_set(err, ERROR_UNAVAILABLE, "There is no room to convert the image now");
    if (r->signal == SIGKILL) /* not by us: by a kernel without memory, or an administrator */
        return error_set(err, ERROR_UNAVAILABLE, "The conversion from %.*s to %.*s was ended from outside",
                         STR_ARG(c->from), STR_ARG(c->to));
    if (r->signal == SIGXCPU)
        return error_set(err, ERROR_BAD_REQUEST,
                         "The conversion from %.*s to %.*s took more than %llu seconds of processor time",
                         STR_ARG(c->from), STR_ARG(c->to), (unsigned long long)conf->worker.convert_timeout);
    if (r->signal == SIGXFSZ || strstr(r->said, "File too large"))
        return error_set(err, ERROR_TOO_LARGE, "The image is larger in %.*s than the limit of %llu bytes",
                         STR_ARG(c->to), (unsigned long long)conf->image.max_bytes);
    if (r->signal || strstr(r->said, "Cannot allocate memory"))
        return error_set(err, ERROR_BAD_REQUEST,
                         "The conversion from %.*s to %.*s needs more memory than is allowed",
                         STR_ARG(c->from), STR_ARG(c->to));
    return error_set(err, ERROR_BAD_REQUEST,
                     "The image could not be converted from %.*s to %.*s: it is damaged", STR_ARG(c->from),
                     STR_ARG(c->to));
}

static bool run(const struct conf *conf, struct arena *arena, const struct convert *c, struct error *err)
{
    const struct target *target = find_target(c->to);
    const char *argv[12], *const reads[] = {c->from_path, NULL}, *const writes[] = {c->to_path, NULL};
    struct confine_job job = {.argv = argv,
                              .reads = reads,
                              .writes = writes,
                              .memory = conf->worker.convert_memory,
                              .cpu_seconds = conf->worker.convert_timeout,
                              .file_bytes = conf->image.max_bytes,
                              .timeout_us = (int64_t)conf->task.timeout * SECOND,
                              .stall_us = (int64_t)conf->task.stall_timeout * SECOND,
                              .stop = c->stop,
                              .ctx = c->ctx};
    struct confine_result result;
    size_t n = 0;

    argv[n++] = conf->worker.qemu_img;
    argv[n++] = "convert";
    argv[n++] = "-q";
    argv[n++] = "-O";
    argv[n++] = image_format_find(c->to)->qemu_name;
    if (target->options) {
        argv[n++] = "-o";
        argv[n++] = target->options;
    }
    argv[n++] = "--";
    argv[n++] = source_of(arena, c);
    argv[n++] = c->to_path;
    argv[n] = NULL;
    if (!confine_run(&job, &result, err)) {
        if (err && err->kind == ERROR_TIMEOUT)
            log_warning("qemu-img, %.*s to %.*s: %s", STR_ARG(c->from), STR_ARG(c->to), err->message);
        return false;
    }
    return (result.status == 0 && !result.signal) || explain(conf, c, &result, err);
}

static bool check_size(const struct conf *conf, const struct convert *c, uint64_t size, struct error *err)
{
    uint64_t most = find_target(c->to)->most;

    if (size > most)
        return error_set(err, ERROR_TOO_LARGE, "The disk has %llu bytes; %.*s holds %llu at most",
                         (unsigned long long)size, STR_ARG(c->to), (unsigned long long)most);
    /* As a raw file it would be that long, whatever it holds. */
    if (str_eq_cstr(c->to, "raw") && size > conf->image.max_bytes)
        return error_set(err, ERROR_TOO_LARGE, "The disk has %llu bytes; the limit is %llu",
                         (unsigned long long)size, (unsigned long long)conf->image.max_bytes);
    return true;
}

bool convert_run(const struct conf *conf, struct arena *arena, const struct convert *c,
                 struct inspect_result *out, struct error *err)
{
    struct inspect_result in;
    struct error own;
    int fd;

    if (!convert_can(c->from, c->to))
        return error_set(err, ERROR_BAD_REQUEST, "%.*s cannot be converted to %.*s", STR_ARG(c->from),
                         STR_ARG(c->to));
    if (!inspect_path(arena, c->from_path, c->from, &in, err) || !check_size(conf, c, in.virtual_size, err))
        return false;
    /* It may write this file, and make none. */
    fd = open(c->to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, errno, c->to_path);
    close(fd);
    if (run(conf, arena, c, err)) {
        if (inspect_path(arena, c->to_path, c->to, out, &own))
            return true;
        log_error("what qemu-img made is not %.*s: %s", STR_ARG(c->to), own.message);
        error_set(err, ERROR_INTERNAL, "the conversion to %.*s made something else: %s", STR_ARG(c->to),
                  own.message);
    }
    unlink(c->to_path);
    return false;
}
