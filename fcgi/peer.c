#include "config.h"
#include "fcgi/peer.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool peer_table_init(struct peer_table *t, uint32_t size)
{
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (t->epoll < 0)
        return false;
    t->size = size;
    t->peers = mem_calloc(size, sizeof(*t->peers));
    t->free_list = mem_calloc(size, sizeof(*t->free_list));
    t->n_free = 0;
    pthread_mutex_init(&t->lock, NULL);
    for (uint32_t i = size; i-- > 0;) {
        pthread_mutex_init(&t->peers[i].lock, NULL);
        t->peers[i].fd = -1;
        t->free_list[t->n_free++] = i;
    }
    return true;
}

/* Takes the slot's descriptor and memory away; the lock is held. */
static void clear_slot(struct peer_table *t, struct peer *c)
{
    close(c->fd);
    c->fd = -1;
    c->generation++;
    c->state = PEER_FREE;
    free(c->partial);
    c->partial = NULL;
    c->n_partial = 0;
    pthread_mutex_lock(&t->lock);
    t->free_list[t->n_free++] = (uint32_t)(c - t->peers);
    pthread_mutex_unlock(&t->lock);
}

void peer_table_free(struct peer_table *t)
{
    for (uint32_t i = 0; i < t->size; i++) {
        if (t->peers[i].fd >= 0)
            clear_slot(t, &t->peers[i]);
        pthread_mutex_destroy(&t->peers[i].lock);
    }
    pthread_mutex_destroy(&t->lock);
    free(t->peers);
    free(t->free_list);
    close(t->epoll);
}

uint32_t peer_table_open(struct peer_table *t)
{
    pthread_mutex_lock(&t->lock);
    uint32_t open = t->size - t->n_free;
    pthread_mutex_unlock(&t->lock);
    return open;
}

/* Arms the slot for one event; its lock is held. */
static bool arm(struct peer_table *t, struct peer *c, int op)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
        .data.u64 = (uint64_t)c->generation << 32 | (uint64_t)(c - t->peers),
    };

    return epoll_ctl(t->epoll, op, c->fd, &event) == 0;
}

bool peer_add(struct peer_table *t, int fd, int64_t now_us, int64_t deadline_us)
{
    struct peer *c = NULL;

    pthread_mutex_lock(&t->lock);
    if (t->n_free > 0)
        c = &t->peers[t->free_list[--t->n_free]];
    pthread_mutex_unlock(&t->lock);
    if (!c)
        return false;
    pthread_mutex_lock(&c->lock);
    c->fd = fd;
    c->state = PEER_WAIT;
    c->accepted_us = now_us;
    c->deadline_us = deadline_us;
    c->kept = false;
    c->cut_twice = false;
    atomic_store(&c->cut, false);
    if (!arm(t, c, EPOLL_CTL_ADD))
        clear_slot(t, c); /* the kernel is out of memory: this connection is lost, the next may do */
    pthread_mutex_unlock(&c->lock);
    return true;
}

struct peer *peer_take(struct peer_table *t, uint64_t data, bool *lingering)
{
    uint32_t index = (uint32_t)data, generation = (uint32_t)(data >> 32);
    struct peer *c;
    bool mine;

    if (index >= t->size)
        return NULL;
    c = &t->peers[index];
    pthread_mutex_lock(&c->lock);
    mine = c->generation == generation && (c->state == PEER_WAIT || c->state == PEER_LINGER);
    if (mine) {
        *lingering = c->state == PEER_LINGER;
        c->state = PEER_BUSY;
        c->waited_us = c->deadline_us;
        c->deadline_us = INT64_MAX;
    }
    pthread_mutex_unlock(&c->lock);
    return mine ? c : NULL;
}

void peer_give(struct peer_table *t, struct peer *c, enum peer_state state, int64_t deadline_us)
{
    pthread_mutex_lock(&c->lock);
    c->state = state;
    c->deadline_us = deadline_us;
    c->cut_twice = false;
    if (atomic_load(&c->cut) || !arm(t, c, EPOLL_CTL_MOD))
        clear_slot(t, c);
    pthread_mutex_unlock(&c->lock);
}

void peer_close(struct peer_table *t, struct peer *c)
{
    pthread_mutex_lock(&c->lock);
    clear_slot(t, c);
    pthread_mutex_unlock(&c->lock);
}

void peer_deadline(struct peer *c, int64_t deadline_us)
{
    pthread_mutex_lock(&c->lock);
    c->deadline_us = deadline_us;
    pthread_mutex_unlock(&c->lock);
}

static bool may_close(const struct peer *c)
{
    return c->state == PEER_LINGER || (c->state == PEER_WAIT && c->kept);
}

bool peer_evict(struct peer_table *t)
{
    struct peer *oldest = NULL;
    int64_t deadline = INT64_MAX;
    bool closed = false;

    for (uint32_t i = 0; i < t->size; i++) {
        struct peer *c = &t->peers[i];

        pthread_mutex_lock(&c->lock);
        if (may_close(c) && c->deadline_us < deadline) {
            oldest = c;
            deadline = c->deadline_us;
        }
        pthread_mutex_unlock(&c->lock);
    }
    if (!oldest)
        return false;
    pthread_mutex_lock(&oldest->lock);
    if (may_close(oldest) && oldest->deadline_us == deadline) {
        clear_slot(t, oldest);
        closed = true;
    }
    pthread_mutex_unlock(&oldest->lock);
    return closed;
}

/* A busy connection past its deadline; its lock is held. */
static bool cut_busy(struct peer *c, int64_t now_us, int64_t grace_us)
{
    if (!atomic_load(&c->cut)) {
        atomic_store(&c->cut, true);
        shutdown(c->fd, SHUT_RD);
        c->deadline_us = now_us + grace_us;
        return true;
    }
    if (!c->cut_twice)
        shutdown(c->fd, SHUT_RDWR);
    c->cut_twice = true;
    return false;
}

unsigned peer_watch(struct peer_table *t, int64_t now_us, int64_t grace_us)
{
    unsigned cut = 0;

    for (uint32_t i = 0; i < t->size; i++) {
        struct peer *c = &t->peers[i];

        pthread_mutex_lock(&c->lock);
        if (c->state != PEER_FREE && now_us >= c->deadline_us) {
            if (c->state == PEER_BUSY)
                cut += cut_busy(c, now_us, grace_us);
            else
                clear_slot(t, c);
        }
        pthread_mutex_unlock(&c->lock);
    }
    return cut;
}

static bool is_idle(const struct peer *c, int64_t since_us)
{
    char byte;

    return c->state == PEER_WAIT && c->n_partial == 0 && (c->kept || c->accepted_us <= since_us) &&
           recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

uint32_t peer_close_idle(struct peer_table *t, int64_t since_us)
{
    for (uint32_t i = 0; i < t->size; i++) {
        struct peer *c = &t->peers[i];

        pthread_mutex_lock(&c->lock);
        if (is_idle(c, since_us))
            clear_slot(t, c);
        pthread_mutex_unlock(&c->lock);
    }
    return peer_table_open(t);
}

void peer_shutdown_all(struct peer_table *t)
{
    for (uint32_t i = 0; i < t->size; i++) {
        struct peer *c = &t->peers[i];

        pthread_mutex_lock(&c->lock);
        if (c->state != PEER_FREE) {
            atomic_store(&c->cut, true);
            shutdown(c->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&c->lock);
    }
}
