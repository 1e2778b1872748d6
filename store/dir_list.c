#include "config.h"
#include "store/dir.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct walk {
    const struct store_caller *caller;
    struct str prefix;
    store_each_fn each;
    void *ctx;
    bool fan_out;             /* the first folders are not part of the names */
    size_t skip;              /* what precedes an object's name in PATH */
    char path[DIR_PATH_SIZE]; /* of what is being looked at */
    bool ended;               /* EACH has had enough */
    struct error *unread;     /* of the first folder that could not be read */
};

static bool walk_folder(struct walk *k, int fd, size_t n, unsigned depth, struct error *err);

/* May there be a name below the folder (or of the file) PATH that begins with the prefix? */
static bool may_match(const struct walk *k, size_t n, bool folder)
{
    struct str name = {k->path + k->skip, n - k->skip};

    return str_starts(name, k->prefix) || (folder && str_starts(k->prefix, name));
}

/* The fan-out folder PATH holds the names that begin with its own. */
static bool enter_fan(struct walk *k, size_t n)
{
    struct str pair = {k->path, n};

    k->skip = n + 1;
    return str_starts(k->prefix, pair) || str_starts(pair, k->prefix);
}

static bool tell(struct walk *k, struct str name, const struct stat *st, struct error *err)
{
    return k->each(k->ctx, name, S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
                   (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000, err) ||
           (k->ended = true);
}

/* What is in the image store's directory without being an object: "./PATH", and "./PATH/" for a whole folder.
 */
static bool tell_foreign(struct walk *k, size_t n, const struct stat *st, struct error *err)
{
    char name[DIR_PATH_SIZE + 3];

    if (!k->fan_out || !str_starts(STR("./"), k->prefix))
        return true;
    memcpy(name, "./", 2);
    memcpy(name + 2, k->path, n);
    n += 2;
    if (S_ISDIR(st->st_mode))
        name[n++] = '/';
    return tell(k, (struct str){name, n}, st, err);
}

/* Is the file PATH where an object of its name would be? */
static bool is_object(const struct walk *k, size_t n)
{
    struct str name = {k->path + k->skip, n - k->skip};
    size_t fan = k->skip ? k->skip - 1 : 0;

    if (!k->fan_out)
        return true;
    return k->skip && store_key_ok(name) && fan == (name.n < 2 || name.p[1] == '/' ? 1 : 2) &&
           memcmp(k->path, name.p, fan) == 0;
}

static bool look_into(struct walk *k, int at, const char *name, size_t n, unsigned depth, struct error *err)
{
    int fd = dir_open_beneath(at, name, O_RDONLY | O_DIRECTORY);

    if (fd >= 0)
        return walk_folder(k, fd, n, depth + 1, err);
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && k->unread->kind == ERROR_NONE)
        error_set(k->unread, ERROR_FORBIDDEN, "a folder of the store cannot be read: %.*s: %s", (int)n,
                  k->path, strerror(errno));
    return true;
}

static bool look_at(struct walk *k, int at, const char *name, size_t n, unsigned depth, struct error *err)
{
    struct stat st;
    size_t len = strlen(name);
    bool fan = k->fan_out && depth == 0;

    if (fan)
        k->skip = 0;
    if (n + len + 2 > sizeof(k->path) || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return true; /* gone meanwhile */
    memcpy(k->path + n, name, len + 1);
    n += len;
    if (S_ISDIR(st.st_mode) && depth < DIR_MAX_DEPTH && !(fan && len > 2)) {
        memcpy(k->path + n, "/", 2);
        if (fan ? !enter_fan(k, n) : !may_match(k, n + 1, true))
            return true;
        return look_into(k, at, name, n + 1, depth, err);
    }
    if (!S_ISREG(st.st_mode) || !is_object(k, n)) {
        if (fan && strcmp(name, "lost+found") == 0) /* the file system's own */
            return true;
        return tell_foreign(k, n, &st, err);
    }
    return !may_match(k, n, false) || tell(k, (struct str){k->path + k->skip, n - k->skip}, &st, err);
}

/* Everything below the folder of FD, which is closed. */
static bool walk_folder(struct walk *k, int fd, size_t n, unsigned depth, struct error *err)
{
    DIR *dir = fdopendir(fd);
    bool ok = true;

    if (!dir) {
        dir_error(errno, "list objects", err);
        close(fd);
        return false;
    }
    while (ok && !k->ended) {
        const struct dirent *e;

        errno = 0;
        e = readdir(dir);
        if (!e) {
            ok = errno == 0 || dir_error(errno, "list objects", err);
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (k->fan_out && e->d_name[0] == '.') /* ours; no image's key has a dot there */
            continue;
        ok = !store_stopped(k->caller, err) && look_at(k, fd, e->d_name, n, depth, err);
    }
    closedir(dir);
    return ok;
}

bool dir_list(struct store *s, const struct store_caller *caller, struct str container, struct str prefix,
              store_each_fn each, void *ctx, struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    struct error unread = {.kind = ERROR_NONE};
    struct walk k = {.caller = caller, .prefix = prefix, .each = each, .ctx = ctx, .unread = &unread};
    int fd = dir_base(d, caller, container, err);

    if (fd < 0)
        return false;
    k.fan_out = s->role == STORE_IMAGES;
    if (!walk_folder(&k, fd, 0, 0, err))
        return false;
    if (unread.kind == ERROR_NONE || k.ended)
        return true;
    *err = unread;
    return false;
}

/* Is the file NAME of folder AT left over? Its writer holds a lock as long as he lives. */
static bool left_over(int at, const char *name, int64_t before_us)
{
    struct stat st;
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool left = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                (int64_t)st.st_mtim.tv_sec * 1000000 < before_us && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (fd >= 0)
        close(fd);
    return left;
}

bool dir_sweep(struct store *s, uint64_t min_age, uint64_t *removed, struct error *err)
{
    const struct dir_store *d = (const struct dir_store *)s;
    int64_t before_us = clock_now_us() - (int64_t)min_age * 1000000;
    int fd = dir_open_private(d, DIR_TEMPORARY, err);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;

    if (fd < 0)
        return false;
    if (!dir) {
        close(fd);
        return error_set_errno(err, errno, "fdopendir");
    }
    while ((e = readdir(dir)))
        if (e->d_name[0] != '.' && left_over(fd, e->d_name, before_us) && unlinkat(fd, e->d_name, 0) == 0)
            ++*removed;
    closedir(dir);
    return true;
}
