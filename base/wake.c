#include "config.h"
#include "base/wake.h"
#include "base/conf_options.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct wake {
    int fd;
    struct sockaddr_un address;
};

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* FOLDER/NAME as an address; false where it is too long for one. */
static bool make_address(struct sockaddr_un *a, const char *folder, size_t n_folder, const char *name)
{
    memset(a, 0, sizeof(*a));
    a->sun_family = AF_UNIX;
    int n = snprintf(a->sun_path, sizeof(a->sun_path), "%.*s%s", (int)n_folder, folder, name);

    return n > 0 && (size_t)n < sizeof(a->sun_path);
}

/* Is NAME what BASE becomes with a pid behind it? */
static bool is_worker(const char *name, const char *base)
{
    size_t n = strlen(base);
    uint64_t pid;

    return strncmp(name, base, n) == 0 && name[n] == '.' && str_to_u64(str_of(name + n + 1), INT32_MAX, &pid);
}

/* One empty datagram through FD to every worker's socket of PREFIX; what nobody holds is removed with REMOVE.
 */
static void send_all(int fd, const char *prefix, bool remove)
{
    const char *slash = strrchr(prefix, '/'), *base = slash ? slash + 1 : prefix;
    size_t n_folder = (size_t)(base - prefix);
    struct sockaddr_un a;
    struct dirent *entry;
    DIR *dir;

    /* sun_path is the longest that can be looked at, so its room is enough for the folder too. */
    if (!make_address(&a, prefix, n_folder, ".") || !(dir = opendir(a.sun_path)))
        return;
    while ((entry = readdir(dir)))
        if (is_worker(entry->d_name, base) && make_address(&a, prefix, n_folder, entry->d_name) &&
            sendto(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) < 0 &&
            errno == ECONNREFUSED && remove)
            unlink(a.sun_path);
    closedir(dir);
}

void wake_send(const struct conf *conf)
{
    int fd;

    if (!conf->worker.wake_socket[0] || (fd = new_socket()) < 0)
        return;
    send_all(fd, conf->worker.wake_socket, false);
    close(fd);
}

/* Binds W; the mode lets the group in, under which tally.fcgi may run. */
static bool bind_socket(struct wake *w, const char *prefix, struct error *err)
{
    char suffix[24];

    snprintf(suffix, sizeof(suffix), ".%ld", (long)getpid());
    if (!make_address(&w->address, prefix, strlen(prefix), suffix))
        return error_set_errno(err, ENAMETOOLONG, prefix);
    w->fd = new_socket();
    if (w->fd < 0)
        return error_set_errno(err, errno, "socket");
    unlink(w->address.sun_path);
    if (bind(w->fd, (struct sockaddr *)&w->address, sizeof(w->address)) == 0 &&
        chmod(w->address.sun_path, 0660) == 0)
        return true;
    error_set_errno(err, errno, w->address.sun_path);
    close(w->fd);
    w->fd = -1;
    return false;
}

struct wake *wake_listen(const struct conf *conf, struct error *err)
{
    struct wake *w = mem_calloc(1, sizeof(*w));
    int fd;

    w->fd = -1;
    if (!conf->worker.wake_socket[0])
        return w;
    if (!bind_socket(w, conf->worker.wake_socket, err)) {
        free(w);
        return NULL;
    }
    fd = new_socket();
    if (fd >= 0) {
        send_all(fd, conf->worker.wake_socket, true);
        close(fd);
    }
    wake_drain(w);
    return w;
}

int wake_fd(const struct wake *w)
{
    return w ? w->fd : -1;
}

bool wake_drain(struct wake *w)
{
    bool any = false;
    char c;

    if (!w || w->fd < 0)
        return false;
    while (recv(w->fd, &c, 1, MSG_DONTWAIT) >= 0)
        any = true;
    return any;
}

void wake_free(struct wake *w)
{
    if (!w)
        return;
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->address.sun_path);
    }
    free(w);
}
