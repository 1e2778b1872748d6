#include "config.h"
#include "fcgi/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511 };

void listen_open_std(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        abort();
    close(fd);
}

int listen_inherited(struct error *err)
{
    int listening = 0, fd, null;
    socklen_t n = sizeof(listening);

    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening) {
        error_set(err, ERROR_BAD_REQUEST,
                  "descriptor 0 is no listening socket: start me by spawn-fcgi, or with --listen");
        return -1;
    }
    fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0) {
        error_set_errno(err, errno, "listening socket");
        return -1;
    }
    close(null);
    return fd;
}

/* Is the socket at ADDRESS left over by a process that is gone? */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd, rc;

    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int errnum = errno;

    close(fd);
    return rc < 0 && errnum == ECONNREFUSED;
}

int listen_at(const char *where, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask;
    int fd, rc;

    if (strncmp(where, "unix:", 5) != 0 || strlen(where + 5) >= sizeof(address.sun_path) || !where[5]) {
        error_set(err, ERROR_BAD_REQUEST, "--listen takes unix:/path, the path under %zu bytes",
                  sizeof(address.sun_path));
        return -1;
    }
    strncpy(address.sun_path, where + 5, sizeof(address.sun_path) - 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(err, errno, "socket");
        return -1;
    }
    if (is_stale(&address))
        unlink(address.sun_path);
    mask = umask(0117);
    rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    if (rc == 0)
        rc = listen(fd, BACKLOG);
    int errnum = errno;

    umask(mask);
    if (rc < 0) {
        close(fd);
        error_set_errno(err, errnum, address.sun_path);
        return -1;
    }
    return fd;
}
