#include "config.h"
#include "fcgi/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fcgi/exchange.h"
#include "handlers/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ARENA_KEEP = 32 * 1024,
    IDLE_US = 75 * 1000000,  /* a kept connection; nginx closes it after 60 s */
    LINGER_US = 5 * 1000000, /* for what is left of a body that nobody reads */
    LINGER_READS = 16,       /* at a time, so that one sender holds no thread */
    LINGER_MAX = 64 << 20,
};

/* --- libfcgi ------------------------------------------------------------------------------------- */

static bool open_feed(struct worker *w)
{
    return pipe2(w->feed, O_CLOEXEC | O_NONBLOCK) == 0;
}

/* Lets libfcgi read the N checked bytes of a request's beginning. Afterwards its FCGX_Request has the
 * parameters and writes to FD. It cannot block: all that it asks for stands in the pipe. */
static bool accept_request(struct worker *w, int fd, const uint8_t *head, size_t n)
{
    if (write(w->feed[1], head, n) == (ssize_t)n) {
        w->fcgx.ipcFd = w->feed[0];
        w->fcgx.keepConnection = 1; /* or libfcgi closes ipcFd before it begins */
        if (FCGX_Accept_r(&w->fcgx) == 0) {
            w->fcgx.ipcFd = fd;
            return true;
        }
        w->feed[0] = -1; /* libfcgi has closed it */
    }
    log_error("libfcgi does not take a request that was checked");
    if (w->feed[0] >= 0)
        close(w->feed[0]);
    close(w->feed[1]);
    if (!open_feed(w)) {
        log_error("pipe: %s", strerror(errno));
        abort();
    }
    return false;
}

/* Ends the reply and frees what libfcgi has of the request; the connection stays open. A reply that is not
 * WHOLE gets no END_REQUEST, so that the web server sees it. False: the connection is of no more use. */
static bool finish_request(struct worker *w, bool whole)
{
    bool sent = whole && FCGX_FClose(w->fcgx.err) == 0 && FCGX_FClose(w->fcgx.out) == 0;

    FCGX_Free(&w->fcgx, 0);
    w->fcgx.ipcFd = -1;
    return sent;
}

/* --- one request --------------------------------------------------------------------------------- */

/* False: the connection is of no more use. Otherwise the rest of the request's body comes next. */
static bool answer_request(struct worker *w, struct peer *c, const struct record_head *head)
{
    struct server *s = w->server;
    struct exchange x = {
        .request = {.arena = w->arena, .db = s->app->db, .response = &w->response},
        .peer = c,
        .stop = &s->stop,
        .fcgx = &w->fcgx,
        .body = {.fd = c->fd, .request_id = head->request_id, .buf = w->in, .size = sizeof(w->in)},
        .began_us = clock_mono_us(),
    };
    bool keep, whole;

    if (!accept_request(w, c->fd, w->in + w->start, head->bytes))
        return false;
    keep = w->fcgx.keepConnection;
    x.body.start = w->start + head->bytes;
    x.body.end = w->end;
    x.context = app_acquire(s->app);
    whole = exchange_run(&x);
    whole = finish_request(w, whole);
    arena_reset(w->arena);
    app_release(s->app, x.context);
    w->start = x.body.start;
    w->end = x.body.end;
    c->kept = keep && !atomic_load(&s->draining);
    c->rest = body_rest(&x.body);
    c->lingered = 0;
    return whole && !x.body.broken;
}

/* --- one connection ------------------------------------------------------------------------------ */

/* What is held of a beginning goes with the connection; the buffer is the worker's. */
static void put_aside(struct worker *w, struct peer *c)
{
    size_t n = w->end - w->start;
    int64_t now = clock_mono_us(), deadline = c->waited_us;

    if (n == 0) {
        if (c->kept)
            deadline = now + IDLE_US;
    } else {
        if (c->n_partial == 0)
            deadline = now + w->server->timeout_us;
        c->kept = false;
        c->partial = mem_realloc(c->partial, n);
        memcpy(c->partial, w->in + w->start, n);
    }
    c->n_partial = n;
    peer_give(&w->server->peers, c, PEER_WAIT, deadline);
}

static void take_up(struct worker *w, struct peer *c)
{
    w->start = 0;
    w->end = c->n_partial;
    if (c->n_partial > 0)
        memcpy(w->in, c->partial, c->n_partial);
}

static void refuse(struct worker *w, struct peer *c, const char *why)
{
    metrics_add(METRIC_CONNECTIONS_REFUSED, 1);
    log_warning("a FastCGI connection is closed: %s", why);
    peer_close(&w->server->peers, c);
}

/* True when there is more to look at; otherwise the connection is no longer ours. */
static bool receive_more(struct worker *w, struct peer *c)
{
    ssize_t n;

    if (w->start > 0) {
        memmove(w->in, w->in + w->start, w->end - w->start);
        w->end -= w->start;
        w->start = 0;
    }
    do
        n = recv(c->fd, w->in + w->end, sizeof(w->in) - w->end, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        w->end += (size_t)n;
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        put_aside(w, c);
    else
        peer_close(&w->server->peers, c);
    return false;
}

static void free_partial(struct peer *c)
{
    free(c->partial);
    c->partial = NULL;
    c->n_partial = 0;
}

/* True: the wait is over, with something new in the buffer or nothing more to come (then it is empty). */
static bool receive_rest(struct worker *w, struct peer *c)
{
    ssize_t n = recv(c->fd, w->in, sizeof(w->in), MSG_DONTWAIT);

    w->start = 0;
    w->end = n > 0 ? (size_t)n : 0;
    return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* Throws away what has come of a body that nobody read. To close at once might take the reply away from the
 * web server too; and one that has sent the whole body keeps the connection, so that its next request may be
 * behind it already. True when that is what comes next; otherwise the connection is no longer ours. */
static bool pass_over(struct worker *w, struct peer *c, int64_t deadline)
{
    for (int reads = 0;; reads++) {
        size_t used;
        enum record_scan got = record_skip(&c->rest, w->in + w->start, w->end - w->start, &used);

        w->start += used;
        c->lingered += used;
        if (got == RECORD_READY && c->kept)
            return true;
        if (got != RECORD_MORE || c->lingered > LINGER_MAX)
            break;
        if (reads == LINGER_READS || !receive_rest(w, c)) {
            if (!c->kept)
                shutdown(c->fd, SHUT_WR); /* that is how the web server knows the reply's end */
            peer_give(&w->server->peers, c, PEER_LINGER, deadline);
            return false;
        }
        if (w->end == 0)
            break;
    }
    peer_close(&w->server->peers, c);
    return false;
}

/* Answers what is whole on the connection, then lets go of it. */
static void serve(struct worker *w, struct peer *c)
{
    struct record_head head;
    const char *why = NULL;

    for (;;) {
        enum record_scan got = RECORD_MORE;

        if (w->end > w->start)
            got = record_scan_head(w->in + w->start, w->end - w->start, w->scratch, &head, &why);
        if (got == RECORD_BAD) {
            refuse(w, c, why);
            return;
        }
        if (got == RECORD_MORE) {
            if (!receive_more(w, c))
                return;
            continue;
        }
        free_partial(c);
        if (!answer_request(w, c, &head)) {
            peer_close(&w->server->peers, c);
            return;
        }
        if (!pass_over(w, c, clock_mono_us() + LINGER_US))
            return;
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct epoll_event event;

    for (;;) {
        bool lingering;
        struct peer *c;

        if (epoll_wait(w->server->peers.epoll, &event, 1, -1) != 1)
            continue;
        if (event.data.u64 == (uint64_t)(int64_t)EVENT_STOP)
            return NULL;
        if (event.data.u64 == (uint64_t)(int64_t)EVENT_LISTEN) {
            server_accept(w->server);
            continue;
        }
        c = peer_take(&w->server->peers, event.data.u64, &lingering);
        if (!c)
            continue;
        take_up(w, c);
        if (!lingering || pass_over(w, c, c->waited_us))
            serve(w, c);
    }
}

static void free_worker(struct worker *w)
{
    close(w->feed[0]);
    close(w->feed[1]);
    response_free(&w->response);
    arena_free(w->arena);
}

bool worker_start(struct worker *w, struct server *server, struct error *err)
{
    int rc;

    w->server = server;
    if (!open_feed(w))
        return error_set_errno(err, errno, "pipe");
    FCGX_InitRequest(&w->fcgx, -1, FCGI_FAIL_ACCEPT_ON_INTR); /* it has nothing to accept from */
    w->arena = arena_new(ARENA_KEEP);
    response_init(&w->response);
    rc = pthread_create(&w->thread, NULL, worker_main, w);
    if (rc == 0)
        return true;
    free_worker(w);
    return error_set_errno(err, rc, "thread");
}

bool worker_join(struct worker *w, const struct timespec *until)
{
    if (pthread_timedjoin_np(w->thread, NULL, until) != 0)
        return false;
    free_worker(w);
    return true;
}
