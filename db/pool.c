#include "config.h"
#include "db/conn.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "base/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { IDLE_TRUSTED_US = 1000000 };

struct db {
    struct db_settings settings;
    uint64_t pool_timeout;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct db_conn *idle;
    unsigned size;
    unsigned open; /* idle ones and those in use */
};

struct db *db_new(const struct conf *conf, unsigned size, struct error *err)
{
    struct db *db = mem_calloc(1, sizeof(*db));
    pthread_condattr_t attr;

    if (!db_dsn_parse(str_of(conf->database.connection), &db->settings.dsn, err)) {
        free(db);
        return NULL;
    }
    db->settings.connect_timeout = conf->database.connect_timeout;
    db->settings.read_timeout = conf->database.read_timeout;
    db->settings.write_timeout = conf->database.write_timeout;
    db->settings.max_retries = conf->database.max_retries;
    db->settings.load_data = conf->database.load_data;
    db->pool_timeout = conf->database.pool_timeout;
    db->size = size ? size : 1;
    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->freed, &attr);
    pthread_condattr_destroy(&attr);
    return db;
}

void db_limit_locks(struct db *db, uint64_t lock_wait_s, uint64_t idle_s)
{
    db->settings.lock_wait = lock_wait_s;
    db->settings.idle_transaction = idle_s;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    while (db->idle) {
        struct db_conn *c = db->idle;

        db->idle = c->next;
        conn_close(c);
        free(c);
    }
    pthread_cond_destroy(&db->freed);
    pthread_mutex_destroy(&db->lock);
    db_dsn_free(&db->settings.dsn);
    free(db);
}

/* An idle connection, or the right to make one (an unopened object), or NULL when the time is over. */
static struct db_conn *take(struct db *db)
{
    struct db_conn *c = NULL;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)db->pool_timeout;
    pthread_mutex_lock(&db->lock);
    while (!db->idle && db->open >= db->size)
        if (pthread_cond_timedwait(&db->freed, &db->lock, &until))
            break;
    if (db->idle) {
        c = db->idle;
        db->idle = c->next;
    } else if (db->open < db->size) {
        db->open++;
        c = mem_calloc(1, sizeof(*c));
        c->db = db;
        c->settings = &db->settings;
        c->broken = true;
    }
    pthread_mutex_unlock(&db->lock);
    return c;
}

void db_usage(struct db *db, unsigned *open, unsigned *idle, unsigned *most)
{
    *most = db->size;
    pthread_mutex_lock(&db->lock);
    *open = db->open;
    *idle = 0;
    for (const struct db_conn *c = db->idle; c; c = c->next)
        (*idle)++;
    pthread_mutex_unlock(&db->lock);
}

static void give_back(struct db *db, struct db_conn *c)
{
    bool broken = c->broken;

    pthread_mutex_lock(&db->lock);
    if (broken) {
        db->open--;
    } else {
        c->idle_since = clock_mono_us();
        c->next = db->idle;
        db->idle = c;
    }
    pthread_cond_signal(&db->freed);
    pthread_mutex_unlock(&db->lock);
    if (broken) { /* else it may be another thread's by now, who may be about to open it anew */
        conn_close(c);
        free(c);
    }
}

/* A connection at rest has nothing to read: what comes unasked is its end, or the server's farewell. */
static bool is_fresh(const struct db_conn *c)
{
    struct pollfd p = {.fd = mysql_get_socket(c->my), .events = POLLIN};

    return clock_mono_us() - c->idle_since < IDLE_TRUSTED_US && poll(&p, 1, 0) == 0;
}

struct db_conn *db_acquire(struct db *db, struct error *err)
{
    struct db_conn *c = take(db);

    if (!c) {
        error_set(err, ERROR_UNAVAILABLE, "database: no connection became free in %llu s",
                  (unsigned long long)db->pool_timeout);
        return NULL;
    }
    /* A server that was restarted has closed the idle ones: asking spares each caller the question whether
     * its first statement may be repeated. One that worked a moment ago and is silent is not asked. */
    if (!c->broken && (is_fresh(c) || mysql_ping(c->my) == 0))
        return c;
    if (!conn_reopen(c, err)) {
        give_back(db, c);
        return NULL;
    }
    return c;
}

void db_release(struct db_conn *c)
{
    if (!c)
        return;
    if (c->in_tx && !c->broken && mysql_rollback(c->my))
        c->broken = true;
    c->in_tx = false;
    give_back(c->db, c);
}

static void release_deferred(void *arg)
{
    db_release(arg);
}

struct db_conn *db_acquire_for(struct db *db, struct arena *arena, struct error *err)
{
    struct db_conn *c = db_acquire(db, err);

    if (c)
        arena_defer(arena, release_deferred, c);
    return c;
}

bool db_ping(struct db *db, struct error *err)
{
    struct db_conn *c = db_acquire(db, err);

    if (!c)
        return false;
    bool ok = db_direct(c, STR("SELECT 1"), err);
    db_release(c);
    return ok;
}

void db_thread_end(void)
{
    mysql_thread_end();
}
