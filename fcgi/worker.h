/* worker.h - one thread of the pool, with an FCGX_Request of its own. */
#ifndef TALLY_FCGI_WORKER_H
#define TALLY_FCGI_WORKER_H

#include "base/arena.h"
#include "fcgi/record.h"
#include "fcgi/server.h"
#include "handlers/response.h"

#include <fcgiapp.h>
#include <time.h>

struct worker {
    struct server *server;
    pthread_t thread;
    FCGX_Request fcgx;
    int feed[2]; /* a pipe through which libfcgi gets a request's beginning, checked and whole */
    struct arena *arena;
    struct response response;
    size_t start; /* of what is held in IN */
    size_t end;
    uint8_t in[RECORD_MAX_HEAD];
    uint8_t scratch[RECORD_MAX_HEAD];
};

bool worker_start(struct worker *w, struct server *server, struct error *err);

/* Waits until UNTIL (CLOCK_REALTIME) for the thread to end, and frees what it had. */
bool worker_join(struct worker *w, const struct timespec *until);

#endif
