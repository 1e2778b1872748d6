#include "config.h"
#include "store/dir.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dir_reader {
    struct store_reader base;
    struct store_caller caller;
    int fd;
    uint64_t offset, size;
    struct timespec mtime; /* of the content that is promised */
};

static struct store *dir_start(const struct conf *conf, enum store_role role, const struct service_auth *auth,
                               struct error *err)
{
    const char *path = role == STORE_IMAGES ? conf->image_store.dir : conf->object_store.dir;
    struct dir_store *d;

    (void)auth;
    if (path[0] != '/') {
        error_set(err, ERROR_BAD_REQUEST, "[%s] dir must be a path that begins with /",
                  role == STORE_IMAGES ? "image_store" : "object_store");
        return NULL;
    }
    d = mem_calloc(1, sizeof(*d));
    d->path = path;
    d->min_free = role == STORE_IMAGES ? conf->image_store.min_free : conf->object_store.min_free;
    d->base.features = STORE_COPY | (role == STORE_IMAGES ? STORE_LOCAL_PATH : 0);
    return &d->base;
}

static void dir_stop(struct store *s)
{
    free(s);
}

static bool dir_healthy(struct store *s)
{
    const struct dir_store *d = (const struct dir_store *)s;
    int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool dir_stat(struct store *s, const struct store_caller *caller, const struct store_name *name,
                     struct arena *arena, struct store_info *out, struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    struct stat st;
    int fd = dir_open_object(d, caller, name, &st, err);

    if (fd < 0)
        return false;
    dir_meta_get(d, fd, &st, arena, out);
    close(fd);
    return true;
}

/* --- reading ------------------------------------------------------------------------------------ */

static struct store_reader *dir_open(struct store *s, const struct store_caller *caller,
                                     const struct store_name *name, uint64_t offset, struct str etag,
                                     struct arena *arena, struct store_info *info, struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    struct stat st;
    struct dir_reader *r;
    int fd = dir_open_object(d, caller, name, &st, err);

    if (fd < 0)
        return NULL;
    dir_meta_get(d, fd, &st, arena, info);
    if (etag.p && !str_eq(etag, info->etag)) {
        close(fd);
        error_set(err, ERROR_CONFLICT, "the object is not what it was");
        return NULL;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    r = mem_calloc(1, sizeof(*r));
    *r = (struct dir_reader){.caller = *caller,
                             .fd = fd,
                             .offset = offset < info->size ? offset : info->size,
                             .size = info->size,
                             .mtime = st.st_mtim};
    return &r->base;
}

/* The file was written to in place: what was read of it fits together with nothing. */
static bool unchanged(const struct dir_reader *r, struct error *err)
{
    struct stat st;

    if (fstat(r->fd, &st) == 0 && (uint64_t)st.st_size == r->size && st.st_mtim.tv_sec == r->mtime.tv_sec &&
        st.st_mtim.tv_nsec == r->mtime.tv_nsec)
        return true;
    return error_set(err, ERROR_CONFLICT, "the object was changed while it was read");
}

static bool dir_read(struct store_reader *base, void *p, size_t n, size_t *got, struct error *err)
{
    struct dir_reader *r = (struct dir_reader *)base;
    ssize_t k;

    *got = 0;
    if (store_stopped(&r->caller, err))
        return false;
    if (r->offset == r->size)
        return unchanged(r, err);
    if (n > r->size - r->offset)
        n = (size_t)(r->size - r->offset);
    do
        k = pread(r->fd, p, n, (off_t)r->offset);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return error_set_errno(err, errno, "read an object");
    if (k == 0)
        return error_set(err, ERROR_CONFLICT, "the object was changed while it was read");
    r->offset += (uint64_t)k;
    *got = (size_t)k;
    return true;
}

static void dir_close(struct store_reader *base)
{
    struct dir_reader *r = (struct dir_reader *)base;

    close(r->fd);
    free(r);
}

/* --- the rest ----------------------------------------------------------------------------------- */

static bool dir_remove(struct store *s, const struct store_caller *caller, const struct store_name *name,
                       struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    char path[DIR_PATH_SIZE];
    const char *last;
    struct error why = {.kind = ERROR_NONE};
    struct stat st;
    int parent, errnum = 0, base = dir_base(d, caller, name->container, &why);

    if (base < 0) {
        if (why.kind == ERROR_NOT_FOUND)
            return true;
        if (err)
            *err = why;
        return false;
    }
    if (dir_object_path(d, name, path)) {
        parent = dir_open_parent(base, path, false, &last);
        errnum = parent < 0 ? errno : 0;
        if (parent >= 0 && fstatat(parent, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            if (unlinkat(parent, last, 0) != 0)
                errnum = errno;
            else
                fsync(parent);
            dir_meta_forget(d, &st);
            dir_prune(base, path);
        }
        if (parent >= 0)
            close(parent);
    }
    close(base);
    if (errnum == 0 || errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENAMETOOLONG)
        return true;
    return dir_error(errnum, "remove an object", err);
}

static const char *dir_local_path(struct store *s, const struct store_name *name, bool whole,
                                  struct arena *arena)
{
    const struct dir_store *d = (const struct dir_store *)s;
    char path[DIR_PATH_SIZE];

    if (!dir_object_path(d, name, path))
        return NULL;
    return whole ? arena_printf(arena, "%s/%s", d->path, path) : arena_strdup(arena, path);
}

const struct store_ops store_dir = {
    .name = "dir",
    .start = dir_start,
    .stop = dir_stop,
    .healthy = dir_healthy,
    .stat = dir_stat,
    .open = dir_open,
    .read = dir_read,
    .close = dir_close,
    .create = dir_create,
    .write = dir_write,
    .commit = dir_commit,
    .abort = dir_abort,
    .remove = dir_remove,
    .copy = dir_copy,
    .local_path = dir_local_path,
    .list = dir_list,
    .sweep = dir_sweep,
};
