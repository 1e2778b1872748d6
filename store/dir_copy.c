#include "config.h"
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { STEP = 32 << 20, BLOCK = 128 * 1024 };

/* Where the kernel cannot copy between these two files. */
static ssize_t copy_by_hand(int from, int to, off_t offset, size_t n)
{
    char block[BLOCK];
    ssize_t k = pread(from, block, n < BLOCK ? n : BLOCK, offset);

    return k <= 0 ? k : pwrite(to, block, (size_t)k, offset);
}

/* The data between two holes. */
static bool copy_range(const struct dir_store *d, const struct store_caller *caller, int from, int to,
                       off_t at, off_t end, struct error *err)
{
    while (at < end) {
        off_t in = at, out = at;
        size_t n = end - at < STEP ? (size_t)(end - at) : STEP;
        ssize_t k;

        if (store_stopped(caller, err) || !dir_room(d, to, 0, err))
            return false;
        k = copy_file_range(from, &in, to, &out, n, 0);
        if (k < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            k = copy_by_hand(from, to, at, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return dir_error(errno, "copy an object", err);
        if (k == 0)
            return error_set(err, ERROR_CONFLICT, "the object was changed while it was copied");
        at += k;
    }
    return true;
}

static bool copy_data(const struct dir_store *d, const struct store_caller *caller, int from, int to,
                      uint64_t size, struct error *err)
{
    off_t data, hole = 0;

    if (ioctl(to, FICLONE, from) == 0) /* shares its blocks: btrfs, xfs */
        return true;
    if (ftruncate(to, (off_t)size) != 0)
        return dir_error(errno, "copy an object", err);
    while ((uint64_t)hole < size && (data = lseek(from, hole, SEEK_DATA)) >= 0) {
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0)
            return dir_error(errno, "copy an object", err);
        if (!copy_range(d, caller, from, to, data, (uint64_t)hole < size ? hole : (off_t)size, err))
            return false;
    }
    return (uint64_t)hole >= size || errno == ENXIO || dir_error(errno, "copy an object", err);
}

bool dir_copy(struct store *s, const struct store_caller *caller, const struct store_name *from,
              const struct store_name *to, const struct store_meta *meta, struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    struct store_write_options options = {.meta = meta, .tag = "copy"};
    struct arena *arena = arena_new(0);
    struct store_info info, now;
    struct stat st, later;
    struct store_writer *w = NULL;
    int fd = dir_open_object(d, caller, from, &st, err);
    bool ok = false;

    if (fd < 0)
        goto out;
    dir_meta_get(d, fd, &st, arena, &info);
    options.size = (int64_t)info.size;
    w = dir_create(s, caller, to, &options, err);
    if (!w || !copy_data(d, caller, fd, dir_writer_fd(w), info.size, err))
        goto out;
    if (fstat(fd, &later) != 0 || (dir_meta_get(d, fd, &later, arena, &now), !str_eq(info.etag, now.etag))) {
        error_set(err, ERROR_CONFLICT, "the object was changed while it was copied");
        goto out;
    }
    /* an etag with a dash is no md5 */
    dir_writer_filled(
        w, info.size,
        memchr(info.etag.p, '-', info.etag.n) ? "" : arena_printf(arena, "%.*s", STR_ARG(info.etag)));
    ok = dir_commit(w, arena, NULL, err);
    w = NULL;
out:
    if (w)
        dir_abort(w);
    if (fd >= 0)
        close(fd);
    arena_free(arena);
    return ok;
}
