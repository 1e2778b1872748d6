#include "config.h"
#include "worker/lease.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_US = 1000000, PROGRESS_US = SECOND_US, MISSED = 3 };

/* --- what slots ask ------------------------------------------------------------------------------- */

void lease_stop_for(struct lease *l, enum lease_stop why)
{
    int held = LEASE_HELD;

    atomic_compare_exchange_strong(&l->stop, &held, (int)why);
}

enum lease_stop lease_check(struct lease *l)
{
    int64_t now = clock_mono_us();

    if (now - atomic_load(&l->alive_us) > l->patience_us)
        lease_stop_for(l, LEASE_LOST);
    if (now > atomic_load(&l->deadline_us))
        lease_stop_for(l, LEASE_OVERDUE);
    return (enum lease_stop)atomic_load(&l->stop);
}

struct lease *lease_begin(struct lease_table *t, unsigned n, const struct task_hold *hold, int64_t claimed_us)
{
    struct lease *l = &t->lease[n];

    pthread_mutex_lock(&t->lock);
    l->hold = *hold;
    l->generation++;
    l->beat_due_us = claimed_us + t->beat_us;
    l->beat_bytes = 0;
    atomic_store(&l->alive_us, claimed_us);
    atomic_store(&l->deadline_us, INT64_MAX);
    atomic_store(&l->bytes_done, 0);
    atomic_store(&l->bytes_total, -1);
    atomic_store(&l->stop, (int)t->later);
    l->active = true;
    pthread_mutex_unlock(&t->lock);
    return l;
}

void lease_end(struct lease_table *t, struct lease *l)
{
    pthread_mutex_lock(&t->lock);
    l->active = false;
    pthread_mutex_unlock(&t->lock);
}

unsigned lease_stop_all(struct lease_table *t, enum lease_stop why)
{
    unsigned count = 0;

    pthread_mutex_lock(&t->lock);
    t->later = why;
    for (unsigned i = 0; i < t->n; i++)
        if (t->lease[i].active) {
            lease_stop_for(&t->lease[i], why);
            count++;
        }
    pthread_mutex_unlock(&t->lock);
    return count;
}

unsigned lease_count(struct lease_table *t)
{
    unsigned count = 0;

    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < t->n; i++)
        count += t->lease[i].active;
    pthread_mutex_unlock(&t->lock);
    return count;
}

/* --- the heartbeat -------------------------------------------------------------------------------- */

/* What is said of one slot, taken under the lock and said without it. */
struct beat {
    struct task_hold hold;
    uint64_t generation;
    int64_t bytes_done, bytes_total;
};

/* Is it time to say something of L: the heartbeat, or progress? */
static bool is_due(const struct lease_table *t, struct lease *l, int64_t now, struct beat *out)
{
    int64_t bytes = atomic_load(&l->bytes_done);

    if (!l->active ||
        (now < l->beat_due_us && (bytes == l->beat_bytes || now < l->beat_due_us - t->beat_us + PROGRESS_US)))
        return false;
    *out = (struct beat){l->hold, l->generation, bytes, atomic_load(&l->bytes_total)};
    return true;
}

/* The slot may have gone on to another task meanwhile: then the answer is not for it. */
static void take_answer(struct lease_table *t, struct lease *l, const struct beat *b, int64_t sent_us,
                        bool ours, bool cancel)
{
    pthread_mutex_lock(&t->lock);
    if (l->active && l->generation == b->generation) {
        l->beat_due_us = sent_us + t->beat_us;
        l->beat_bytes = b->bytes_done;
        if (!ours)
            lease_stop_for(l, LEASE_LOST);
        else
            atomic_store(&l->alive_us, sent_us);
        if (cancel)
            lease_stop_for(l, LEASE_CANCELLED);
    }
    pthread_mutex_unlock(&t->lock);
}

static bool beat_task(struct lease_table *t, struct db_conn *c, struct lease *l, struct error *err)
{
    int64_t now = clock_mono_us();
    struct beat b;
    bool ours, cancel;

    pthread_mutex_lock(&t->lock);
    bool due = is_due(t, l, now, &b);
    pthread_mutex_unlock(&t->lock);
    if (!due)
        return true;
    if (!task_queue_beat(c, &b.hold, t->lease_s, b.bytes_done, b.bytes_total, &ours, &cancel, err))
        return false;
    take_answer(t, l, &b, now, ours, cancel);
    return true;
}

static bool beat_worker(struct lease_table *t, struct db_conn *c, struct error *err)
{
    struct worker_row row = {
        .name = str_of(t->worker), .host = str_of(t->host), .pid = getpid(), .slots = t->n};

    pthread_mutex_lock(&t->lock);
    row.draining = t->draining;
    pthread_mutex_unlock(&t->lock);
    return worker_beat(c, &row, err);
}

static bool beat_all(struct lease_table *t, bool worker_too, struct error *err)
{
    struct db_conn *c = db_acquire(t->db, err);
    bool ok = c != NULL;

    for (unsigned i = 0; ok && i < t->n; i++)
        ok = beat_task(t, c, &t->lease[i], err);
    if (ok && worker_too)
        ok = beat_worker(t, c, err);
    db_release(c);
    return ok;
}

static bool any_due(struct lease_table *t)
{
    int64_t now = clock_mono_us();
    struct beat b;

    for (unsigned i = 0; i < t->n; i++)
        if (is_due(t, &t->lease[i], now, &b))
            return true;
    return false;
}

/* Until something may be due; the lock is held. A fifth of the heartbeat, a second at most. */
static void pause_beat(struct lease_table *t)
{
    int64_t wait_us = t->beat_us / 5 < SECOND_US ? t->beat_us / 5 : SECOND_US;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(wait_us % SECOND_US) * 1000;
    until.tv_sec += wait_us / SECOND_US + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

static void *beat_main(void *arg)
{
    struct lease_table *t = arg;
    int64_t worker_due = 0, complained = 0;
    bool drain_shown = false;

    pthread_mutex_lock(&t->lock);
    while (!t->ending) {
        int64_t now = clock_mono_us();
        bool worker_too = now >= worker_due || t->draining != drain_shown;
        struct error err;

        if (worker_too || any_due(t)) {
            drain_shown = t->draining;
            pthread_mutex_unlock(&t->lock);
            if (beat_all(t, worker_too, &err)) {
                worker_due = worker_too ? now + t->beat_us : worker_due;
            } else if (now - complained > 10 * (int64_t)SECOND_US || !complained) {
                log_warning("heartbeat: %s", err.message);
                complained = now;
            }
            pthread_mutex_lock(&t->lock);
        }
        if (!t->ending)
            pause_beat(t);
    }
    pthread_mutex_unlock(&t->lock);
    db_thread_end();
    return NULL;
}

/* --- life ----------------------------------------------------------------------------------------- */

bool lease_table_start(struct lease_table *t, const struct conf *conf, const char *worker, struct error *err)
{
    pthread_condattr_t attr;
    int64_t lease_us = (int64_t)conf->worker.lease * SECOND_US;
    int rc;

    memset(t, 0, sizeof(*t));
    t->n = (unsigned)conf->worker.slots;
    t->lease_s = conf->worker.lease;
    t->beat_us = (int64_t)conf->worker.heartbeat * SECOND_US;
    if (t->beat_us > lease_us / MISSED)
        t->beat_us = lease_us / MISSED;
    t->worker = worker;
    gethostname(t->host, sizeof(t->host) - 1);
    t->db = db_new(conf, 1, err);
    if (!t->db)
        return false;
    t->lease = mem_calloc(t->n, sizeof(*t->lease));
    for (unsigned i = 0; i < t->n; i++) {
        /* Three heartbeats, and always before the lease itself ends. */
        t->lease[i].patience_us =
            MISSED * t->beat_us < lease_us * 3 / 4 ? MISSED * t->beat_us : lease_us * 3 / 4;
        atomic_store(&t->lease[i].stop, LEASE_HELD);
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attr);
    pthread_condattr_destroy(&attr);
    rc = pthread_create(&t->thread, NULL, beat_main, t);
    return rc == 0 || error_set_errno(err, rc, "thread");
}

void lease_table_drain(struct lease_table *t)
{
    pthread_mutex_lock(&t->lock);
    t->draining = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void lease_table_end(struct lease_table *t)
{
    struct db_conn *c;
    struct error err;

    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    c = db_acquire(t->db, &err);
    if (!c || !worker_gone(c, str_of(t->worker), &err))
        log_warning("this worker's row stays: %s", err.message);
    db_release(c);
    db_free(t->db);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t->lease);
}
