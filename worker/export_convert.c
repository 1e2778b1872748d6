#include "config.h"
#include "worker/export_convert.h"
#include "worker/convert.h"
#include "worker/mark.h"
#include "worker/pipeline.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- files ---------------------------------------------------------------------------------------- */

struct file {
    const struct task_run *run;
    int fd;
};

static bool read_file(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct file *f = ctx;
    ssize_t done;

    if (!task_go_on(f->run, err))
        return false;
    do
        done = read(f->fd, p, n);
    while (done < 0 && errno == EINTR);
    *got = done > 0 ? (size_t)done : 0;
    return done >= 0 || error_set_errno(err, errno, "read what was converted");
}

static bool write_file(void *ctx, const void *p, size_t n, struct error *err)
{
    struct file *f = ctx;
    const char *from = p;

    while (n > 0) {
        ssize_t done = write(f->fd, from, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && (errno == ENOSPC || errno == EDQUOT))
            return error_set(err, ERROR_UNAVAILABLE, "There is no room for a conversion at the moment");
        if (done < 0)
            return error_set_errno(err, errno, "write what is to be converted");
        from += done;
        n -= (size_t)done;
    }
    return true;
}

/* --- where the bytes are now ----------------------------------------------------------------------- */

struct stored {
    const struct task_run *run;
    struct store_reader *reader;
};

static bool read_stored(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct stored *s = ctx;

    return task_go_on(s->run, err) && store_read(s->reader, p, n, got, err);
}

static bool fetch_bytes(struct task_run *r, struct stored *from, int fd, struct error *err)
{
    struct file file = {r, fd};
    _Atomic int64_t moved = 0;
    struct pipeline p = {.read = read_stored,
                         .read_ctx = from,
                         .write = write_file,
                         .write_ctx = &file,
                         .max_bytes = UINT64_MAX,
                         .done = &moved,
                         .fault = "export.fetch"};

    return pipeline_run(&p, err);
}

/* A store without local files: the bytes come into the workspace first. */
static bool fetch(struct task_run *r, struct str key, const char *path, struct error *err)
{
    struct store_caller own = task_ourselves(r);
    struct store_name name = {.object = key};
    struct store_info info;
    struct stored from = {
        r, store_open(r->tools->images, &own, &name, 0, (struct str){NULL, 0}, r->arena, &info, err)};
    int fd;

    if (!from.reader)
        return false;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 ? fetch_bytes(r, &from, fd, err) : error_set_errno(err, errno, path);

    if (fd >= 0)
        close(fd);
    store_close(from.reader);
    return ok;
}

/* --- converting ------------------------------------------------------------------------------------ */

/* What will be the exported object's checksums. */
static bool hash_file(struct task_run *r, struct converted *out, struct error *err)
{
    struct file file = {r, out->fd};
    _Atomic int64_t hashed = 0;
    struct pipeline p = {.read = read_file, .read_ctx = &file, .max_bytes = UINT64_MAX, .done = &hashed};

    if (!pipeline_run(&p, err))
        return false;
    out->size = p.size;
    memcpy(out->md5, p.md5, sizeof(out->md5));
    memcpy(out->sha512, p.sha512, sizeof(out->sha512));
    return lseek(out->fd, 0, SEEK_SET) == 0 || error_set_errno(err, errno, "seek");
}

/* The new file without its name, so that a killed worker leaves nothing. */
static bool take_file(struct task_run *r, const char *path, struct converted *out, struct error *err)
{
    out->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd < 0)
        return error_set_errno(err, errno, path);
    unlink(path);
    fault_point("export.converted");
    return hash_file(r, out, err);
}

bool export_convert(struct task_run *r, const struct image *image, struct str key, struct str to,
                    struct converted *out, struct error *err)
{
    const char *from_path, *fetched = NULL, *attempt = mark_attempt(r);
    struct store_name name = {.object = key};
    struct inspect_result found;
    struct convert c = {.from = image->disk_format, .to = to, .stop = task_stop, .ctx = r->lease};

    out->fd = -1;
    if (!r->workspace)
        return error_set(err, ERROR_UNAVAILABLE, "There is no room for conversions at the moment");
    from_path = store_local_path(r->tools->images, &name, r->arena);
    if (!from_path) {
        fetched = from_path = arena_printf(r->arena, "%s/%s.from", r->workspace, attempt);
        if (!fetch(r, key, fetched, err)) {
            unlink(fetched);
            return false;
        }
    }
    c.from_path = from_path;
    c.to_path = arena_printf(r->arena, "%s/%s.to", r->workspace, attempt);
    fault_point("export.before_convert");
    bool ok = convert_run(r->tools->conf, r->arena, &c, &found, err) && take_file(r, c.to_path, out, err);

    if (fetched)
        unlink(fetched);
    if (!ok && out->fd >= 0) {
        close(out->fd);
        out->fd = -1;
    }
    return ok;
}
