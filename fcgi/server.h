/* server.h - the accept loop and its pool of threads.
 *
 * All workers wait on one epoll set that holds the listening socket and every connection on which no request
 * is being answered. So no thread is held by a peer that is silent between requests or in the middle of the
 * parameters; in the middle of a body SO_RCVTIMEO and the watchdog bound the wait.
 */
#ifndef TALLY_FCGI_SERVER_H
#define TALLY_FCGI_SERVER_H

#include "fcgi/app.h"
#include "fcgi/peer.h"

#include <stdatomic.h>

struct worker;

struct server {
    struct app *app;
    struct peer_table peers;
    int listen_fd;
    int stop_fd;                 /* an eventfd: readable when the workers must end */
    int64_t timeout_us;          /* [api] connection_timeout */
    pthread_mutex_t accept_lock; /* of the next two */
    bool listening;              /* the listening socket is in the epoll set */
    bool accept_again;           /* it was taken out: try again at the next tick */
    _Atomic bool draining;       /* no new connections, none is kept */
    _Atomic bool stop;           /* the process must end at once: handlers see it in request_gone() */
    struct worker *workers;
    unsigned n_workers;
};

/* Starts the workers on LISTEN_FD (a listening socket, taken over). False: no epoll set, or no threads. */
bool server_start(struct server *s, struct app *app, int listen_fd, struct error *err);

/* To be called several times a second: deadlines, accepting again after a pause. */
void server_tick(struct server *s);

/* Takes what stands in the listen queue, then listens no more and keeps no connection. */
void server_drain(struct server *s);

/* Connections that are left; idle ones are closed. */
unsigned server_busy(struct server *s);

/* Ends the workers: shuts down what is left. False where one of them does not end within SECONDS. */
bool server_stop(struct server *s, unsigned seconds);

/* What the workers call. */
void server_accept(struct server *s);
enum { EVENT_LISTEN = -1, EVENT_STOP = -2 };

#endif
