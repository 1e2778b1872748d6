#include "config.h"
#include "worker/claim.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FRESH_US = 250000,      /* a batch is taken from for so long */
    PAUSE_MIN_US = 200000,  /* between two looks at an empty queue, at first */
    COMPLAIN_US = 10000000, /* between two log lines on a database that is away */
};

void claimer_init(struct claimer *k, struct db *db, struct toolbox *box, const char *worker, uint64_t lease_s)
{
    pthread_condattr_t attr;

    memset(k, 0, sizeof(*k));
    k->db = db;
    k->box = box;
    k->worker = worker;
    k->lease_s = lease_s;
    k->pause_us = PAUSE_MIN_US;
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->changed, &attr);
    pthread_condattr_destroy(&attr);
}

void claimer_free(struct claimer *k)
{
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
}

void claimer_wake(struct claimer *k)
{
    pthread_mutex_lock(&k->lock);
    k->woken = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void claimer_drain(struct claimer *k)
{
    pthread_mutex_lock(&k->lock);
    k->draining = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

static void complain(struct claimer *k, const struct error *err)
{
    int64_t now = clock_mono_us();

    if (k->complained_us == 0 || now - k->complained_us > COMPLAIN_US) {
        log_warning("queue: %s", err->message);
        k->complained_us = now;
    }
}

static uint64_t max_per_project(struct claimer *k, int64_t *poll_us)
{
    struct tools *t = toolbox_acquire(k->box);
    uint64_t max = t->conf->task.max_per_project;

    if (poll_us)
        *poll_us = (int64_t)t->conf->worker.poll_interval * 1000000;
    toolbox_release(k->box, t);
    return max;
}

/* Fills the batch; the lock is let go of meanwhile. */
static void look(struct claimer *k)
{
    struct task_candidate *found = calloc(CLAIM_BATCH, sizeof(*found));
    struct task_look where = k->look;
    struct error err;
    int64_t poll_us;
    size_t n = 0;

    k->looking = true;
    k->woken = false;
    pthread_mutex_unlock(&k->lock);
    uint64_t max = max_per_project(k, &poll_us);
    struct db_conn *c = found ? db_acquire(k->db, &err) : NULL;
    bool ok = c && task_queue_look(c, &where, max, found, CLAIM_BATCH, &n, &err);
    db_release(c);

    pthread_mutex_lock(&k->lock);
    k->looking = false;
    if (!ok)
        complain(k, &err);
    k->look = where;
    k->next = 0;
    k->n = ok ? n : 0;
    if (k->n)
        memcpy(k->batch, found, n * sizeof(*found));
    k->looked_us = clock_mono_us();
    k->pause_us = k->n ? PAUSE_MIN_US : k->pause_us * 2 < poll_us ? k->pause_us * 2 : poll_us;
    k->next_look_us = k->n ? 0 : k->looked_us + k->pause_us;
    pthread_cond_broadcast(&k->changed);
    free(found);
}

static void wait_until(struct claimer *k, int64_t until_us)
{
    struct timespec at = {until_us / 1000000, (long)(until_us % 1000000) * 1000};

    if (until_us == 0)
        pthread_cond_wait(&k->changed, &k->lock);
    else
        pthread_cond_timedwait(&k->changed, &k->lock, &at);
}

/* The next candidate, or false: draining. */
static bool next_candidate(struct claimer *k, struct task_candidate *out)
{
    bool got = false;

    pthread_mutex_lock(&k->lock);
    while (!k->draining && !got) {
        int64_t now = clock_mono_us();

        if (k->next < k->n && now - k->looked_us < FRESH_US) {
            *out = k->batch[k->next++];
            got = true;
        } else if (k->looking) {
            wait_until(k, 0);
        } else if (k->woken || k->n > 0 || now >= k->next_look_us) {
            look(k);
        } else {
            wait_until(k, k->next_look_us);
        }
    }
    pthread_mutex_unlock(&k->lock);
    return got;
}

static bool claim(struct claimer *k, const struct task_candidate *candidate, struct task_hold *hold)
{
    struct error err;
    struct db_conn *c = db_acquire(k->db, &err);
    bool ours = false;

    if (!c || fault_point("claim.before")) {
        pthread_mutex_lock(&k->lock);
        if (!c)
            complain(k, &err);
        k->n = 0;
        k->next_look_us = clock_mono_us() + PAUSE_MIN_US;
        pthread_mutex_unlock(&k->lock);
        db_release(c);
        return false;
    }
    if (!task_queue_claim(c, candidate, k->worker, k->lease_s, max_per_project(k, NULL), hold, &ours, &err)) {
        log_warning("claim of task %s: %s", candidate->task_id, err.message);
        db_release(c);
        c = db_acquire(k->db, &err);
        if (!c || !task_queue_disown(c, candidate, k->worker, &err))
            log_warning("claim of task %s: %s", candidate->task_id, err.message);
    }
    db_release(c);
    return ours;
}

bool claim_next(struct claimer *k, struct task_hold *hold, int64_t *claimed_us)
{
    struct task_candidate candidate;

    while (next_candidate(k, &candidate)) {
        *claimed_us = clock_mono_us();
        if (claim(k, &candidate, hold)) {
            fault_point("claim.after");
            return true;
        }
    }
    return false;
}
