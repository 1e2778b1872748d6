#include "config.h"
#include "worker/workspace.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PREFIX "tally-worker-"

/* The folder PATH itself carries the lock; -1 where somebody holds it, or it is none. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The files of the folder FD, which has no folders in it, then the folder. */
static void remove_folder(int fd, const char *path)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(fd, entry->d_name, 0);
    closedir(dir);
    if (rmdir(path) != 0)
        log_warning("work_dir: %s stays: %m", path);
}

static char *join(const char *parent, const char *name)
{
    size_t n = strlen(parent) + strlen(name) + 2;
    char *path = mem_alloc(n);

    snprintf(path, n, "%s/%s", parent, name);
    return path;
}

static void remove_stale(const char *parent)
{
    DIR *dir = opendir(parent);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) != 0)
            continue;
        char *path = join(parent, entry->d_name);
        int fd = lock_folder(path);

        if (fd >= 0) {
            remove_folder(fd, path);
            close(fd);
        }
        free(path);
    }
    if (dir)
        closedir(dir);
}

bool workspace_open(struct workspace *w, const char *parent, struct error *err)
{
    *w = (struct workspace){.path = join(parent, PREFIX "XXXXXX"), .lock = -1};
    remove_stale(parent);
    if (!mkdtemp(w->path)) {
        error_set_errno(err, errno, parent);
        free(w->path);
        w->path = NULL;
        return false;
    }
    /* Another worker that starts just now may have taken the new folder for a stale one. */
    w->lock = lock_folder(w->path);
    if (w->lock >= 0 && access(w->path, W_OK) == 0)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "%s: taken away by another worker", w->path);
    workspace_close(w);
    return false;
}

void workspace_close(struct workspace *w)
{
    if (w->lock >= 0) {
        remove_folder(w->lock, w->path);
        close(w->lock);
    }
    free(w->path);
    *w = (struct workspace){.path = NULL, .lock = -1};
}
