#include "config.h"
#include "store/dir.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SLICE = 64 * 1024,     /* that is zero becomes a hole */
    LOOK_EVERY = 32 << 20, /* bytes between two looks at what room is left */
    TRIES = 10,            /* at a folder that others remove because it is empty */
    TAG_MAX = 100,
    TEMPORARY_SIZE = 200,
    MD5_HEX = 32,
};

/* A file in DIR/.tmp under an exclusive lock, which tells store_sweep() that somebody is at work. */
struct dir_writer {
    struct store_writer base;
    struct dir_store *d;
    struct arena *arena; /* of what the caller gave */
    struct store_caller caller;
    struct store_name name;
    struct store_meta meta;
    int64_t announced;
    char path[DIR_PATH_SIZE];
    char temporary[TEMPORARY_SIZE];
    int folder; /* DIR/.tmp */
    int target; /* what PATH is below */
    int fd;
    uint64_t size;
    uint64_t looked;    /* at the room, when SIZE was this */
    struct digest *md5; /* of customers' objects, unless it was given; an image's are in the database */
    char digest[DIGEST_HEX_SIZE];
};

bool dir_room(const struct dir_store *d, int fd, uint64_t n, struct error *err)
{
    struct statvfs v;

    if (fstatvfs(fd, &v) != 0)
        return error_set_errno(err, errno, "fstatvfs");
    if (v.f_blocks == 0) /* a file system that does not count */
        return true;
    if (v.f_bavail * v.f_frsize < d->min_free || v.f_bavail * v.f_frsize - d->min_free < n)
        return error_set(err, ERROR_TOO_LARGE, "no room in the store");
    return true;
}

static void writer_free(struct dir_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    if (w->target >= 0)
        close(w->target);
    if (w->folder >= 0)
        close(w->folder);
    digest_free(w->md5);
    arena_free(w->arena);
    free(w);
}

static void keep_arguments(struct dir_writer *w, const struct store_caller *caller,
                           const struct store_name *name, const struct store_write_options *options)
{
    w->caller = (struct store_caller){.stop = caller->stop, .ctx = caller->ctx};
    w->announced = options->size;
    w->name.object = arena_str(w->arena, name->object);
    if (name->container.p)
        w->name.container = arena_str(w->arena, name->container);
    for (size_t i = 0; options->meta && i < options->meta->n; i++) {
        w->meta.item[i].name = arena_str(w->arena, options->meta->item[i].name);
        w->meta.item[i].value = arena_str(w->arena, options->meta->item[i].value);
        w->meta.n = i + 1;
    }
}

static bool open_temporary(struct dir_writer *w, const char *tag, struct error *err)
{
    uint64_t random;

    w->folder = dir_open_private(w->d, DIR_TEMPORARY, err);
    if (w->folder < 0)
        return false;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return error_set_errno(err, errno, "getrandom");
    snprintf(w->temporary, sizeof(w->temporary), "%.*s.%016llx", TAG_MAX, tag, (unsigned long long)random);
    w->fd = openat(w->folder, w->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (w->fd < 0)
        return dir_error(errno, "make a file in the store", err);
    if (flock(w->fd, LOCK_EX | LOCK_NB) != 0)
        return error_set_errno(err, errno, "lock a file in the store");
    return true;
}

struct store_writer *dir_create(struct store *s, const struct store_caller *caller,
                                const struct store_name *name, const struct store_write_options *options,
                                struct error *err)
{
    struct dir_writer *w = mem_calloc(1, sizeof(*w));

    w->d = (struct dir_store *)s;
    w->arena = arena_new(0);
    w->folder = w->fd = -1;
    w->target = dir_base(w->d, caller, name->container, err);
    if (w->target < 0)
        goto fail;
    if (!dir_object_path(w->d, name, w->path)) {
        error_set(err, ERROR_BAD_REQUEST, "no file can have the name %.*s", STR_ARG(name->object));
        goto fail;
    }
    keep_arguments(w, caller, name, options);
    if (!dir_room(w->d, w->target, options->size > 0 ? (uint64_t)options->size : 0, err) ||
        !open_temporary(w, options->tag, err))
        goto fail;
    if (s->role == STORE_CONTAINERS && options->md5.n == MD5_HEX)
        snprintf(w->digest, sizeof(w->digest), "%.*s", STR_ARG(options->md5));
    else if (s->role == STORE_CONTAINERS)
        w->md5 = digest_new(DIGEST_MD5);
    return &w->base;
fail:
    writer_free(w);
    return NULL;
}

static bool is_zero(const char *p, size_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static ssize_t pwrite_or_fault(int fd, const char *p, size_t n, uint64_t offset)
{
    if (fault_point("store.write")) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, p, n, (off_t)offset);
}

/* Writes N bytes at the end; a whole slice of zeros is left out, which makes a hole. */
static bool put(struct dir_writer *w, const char *p, size_t n, struct error *err)
{
    while (n > 0) {
        size_t slice = SLICE - (size_t)(w->size % SLICE);
        ssize_t k = (ssize_t)(slice < n ? slice : n);

        if (k < SLICE || !is_zero(p, SLICE)) {
            /* up to the next slice of zeros in one go */
            while ((size_t)k + SLICE <= n && !is_zero(p + k, SLICE))
                k += SLICE;
            k = pwrite_or_fault(w->fd, p, (size_t)k, w->size);
        }
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return dir_error(errno, "write an object", err);
        p += k;
        n -= (size_t)k;
        w->size += (uint64_t)k;
    }
    return true;
}

bool dir_write(struct store_writer *base, const void *p, size_t n, struct error *err)
{
    struct dir_writer *w = (struct dir_writer *)base;

    if (store_stopped(&w->caller, err))
        return false;
    if (w->announced >= 0 && n > (uint64_t)w->announced - w->size)
        return error_set(err, ERROR_CONFLICT, "more bytes came than were announced");
    if (w->md5)
        digest_add(w->md5, p, n);
    if (!put(w, p, n, err))
        return false;
    if (w->size - w->looked < LOOK_EVERY)
        return true;
    /* what was written goes to the disk now, so that the fsync at the end is short */
    sync_file_range(w->fd, (off_t)w->looked, (off_t)(w->size - w->looked), SYNC_FILE_RANGE_WRITE);
    w->looked = w->size;
    return dir_room(w->d, w->fd, 0, err);
}

int dir_writer_fd(const struct store_writer *base)
{
    return ((const struct dir_writer *)base)->fd;
}

void dir_writer_filled(struct store_writer *base, uint64_t size, const char *md5)
{
    struct dir_writer *w = (struct dir_writer *)base;

    w->size = size;
    digest_free(w->md5);
    w->md5 = NULL;
    snprintf(w->digest, sizeof(w->digest), "%s", md5);
}

/* The temporary file under its name: an image's only where none is, a customer's in the place of the old one.
 */
static int rename_into(struct dir_writer *w, int parent, const char *last)
{
    if (fault_point("store.rename")) {
        errno = EIO;
        return -1;
    }
    if (w->name.container.p)
        return renameat(w->folder, w->temporary, parent, last);
    if (renameat2(w->folder, w->temporary, parent, last, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* NFS and others cannot say "no replacing": a second name, then the first one away, comes to the same */
    if (linkat(w->folder, w->temporary, parent, last, 0) != 0)
        return -1;
    return unlinkat(w->folder, w->temporary, 0);
}

static bool publish(struct dir_writer *w, struct error *err)
{
    struct stat old;
    const char *last = NULL;
    int parent = -1, done = -1;
    bool replaces = false;

    for (int i = 0; i < TRIES && done != 0; i++) {
        parent = dir_open_parent(w->target, w->path, true, &last);
        if (parent >= 0) {
            replaces = fstatat(parent, last, &old, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(old.st_mode);
            done = rename_into(w, parent, last);
        }
        int errnum = errno;
        if (parent >= 0 && done != 0)
            close(parent);
        errno = errnum;
        if (done != 0 && errno != ENOENT) /* ENOENT: the folder was empty and removed meanwhile */
            break;
    }
    if (done != 0 && errno == EEXIST)
        return error_set(err, ERROR_CONFLICT, "the object is there already");
    if (done != 0 && (errno == ENOTDIR || errno == EISDIR || errno == ELOOP || errno == ENAMETOOLONG))
        return error_set(err, ERROR_CONFLICT, "a folder or a file stands in the way of the object's name");
    if (done != 0)
        return dir_error(errno, "name an object", err);
    w->temporary[0] = '\0';
    if (replaces)
        dir_meta_forget(w->d, &old);
    if (fsync(parent) != 0) {
        dir_error(errno, "fsync a folder", err);
        unlinkat(parent, last, 0);
        close(parent);
        return false;
    }
    close(parent);
    return true;
}

static bool commit(struct dir_writer *w, struct error *err)
{
    if (store_stopped(&w->caller, err))
        return false;
    if (w->announced >= 0 && (uint64_t)w->announced != w->size)
        return error_set(err, ERROR_CONFLICT, "fewer bytes came than were announced");
    if (w->md5)
        digest_end(w->md5, w->digest);
    if (ftruncate(w->fd, (off_t)w->size) != 0) /* a hole at the end */
        return dir_error(errno, "write an object", err);
    if (!dir_meta_put(w->d, w->fd, &w->meta, w->digest, err))
        return false;
    if (fault_point("store.fsync"))
        return dir_error(ENOSPC, "fsync an object", err);
    if (fsync(w->fd) != 0)
        return dir_error(errno, "fsync an object", err);
    return publish(w, err);
}

bool dir_commit(struct store_writer *base, struct arena *arena, struct store_info *out, struct error *err)
{
    struct dir_writer *w = (struct dir_writer *)base;
    struct stat st;

    if (!commit(w, err)) {
        dir_abort(base);
        return false;
    }
    if (out && fstat(w->fd, &st) == 0)
        dir_meta_get(w->d, w->fd, &st, arena, out);
    writer_free(w);
    return true;
}

void dir_abort(struct store_writer *base)
{
    struct dir_writer *w = (struct dir_writer *)base;
    struct stat st;

    if (w->temporary[0] && w->folder >= 0)
        unlinkat(w->folder, w->temporary, 0);
    if (w->fd >= 0 && fstat(w->fd, &st) == 0)
        dir_meta_forget(w->d, &st);
    writer_free(w);
}
