#include "config.h"
#include "fcgi/server.h"
#include "fcgi/worker.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "base/mem.h"
#include "handlers/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 4096,
    MIN_CONNECTIONS = 8,
    RESERVED_FDS = 32,       /* log, spool files, what libraries open */
    RESERVED_PER_WORKER = 6, /* feed, database, Keystone, a spool file */
    GRACE_US = 5000000,      /* between the two shutdowns of a request past its deadline */
    FAILED_START_SECONDS = 60,
    FIRST_BYTE_US = 1000000, /* for a request on a connection that was accepted just before the end */
};

/* --- accepting ---------------------------------------------------------------------------------- */

/* Edge-triggered and exclusive: one thread wakes up, and takes all that is there. */
static bool listen_on(struct server *s)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE,
                                .data.u64 = (uint64_t)(int64_t)EVENT_LISTEN};

    s->listening = epoll_ctl(s->peers.epoll, EPOLL_CTL_ADD, s->listen_fd, &event) == 0;
    return s->listening;
}

static void listen_off(struct server *s)
{
    if (s->listening)
        epoll_ctl(s->peers.epoll, EPOLL_CTL_DEL, s->listen_fd, NULL);
    s->listening = false;
}

/* Out of descriptors, memory or slots: the queue keeps the others until the next tick. */
static void pause_accepting(struct server *s, const char *why)
{
    metrics_add(METRIC_ACCEPT_ERRORS, 1);
    log_warning("accepting pauses: %s", why);
    listen_off(s);
    s->accept_again = true;
}

static void set_timeouts(const struct server *s, int fd)
{
    struct timeval t = {.tv_sec = s->timeout_us / 1000000};
    int one = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on a unix socket: no matter */
}

/* Errors that concern one connection, not us. */
static bool is_passing(int errnum)
{
    return errnum == EINTR || errnum == ECONNABORTED || errnum == EPROTO || errnum == EPERM ||
           errnum == ENETDOWN || errnum == EHOSTUNREACH || errnum == ENETUNREACH || errnum == ENONET;
}

/* One connection into the table. False: no more for now. */
static bool accept_one(struct server *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int64_t now;

    if (fd < 0) {
        int errnum = errno;

        if (is_passing(errnum))
            return true;
        if (errnum == EAGAIN || errnum == EWOULDBLOCK)
            return false;
        if ((errnum == EMFILE || errnum == ENFILE) && peer_evict(&s->peers))
            return true;
        pause_accepting(s, strerror(errnum));
        return false;
    }
    set_timeouts(s, fd);
    now = clock_mono_us();
    while (!peer_add(&s->peers, fd, now, now + s->timeout_us))
        if (!peer_evict(&s->peers)) {
            close(fd);
            pause_accepting(s, "all connection slots are taken");
            return false;
        }
    metrics_add(METRIC_CONNECTIONS_ACCEPTED, 1);
    return true;
}

void server_accept(struct server *s)
{
    pthread_mutex_lock(&s->accept_lock);
    if (s->listening)
        while (accept_one(s))
            ;
    pthread_mutex_unlock(&s->accept_lock);
}

/* --- life --------------------------------------------------------------------------------------- */

static uint32_t slots_for(unsigned threads)
{
    struct rlimit limit = {.rlim_cur = 1024};
    rlim_t reserved = RESERVED_FDS + (rlim_t)threads * RESERVED_PER_WORKER;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= reserved + MIN_CONNECTIONS)
        return MIN_CONNECTIONS;
    return limit.rlim_cur - reserved > MAX_CONNECTIONS ? MAX_CONNECTIONS
                                                       : (uint32_t)(limit.rlim_cur - reserved);
}

static bool set_up(struct server *s, unsigned threads, struct error *err)
{
    struct epoll_event stop = {.events = EPOLLIN, .data.u64 = (uint64_t)(int64_t)EVENT_STOP};

    if (fcntl(s->listen_fd, F_SETFL, fcntl(s->listen_fd, F_GETFL) | O_NONBLOCK) < 0)
        return error_set_errno(err, errno, "listening socket");
    if (!peer_table_init(&s->peers, slots_for(threads)))
        return error_set_errno(err, errno, "epoll_create1");
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->stop_fd < 0 || epoll_ctl(s->peers.epoll, EPOLL_CTL_ADD, s->stop_fd, &stop) < 0 || !listen_on(s))
        return error_set_errno(err, errno, "epoll set");
    return true;
}

bool server_start(struct server *s, struct app *app, int listen_fd, struct error *err)
{
    struct context context = app_acquire(app);
    unsigned threads = (unsigned)context.conf->api.threads;

    memset(s, 0, sizeof(*s));
    s->app = app;
    s->listen_fd = listen_fd;
    s->timeout_us = (int64_t)context.conf->api.connection_timeout * 1000000;
    pthread_mutex_init(&s->accept_lock, NULL);
    app_release(app, context);
    if (!set_up(s, threads, err))
        return false;
    s->workers = mem_calloc(threads, sizeof(*s->workers));
    while (s->n_workers < threads) {
        if (!worker_start(&s->workers[s->n_workers], s, err)) {
            server_stop(s, FAILED_START_SECONDS); /* those that run use what is on our caller's stack */
            return false;
        }
        s->n_workers++;
    }
    return true;
}

void server_tick(struct server *s)
{
    unsigned cut = peer_watch(&s->peers, clock_mono_us(), GRACE_US);

    if (cut > 0) {
        metrics_add(METRIC_REQUESTS_CUT, cut);
        log_warning("%u requests were past their deadline and are cut off", cut);
    }
    pthread_mutex_lock(&s->accept_lock);
    if (s->accept_again && !atomic_load(&s->draining)) {
        s->accept_again = false;
        if (!listen_on(s)) /* an edge comes at once where somebody waits */
            s->accept_again = true;
    }
    pthread_mutex_unlock(&s->accept_lock);
    metrics_set_connections(peer_table_open(&s->peers));
}

void server_drain(struct server *s)
{
    server_accept(s);
    pthread_mutex_lock(&s->accept_lock);
    atomic_store(&s->draining, true);
    listen_off(s);
    s->accept_again = false;
    close(s->listen_fd);
    s->listen_fd = -1;
    pthread_mutex_unlock(&s->accept_lock);
}

unsigned server_busy(struct server *s)
{
    return peer_close_idle(&s->peers, clock_mono_us() - FIRST_BYTE_US);
}

bool server_stop(struct server *s, unsigned seconds)
{
    struct timespec until;
    uint64_t one = 1;

    atomic_store(&s->stop, true);
    peer_shutdown_all(&s->peers);
    if (write(s->stop_fd, &one, sizeof(one)) < 0)
        log_error("eventfd: %s", strerror(errno));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    for (unsigned i = 0; i < s->n_workers; i++)
        if (!worker_join(&s->workers[i], &until))
            return false;
    free(s->workers);
    peer_table_free(&s->peers);
    close(s->stop_fd);
    pthread_mutex_destroy(&s->accept_lock);
    return true;
}
