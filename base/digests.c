#include "config.h"
#include "base/digests.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* What is shorter costs less than to make threads. */
enum { ALONE_BYTES = 1 << 20, N_DIGESTS = 2 };

struct lane {
    struct digests *all;
    struct digest *digest;
    pthread_t thread;
    bool running;  /* it has a thread */
    uint64_t done; /* the piece that it has done with */
};

struct digests {
    struct lane lane[N_DIGESTS];
    pthread_mutex_t lock;
    pthread_cond_t given;
    pthread_cond_t taken;
    const void *p; /* of the piece at hand */
    size_t n;
    uint64_t piece; /* its number, from 1 */
    bool stop;
    bool threaded;
    uint64_t bytes;
};

struct digests *digests_new(void)
{
    static const enum digest_kind kinds[N_DIGESTS] = {DIGEST_MD5, DIGEST_SHA512};
    struct digests *d = mem_calloc(1, sizeof(*d));

    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->given, NULL);
    pthread_cond_init(&d->taken, NULL);
    for (size_t i = 0; i < N_DIGESTS; i++)
        d->lane[i] = (struct lane){.all = d, .digest = digest_new(kinds[i])};
    return d;
}

void digests_free(struct digests *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_broadcast(&d->given);
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < N_DIGESTS; i++) {
        if (d->lane[i].running)
            pthread_join(d->lane[i].thread, NULL);
        digest_free(d->lane[i].digest);
    }
    pthread_cond_destroy(&d->given);
    pthread_cond_destroy(&d->taken);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;
    struct digests *d = lane->all;

    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (!d->stop && lane->done == d->piece)
            pthread_cond_wait(&d->given, &d->lock);
        if (d->stop)
            break;
        const void *p = d->p;
        size_t n = d->n;
        uint64_t piece = d->piece;

        pthread_mutex_unlock(&d->lock);
        digest_add(lane->digest, p, n);
        pthread_mutex_lock(&d->lock);
        lane->done = piece;
        pthread_cond_signal(&d->taken);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* A lane that gets no thread is the caller's to do. */
static void start_threads(struct digests *d)
{
    d->threaded = true;
    for (size_t i = 0; i < N_DIGESTS; i++)
        d->lane[i].running = pthread_create(&d->lane[i].thread, NULL, lane_main, &d->lane[i]) == 0;
}

void digests_wait(struct digests *d)
{
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < N_DIGESTS; i++)
        while (d->lane[i].running && d->lane[i].done != d->piece)
            pthread_cond_wait(&d->taken, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

void digests_add(struct digests *d, const void *p, size_t n)
{
    if (n == 0)
        return;
    d->bytes += n;
    if (!d->threaded && d->bytes > ALONE_BYTES)
        start_threads(d);
    digests_wait(d);
    pthread_mutex_lock(&d->lock);
    d->p = p;
    d->n = n;
    if (d->threaded)
        d->piece++;
    pthread_cond_broadcast(&d->given);
    pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < N_DIGESTS; i++)
        if (!d->lane[i].running)
            digest_add(d->lane[i].digest, p, n);
}

void digests_end(struct digests *d, char md5[DIGEST_HEX_SIZE], char sha512[DIGEST_HEX_SIZE])
{
    digests_wait(d);
    digest_end(d->lane[0].digest, md5);
    digest_end(d->lane[1].digest, sha512);
}
