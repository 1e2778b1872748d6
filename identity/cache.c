#include "config.h"
#include "identity/cache.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHARDS = 16 };

enum kind { GOOD, REFUSED, KINDS };

/* A fetch under way. The thread that asks and those that wait have a reference each. */
struct flight {
    unsigned refs;
    bool done;
    struct token_info *info; /* NULL: it failed */
    struct error err;
};

struct entry {
    unsigned char key[SHA256_SIZE];
    struct entry *chain; /* in the bucket */
    struct entry *newer; /* in the list of its kind, but while it has a flight */
    struct entry *older;
    struct flight *flight; /* NULL: known */
    enum kind kind;
    int64_t stale_us;        /* monotonic */
    struct token_info *info; /* of GOOD */
};

struct list {
    struct entry *newest;
    struct entry *oldest;
    size_t n;
    size_t bytes;
};

struct shard {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry **bucket;
    struct list list[KINDS];
};

struct cache {
    size_t max_entries; /* of a kind, in a shard */
    size_t max_bytes;   /* of the good, in a shard */
    size_t buckets;     /* of a shard; a power of two */
    struct shard shard[SHARDS];
};

struct cache *cache_new(const struct cache_limits *limits)
{
    struct cache *c = mem_calloc(1, sizeof(*c));
    pthread_condattr_t attr;

    c->max_entries = (limits->entries + SHARDS - 1) / SHARDS;
    c->max_bytes = (limits->bytes + SHARDS - 1) / SHARDS;
    for (c->buckets = 16; c->buckets < c->max_entries;)
        c->buckets *= 2;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&c->shard[i].lock, NULL);
        pthread_cond_init(&c->shard[i].landed, &attr);
        c->shard[i].bucket = mem_calloc(c->buckets, sizeof(struct entry *));
    }
    pthread_condattr_destroy(&attr);
    return c;
}

static void list_remove(struct list *l, struct entry *e)
{
    *(e->newer ? &e->newer->older : &l->newest) = e->older;
    *(e->older ? &e->older->newer : &l->oldest) = e->newer;
    e->newer = e->older = NULL;
    l->n--;
    l->bytes -= e->info ? e->info->bytes : 0;
}

static void list_add(struct list *l, struct entry *e)
{
    e->newer = NULL;
    e->older = l->newest;
    *(l->newest ? &l->newest->newer : &l->oldest) = e;
    l->newest = e;
    l->n++;
    l->bytes += e->info ? e->info->bytes : 0;
}

/* Where the entry's pointer stands, or would. */
static struct entry **slot(const struct cache *c, struct shard *s, const unsigned char key[SHA256_SIZE])
{
    uint32_t h;
    struct entry **at;

    memcpy(&h, key + 1, sizeof(h)); /* byte 0 has chosen the shard */
    for (at = &s->bucket[h & (c->buckets - 1)]; *at; at = &(*at)->chain)
        if (memcmp((*at)->key, key, SHA256_SIZE) == 0)
            break;
    return at;
}

/* Takes an entry that stands in no list out of its bucket. */
static void entry_drop(const struct cache *c, struct shard *s, struct entry *e)
{
    struct entry **at = slot(c, s, e->key);

    *at = e->chain;
    token_info_unref(e->info);
    free(e);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shard[i];

        for (int k = 0; k < KINDS; k++)
            while (s->list[k].oldest) {
                struct entry *e = s->list[k].oldest;

                list_remove(&s->list[k], e);
                entry_drop(c, s, e);
            }
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->landed);
        free(s->bucket);
    }
    free(c);
}

static void flight_unref(struct flight *f)
{
    if (--f->refs > 0)
        return;
    token_info_unref(f->info);
    free(f);
}

/* Passes on what a flight brought. */
static bool flight_result(const struct flight *f, struct token_info **out, struct error *err)
{
    if (f->info)
        *out = token_info_ref(f->info);
    else if (err)
        *err = f->err;
    return f->info != NULL;
}

static bool flight_wait(struct shard *s, struct flight *f, int64_t wait_us, struct token_info **out,
                        struct error *err)
{
    int64_t until = clock_mono_us() + wait_us;
    struct timespec ts = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    bool ok;

    f->refs++;
    while (!f->done && pthread_cond_timedwait(&s->landed, &s->lock, &ts) == 0)
        ;
    ok = f->done ? flight_result(f, out, err)
                 : error_set(err, ERROR_UNAVAILABLE, "Keystone's answer takes too long");
    flight_unref(f);
    return ok;
}

/* Makes the entry of a flight that has landed known, or drops it; then makes room. */
static void entry_settle(struct cache *c, struct shard *s, struct entry *e, const struct cache_times *times)
{
    struct flight *f = e->flight;
    bool refused = !f->info && f->err.kind == ERROR_UNAUTHORIZED;
    int64_t keep = f->info ? times->good : refused ? times->refused : 0;
    struct list *l = &s->list[f->info ? GOOD : REFUSED];

    e->flight = NULL;
    if (keep <= 0) {
        entry_drop(c, s, e);
        return;
    }
    e->kind = f->info ? GOOD : REFUSED;
    e->info = f->info ? token_info_ref(f->info) : NULL;
    e->stale_us = clock_mono_us() + keep;
    list_add(l, e);
    while (l->n > c->max_entries || l->bytes > c->max_bytes) {
        e = l->oldest;
        list_remove(l, e);
        entry_drop(c, s, e);
    }
}

/* Asks with the lock let go, then tells all who wait. */
static bool flight_fly(struct cache *c, struct shard *s, struct entry *e, const struct cache_times *times,
                       cache_fetch *fetch, void *ctx, struct token_info **out, struct error *err)
{
    struct flight *f = e->flight;
    struct token_info *info = NULL;
    bool ok;

    pthread_mutex_unlock(&s->lock);
    if (!fetch(ctx, &info, &f->err)) /* nobody else reads it before done is set */
        info = NULL;
    pthread_mutex_lock(&s->lock);
    f->info = info;
    f->done = true;
    entry_settle(c, s, e, times);
    pthread_cond_broadcast(&s->landed);
    ok = flight_result(f, out, err);
    flight_unref(f);
    return ok;
}

bool cache_get(struct cache *c, const unsigned char key[SHA256_SIZE], const struct cache_times *times,
               cache_fetch *fetch, void *ctx, struct token_info **out, struct error *err)
{
    struct shard *s = &c->shard[key[0] % SHARDS];
    struct entry **at, *e;
    bool ok;

    pthread_mutex_lock(&s->lock);
    at = slot(c, s, key);
    e = *at;
    if (e && e->flight) {
        ok = flight_wait(s, e->flight, times->wait, out, err);
        pthread_mutex_unlock(&s->lock);
        return ok;
    }
    if (e)
        list_remove(&s->list[e->kind], e);
    if (e && clock_mono_us() < e->stale_us) {
        list_add(&s->list[e->kind], e);
        ok = e->kind == GOOD || error_set(err, ERROR_UNAUTHORIZED, "the token is not valid");
        if (ok)
            *out = token_info_ref(e->info);
        pthread_mutex_unlock(&s->lock);
        return ok;
    }
    if (!e) {
        *at = e = mem_calloc(1, sizeof(*e));
        memcpy(e->key, key, SHA256_SIZE);
    }
    token_info_unref(e->info);
    e->info = NULL;
    e->flight = mem_calloc(1, sizeof(*e->flight));
    e->flight->refs = 1;
    ok = flight_fly(c, s, e, times, fetch, ctx, out, err);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void cache_count(struct cache *c, size_t *good, size_t *refused)
{
    *good = *refused = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&c->shard[i].lock);
        *good += c->shard[i].list[GOOD].n;
        *refused += c->shard[i].list[REFUSED].n;
        pthread_mutex_unlock(&c->shard[i].lock);
    }
}
