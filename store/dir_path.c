#include "config.h"
#include "store/dir.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

bool dir_error(int errnum, const char *what, struct error *err)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return error_set(err, ERROR_TOO_LARGE, "no room in the store");
    return error_set_errno(err, errnum, what);
}

int dir_root(const struct dir_store *d, struct error *err)
{
    int fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        log_error("store: %s cannot be opened: %s", d->path, strerror(errno));
        error_set(err, ERROR_UNAVAILABLE, "the store's directory is not there");
    }
    return fd;
}

int dir_open_beneath(int at, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags | (unsigned)O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd;

    do
        fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
    while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: somebody renamed a folder meanwhile */
    return (int)fd;
}

/* One folder's or file's name as it came from a customer. */
static bool segment_ok(struct str s)
{
    return s.n > 0 && s.n <= 255 && !str_eq(s, STR(".")) && !str_eq(s, STR(".."));
}

static int open_container(const struct dir_store *d, const struct store_caller *caller, struct str container,
                          int root)
{
    char path[512];

    if (!store_key_ok(caller->project_id) || memchr(caller->project_id.p, '/', caller->project_id.n) ||
        !segment_ok(container) || caller->project_id.n + container.n + 2 > sizeof(path)) {
        errno = ENOENT;
        return -1;
    }
    (void)d;
    memcpy(path, caller->project_id.p, caller->project_id.n);
    path[caller->project_id.n] = '/';
    memcpy(path + caller->project_id.n + 1, container.p, container.n);
    path[caller->project_id.n + 1 + container.n] = '\0';
    return dir_open_beneath(root, path, O_RDONLY | O_DIRECTORY);
}

int dir_base(const struct dir_store *d, const struct store_caller *caller, struct str container,
             struct error *err)
{
    int fd, root = dir_root(d, err);
    int errnum;

    if (root < 0 || d->base.role == STORE_IMAGES)
        return root;
    fd = open_container(d, caller, container, root);
    errnum = errno;
    close(root);
    if (fd >= 0)
        return fd;
    if (errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == EXDEV)
        store_no_container(container, err);
    else
        dir_error(errnum, "open a container", err);
    return -1;
}

bool dir_object_path(const struct dir_store *d, const struct store_name *name, char out[DIR_PATH_SIZE])
{
    struct str rest = name->object, segment;
    size_t n = 0, depth = 0;
    bool more = true;

    if (rest.n + 4 > DIR_PATH_SIZE)
        return false;
    if (d->base.role == STORE_IMAGES) { /* a folder for each pair of first characters */
        size_t two;

        str_cut(rest, '/', &segment, &(struct str){0});
        two = segment.n < 2 ? segment.n : 2;
        memcpy(out, segment.p, two);
        out[two] = '/';
        n = two + 1;
    }
    while (more) {
        more = str_cut(rest, '/', &segment, &rest);
        if (!segment_ok(segment) || ++depth > DIR_MAX_DEPTH)
            return false;
        memcpy(out + n, segment.p, segment.n);
        n += segment.n;
        out[n++] = more ? '/' : '\0';
    }
    return true;
}

int dir_open_object(const struct dir_store *d, const struct store_caller *caller,
                    const struct store_name *name, struct stat *st, struct error *err)
{
    char path[DIR_PATH_SIZE];
    int base = dir_base(d, caller, name->container, err), fd = -1, errnum = ENOENT;

    if (base < 0)
        return -1;
    if (dir_object_path(d, name, path)) {
        fd = dir_open_beneath(base, path, O_RDONLY | O_NONBLOCK);
        errnum = errno;
    }
    close(base);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == EXDEV ||
        errnum == ENAMETOOLONG || errnum == ENXIO)
        store_no_object(name, err);
    else
        dir_error(errnum, "open an object", err);
    return -1;
}

/* AT's folder NAME, made if it is not there. */
static int step(int at, const char *name, bool make)
{
    if (make && mkdirat(at, name, 0750) == 0)
        fsync(at); /* the new folder's own entry must last as its files do */
    else if (make && errno != EEXIST)
        return -1;
    return dir_open_beneath(at, name, O_RDONLY | O_DIRECTORY);
}

int dir_open_parent(int base, const char *path, bool make, const char **last)
{
    char name[256];
    int fd = fcntl(base, F_DUPFD_CLOEXEC, 3);

    for (const char *slash; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        int next;

        memcpy(name, path, (size_t)(slash - path));
        name[slash - path] = '\0';
        next = step(fd, name, make);
        int errnum = errno;
        close(fd);
        errno = errnum;
        fd = next;
    }
    *last = path;
    return fd;
}

void dir_prune(int base, const char *path)
{
    char folder[DIR_PATH_SIZE];

    memcpy(folder, path, strlen(path) + 1);
    for (char *slash; (slash = strrchr(folder, '/'));) {
        const char *last;
        int parent, gone;

        *slash = '\0';
        parent = dir_open_parent(base, folder, false, &last);
        if (parent < 0)
            return;
        gone = unlinkat(parent, last, AT_REMOVEDIR);
        close(parent);
        if (gone != 0)
            return;
    }
}

int dir_open_private(const struct dir_store *d, const char *name, struct error *err)
{
    int root = dir_root(d, err), fd;

    if (root < 0)
        return -1;
    fd = dir_open_beneath(root, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT)
        fd = step(root, name, true);
    if (fd < 0)
        dir_error(errno, "make a folder in the store", err);
    close(root);
    return fd;
}
