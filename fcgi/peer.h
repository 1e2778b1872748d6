/* peer.h - the table of open connections from the web server.
 *
 * A connection waits in the epoll set (no thread is held) until a request's beginning is whole, then belongs
 * to one worker until the reply is out. A slot's generation tells an event of today's connection from one of
 * a connection that stood in the slot before. Whoever closes or shuts down a descriptor holds the slot's
 * lock, so that a number that the kernel has given to somebody else is never touched.
 */
#ifndef TALLY_FCGI_PEER_H
#define TALLY_FCGI_PEER_H

#include "fcgi/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum peer_state {
    PEER_FREE,
    PEER_WAIT,   /* in the epoll set */
    PEER_BUSY,   /* a worker's */
    PEER_LINGER, /* in the epoll set; the rest of a body is thrown away */
};

struct peer {
    pthread_mutex_t lock;
    int fd;
    uint32_t generation;
    enum peer_state state;
    int64_t deadline_us; /* monotonic; what happens then depends on the state */
    int64_t waited_us;   /* the owner's: the deadline while it waited */
    int64_t accepted_us;
    bool kept;        /* waiting for its next request: may be closed at any time; lingering: will be kept */
    uint8_t *partial; /* the beginning of a request that is not whole yet */
    size_t n_partial;
    struct record_rest rest; /* of a body, to be thrown away */
    size_t lingered;         /* bytes thrown away of it */
    _Atomic bool cut;        /* the watchdog has shut it down, or its reading side */
    bool cut_twice;
};

struct peer_table {
    struct peer *peers;
    uint32_t size;
    int epoll;
    pthread_mutex_t lock; /* of the free list */
    uint32_t *free_list;
    uint32_t n_free;
};

/* A table of SIZE slots over an epoll set of its own. False: no epoll. */
bool peer_table_init(struct peer_table *t, uint32_t size);
void peer_table_free(struct peer_table *t);

uint32_t peer_table_open(struct peer_table *t);

/* Takes over FD, puts it into the epoll set. False where the table is full (FD is then still the caller's).
 */
bool peer_add(struct peer_table *t, int fd, int64_t now_us, int64_t deadline_us);

/* The connection that an event's data names, now PEER_BUSY and the caller's, without a deadline; NULL where
 * it is not to be had. *LINGERING where it was in PEER_LINGER. */
struct peer *peer_take(struct peer_table *t, uint64_t data, bool *lingering);

/* Gives it back to the epoll set in STATE. */
void peer_give(struct peer_table *t, struct peer *c, enum peer_state state, int64_t deadline_us);

/* Closes a connection that the caller has taken. */
void peer_close(struct peer_table *t, struct peer *c);

/* A new deadline for a connection that the caller has taken. */
void peer_deadline(struct peer *c, int64_t deadline_us);

/* Closes the kept connection that has waited longest. False where there is none. */
bool peer_evict(struct peer_table *t);

/* Waiting connections past their deadline are closed; of a busy one first the reading side is shut down, so
 * that a reply can still go out, GRACE_US later all of it. Returns how many were cut in mid-request. */
unsigned peer_watch(struct peer_table *t, int64_t now_us, int64_t grace_us);

/* For the end of the process: closes connections on which nothing has come; one that was accepted after
 * SINCE_US and is not kept still gets time for its request. Returns what is left. */
uint32_t peer_close_idle(struct peer_table *t, int64_t since_us);
/* Shuts everything down at once. */
void peer_shutdown_all(struct peer_table *t);

#endif
