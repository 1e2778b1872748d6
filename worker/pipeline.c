#include "config.h"
#include "worker/pipeline.h"
#include "base/fault.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum stage_kind { STAGE_MD5, STAGE_SHA512, STAGE_SINK, N_STAGES };

struct stage {
    struct ring *ring;
    enum stage_kind kind;
    pthread_t thread;
    uint64_t taken; /* blocks that it has done with; of the ring's lock */
};

struct ring {
    struct pipeline *p;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    char *block[PIPELINE_BLOCKS];
    size_t n[PIPELINE_BLOCKS];
    uint64_t given; /* blocks that were read */
    bool ended;     /* no more will come */
    bool failed;
    struct error error; /* of the stage that failed first */
    struct digest *md5, *sha512;
    struct stage stage[N_STAGES];
};

/* --- one block ------------------------------------------------------------------------------------ */

static bool sink(struct pipeline *p, const void *data, size_t n, struct error *err)
{
    if (p->inspect) {
        inspect_add(p->inspect, data, n);
        if (inspect_refused(p->inspect, err))
            return false;
    }
    return !p->write || p->write(p->write_ctx, data, n, err);
}

static bool work(struct ring *r, enum stage_kind kind, const void *data, size_t n, struct error *err)
{
    switch (kind) {
    case STAGE_MD5: digest_add(r->md5, data, n); return true;
    case STAGE_SHA512: digest_add(r->sha512, data, n); return true;
    default: return sink(r->p, data, n, err);
    }
}

/* Fills a block as far as the source lets us; *N less than its size: the source has ended. */
static bool read_block(struct pipeline *p, char *block, size_t *n, struct error *err)
{
    *n = 0;
    if (p->fault && fault_point(p->fault))
        return error_set(err, ERROR_UNAVAILABLE, "fault point %s", p->fault);
    while (*n < PIPELINE_BLOCK) {
        size_t got;

        if (!p->read(p->read_ctx, block + *n, PIPELINE_BLOCK - *n, &got, err))
            return false;
        if (got == 0)
            break;
        *n += got;
    }
    p->size += *n;
    if (p->size > p->max_bytes)
        return error_set(err, ERROR_TOO_LARGE, "The image is larger than %llu bytes, the most that is taken",
                         (unsigned long long)p->max_bytes);
    atomic_fetch_add(p->done, (int64_t)*n);
    return true;
}

/* --- threads -------------------------------------------------------------------------------------- */

static void fail(struct ring *r, const struct error *err)
{
    pthread_mutex_lock(&r->lock);
    if (!r->failed)
        r->error = *err;
    r->failed = true;
    pthread_cond_broadcast(&r->filled);
    pthread_cond_broadcast(&r->emptied);
    pthread_mutex_unlock(&r->lock);
}

static bool is_wanted(const struct ring *r, enum stage_kind kind)
{
    return kind != STAGE_MD5 || !r->p->no_md5;
}

/* The next block that stage S has not done; false at the end. */
static bool next_block(struct stage *s, unsigned *at)
{
    struct ring *r = s->ring;

    pthread_mutex_lock(&r->lock);
    while (!r->failed && s->taken == r->given && !r->ended)
        pthread_cond_wait(&r->filled, &r->lock);
    bool got = !r->failed && s->taken < r->given;

    *at = (unsigned)(s->taken % PIPELINE_BLOCKS);
    pthread_mutex_unlock(&r->lock);
    return got;
}

static void block_done(struct stage *s)
{
    pthread_mutex_lock(&s->ring->lock);
    s->taken++;
    pthread_cond_signal(&s->ring->emptied);
    pthread_mutex_unlock(&s->ring->lock);
}

static void *stage_main(void *arg)
{
    struct stage *s = arg;
    struct error err;
    unsigned at;

    while (next_block(s, &at)) {
        if (!work(s->ring, s->kind, s->ring->block[at], s->ring->n[at], &err)) {
            fail(s->ring, &err);
            break;
        }
        block_done(s);
    }
    return NULL;
}

/* Waits for a block that every stage has done with. */
static bool free_block(struct ring *r)
{
    pthread_mutex_lock(&r->lock);
    for (;;) {
        uint64_t slowest = r->given;

        for (unsigned i = 0; i < N_STAGES; i++)
            if (is_wanted(r, i) && r->stage[i].taken < slowest)
                slowest = r->stage[i].taken;
        if (r->failed || r->given - slowest < PIPELINE_BLOCKS)
            break;
        pthread_cond_wait(&r->emptied, &r->lock);
    }
    bool ok = !r->failed;

    pthread_mutex_unlock(&r->lock);
    return ok;
}

static void give_block(struct ring *r, size_t n)
{
    pthread_mutex_lock(&r->lock);
    r->n[r->given % PIPELINE_BLOCKS] = n;
    if (n > 0)
        r->given++;
    r->ended = n < PIPELINE_BLOCK;
    pthread_cond_broadcast(&r->filled);
    pthread_mutex_unlock(&r->lock);
}

/* Reads until the end; the first block has been given already. */
static void feed(struct ring *r)
{
    struct error err;

    while (!r->ended && free_block(r)) {
        unsigned at = (unsigned)(r->given % PIPELINE_BLOCKS);
        size_t n;

        if (!r->block[at])
            r->block[at] = mem_alloc(PIPELINE_BLOCK);
        if (!read_block(r->p, r->block[at], &n, &err)) {
            fail(r, &err);
            return;
        }
        give_block(r, n);
    }
}

static bool run_threads(struct ring *r, struct error *err)
{
    unsigned started = 0;

    for (; started < N_STAGES; started++) {
        struct stage *s = &r->stage[started];

        *s = (struct stage){.ring = r, .kind = (enum stage_kind)started};
        int rc = is_wanted(r, s->kind) ? pthread_create(&s->thread, NULL, stage_main, s) : 0;
        if (rc != 0) {
            error_set_errno(err, rc, "thread");
            fail(r, err);
            break;
        }
    }
    if (started == N_STAGES)
        feed(r);
    for (unsigned i = 0; i < started; i++)
        if (is_wanted(r, i))
            pthread_join(r->stage[i].thread, NULL);
    if (r->failed)
        *err = r->error;
    return !r->failed;
}

/* --- the whole ------------------------------------------------------------------------------------ */

static bool run(struct ring *r, struct error *err)
{
    size_t n;

    r->block[0] = mem_alloc(PIPELINE_BLOCK);
    if (!read_block(r->p, r->block[0], &n, err))
        return false;
    if (n == PIPELINE_BLOCK) {
        give_block(r, n);
        return run_threads(r, err);
    }
    for (unsigned kind = 0; n > 0 && kind < N_STAGES; kind++)
        if (is_wanted(r, kind) && !work(r, kind, r->block[0], n, err))
            return false;
    return true;
}

bool pipeline_run(struct pipeline *p, struct error *err)
{
    struct ring *r = mem_calloc(1, sizeof(*r));

    r->p = p;
    p->size = 0;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->filled, NULL);
    pthread_cond_init(&r->emptied, NULL);
    r->md5 = digest_new(DIGEST_MD5);
    r->sha512 = digest_new(DIGEST_SHA512);
    bool ok = run(r, err);

    p->md5[0] = '\0';
    if (ok) {
        if (!p->no_md5)
            digest_end(r->md5, p->md5);
        digest_end(r->sha512, p->sha512);
    }
    digest_free(r->md5);
    digest_free(r->sha512);
    for (unsigned i = 0; i < PIPELINE_BLOCKS; i++)
        free(r->block[i]);
    pthread_cond_destroy(&r->filled);
    pthread_cond_destroy(&r->emptied);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return ok;
}
