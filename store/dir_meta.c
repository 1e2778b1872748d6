#include "config.h"
#include "store/dir.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A text in the file's user attribute "tally": a line "SIZE MTIME INODE MD5", then a line "NAME VALUE" for
 * each piece of metadata. Where the file system has no user attributes it is in DIR/.meta/INODE: a file's own
 * number, not its name, so that an object is replaced with its metadata in one rename. The md5 holds as long
 * as size and time of change are those of the first line, and so does all that is in a sidecar: the inode may
 * be another file's by now. */

#define ATTRIBUTE "user.tally"

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void stamp(const struct stat *st, char out[96])
{
    snprintf(out, 96, "%" PRIu64 " %" PRId64 " %" PRIu64, (uint64_t)st->st_size, mtime_ns(st),
             (uint64_t)st->st_ino);
}

static void sidecar_name(const struct stat *st, char out[32])
{
    snprintf(out, 32, "%" PRIu64, (uint64_t)st->st_ino);
}

static bool write_sidecar(const struct dir_store *d, const struct stat *st, struct str text,
                          struct error *err)
{
    char name[32];
    int fd, folder = dir_open_private(d, DIR_SIDECARS, err);
    bool ok;

    if (folder < 0)
        return false;
    sidecar_name(st, name);
    /* a file of this inode has not got a name yet, so nobody reads what is overwritten */
    fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0 && fsync(folder) == 0;
    if (!ok)
        dir_error(errno, "write metadata", err);
    if (fd >= 0)
        close(fd);
    close(folder);
    return ok;
}

bool dir_meta_put(const struct dir_store *d, int fd, const struct store_meta *meta, const char *md5,
                  struct error *err)
{
    struct stat st;
    struct buf text;
    char first[96];
    bool ok = true;

    if (!*md5 && (!meta || !meta->n))
        return true;
    if (fstat(fd, &st) != 0)
        return error_set_errno(err, errno, "fstat");
    stamp(&st, first);
    buf_init(&text, DIR_META_SIZE);
    buf_printf(&text, "%s %s\n", first, *md5 ? md5 : "-");
    for (size_t i = 0; meta && i < meta->n; i++)
        buf_printf(&text, "%.*s %.*s\n", STR_ARG(meta->item[i].name), STR_ARG(meta->item[i].value));
    if (!buf_ok(&text))
        ok = error_set(err, ERROR_INTERNAL, "too much metadata");
    /* no attributes at all, or no room for one of this size: filesystems differ in what they say */
    else if (fsetxattr(fd, ATTRIBUTE, text.p, text.n, 0) != 0)
        ok = write_sidecar(d, &st, buf_str(&text), err);
    buf_free(&text);
    return ok;
}

/* What was recorded, "" where nothing was. *SIDE: it was in a sidecar. */
static struct str read_text(const struct dir_store *d, int fd, const struct stat *st,
                            char room[DIR_META_SIZE], bool *side)
{
    char name[64];
    ssize_t n = fgetxattr(fd, ATTRIBUTE, room, DIR_META_SIZE);
    int root, file;

    *side = n < 0;
    if (n >= 0)
        return (struct str){room, (size_t)n};
    root = dir_root(d, NULL);
    if (root < 0)
        return STR("");
    memcpy(name, DIR_SIDECARS "/", sizeof(DIR_SIDECARS));
    sidecar_name(st, name + sizeof(DIR_SIDECARS));
    file = dir_open_beneath(root, name, O_RDONLY);
    close(root);
    if (file < 0)
        return STR("");
    n = read(file, room, DIR_META_SIZE);
    close(file);
    return n < 0 ? STR("") : (struct str){room, (size_t)n};
}

void dir_meta_get(const struct dir_store *d, int fd, const struct stat *st, struct arena *arena,
                  struct store_info *out)
{
    char room[DIR_META_SIZE], expected[96];
    bool side, fresh;
    struct str text = read_text(d, fd, st, room, &side), line, name, value;

    *out = (struct store_info){.size = (uint64_t)st->st_size, .modified_us = mtime_ns(st) / 1000};
    stamp(st, expected);
    str_cut(text, '\n', &line, &text);
    fresh = str_starts(line, str_of(expected)) && line.n > strlen(expected) + 1 &&
            line.p[strlen(expected)] == ' ';
    value = fresh ? (struct str){line.p + strlen(expected) + 1, line.n - strlen(expected) - 1} : STR("-");
    if (str_eq(value, STR("-"))) /* an administrator put it here, or changed it */
        value = str_of(arena_printf(arena, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, (uint64_t)st->st_size,
                                    (uint64_t)mtime_ns(st), (uint64_t)st->st_ino));
    out->etag = arena_str(arena, value);
    if (side && !fresh)
        return;
    while (text.n && out->meta.n < STORE_META_MAX) {
        str_cut(text, '\n', &line, &text);
        str_cut(line, ' ', &name, &value);
        out->meta.item[out->meta.n].name = arena_str(arena, name);
        out->meta.item[out->meta.n++].value = arena_str(arena, value);
    }
}

void dir_meta_forget(const struct dir_store *d, const struct stat *st)
{
    char name[64];
    int root = dir_root(d, NULL), folder;

    if (root < 0)
        return;
    folder = dir_open_beneath(root, DIR_SIDECARS, O_RDONLY | O_DIRECTORY);
    if (folder >= 0) {
        sidecar_name(st, name);
        unlinkat(folder, name, 0);
        close(folder);
    }
    close(root);
}
