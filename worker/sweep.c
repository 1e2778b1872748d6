#include "config.h"
#include "worker/sweep.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "db/images.h"
#include "db/task_sweep.h"
#include "worker/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 50 };

static bool is_ending(struct sweeper *s)
{
    pthread_mutex_lock(&s->lock);
    bool ending = s->ending;

    pthread_mutex_unlock(&s->lock);
    return ending;
}

static bool stop(void *ctx)
{
    return is_ending(ctx);
}

/* --- rows ----------------------------------------------------------------------------------------- */

typedef bool (*step_fn)(struct db_conn *c, uint64_t *n, struct error *err);

/* Repeats STEP while it finds something. */
static bool repeat(struct sweeper *s, struct db_conn *c, step_fn step, const char *what, struct error *err)
{
    uint64_t total = 0, n = 1;
    bool ok = true;

    for (int i = 0; ok && n > 0 && i < ROUNDS_MAX && !is_ending(s); i++) {
        ok = step(c, &n, err);
        total += ok ? n : 0;
    }
    if (total > 0)
        log_info("sweep: %" PRIu64 " %s", total, what);
    return ok;
}

static bool sweep_rows(struct sweeper *s, struct error *err)
{
    struct db_conn *c = db_acquire(s->db, err);
    bool ok = c && repeat(s, c, sweep_expired_tasks, "tasks expired", err);

    fault_point("sweep.expired");
    ok = ok && repeat(s, c, sweep_dead_attempts, "objects of dead attempts", err);
    fault_point("sweep.attempts");
    ok = ok && repeat(s, c, sweep_dead_uploads, "dead uploads", err);
    fault_point("sweep.uploads");
    ok = ok && repeat(s, c, sweep_workers, "workers not heard of", err);
    db_release(c);
    return ok;
}

/* --- exports that were failed ----------------------------------------------------------------------- */

/* What may be of it in the customer's container, by our own authority: the requester's token is gone. */
static bool take_back(struct sweeper *s, struct tools *t, struct arena *arena, const struct sweep_turn *turn,
                      struct error *err)
{
    struct lease none = {.hold.epoch = turn->epoch};
    struct task_run r = {.db = s->db,
                         .lease = &none,
                         .tools = t,
                         .arena = arena,
                         .work.owner = turn->project,
                         .type = TASK_EXPORT};
    struct json *doc = json_parse_object(arena, turn->input, NULL, err);

    snprintf(none.hold.task_id, sizeof(none.hold.task_id), "%.*s", STR_ARG(turn->task_id));
    if (!doc || !task_input_parse(arena, t->conf, turn->project, TASK_EXPORT, doc, &r.input, err))
        return true; /* by such an input nothing was exported */
    return task_export_clean(&r, err);
}

/* What cannot be removed now is tried again when the turn's time is over; what never can be is told of. */
static bool clear_turn(struct sweeper *s, struct tools *t, struct arena *arena, const struct sweep_turn *turn,
                       struct error *err)
{
    bool ours = false;
    struct db_conn *c = db_acquire(s->db, err);
    bool ok = c && sweep_turn_take(c, turn, t->conf->worker.lease, &ours, err);

    db_release(c);
    if (!ok || !ours)
        return ok;
    fault_point("sweep.turn");
    if (!take_back(s, t, arena, turn, err)) {
        log_warning("sweep: what the failed task %.*s exported may be left: %s", STR_ARG(turn->task_id),
                    err->message);
        if (err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT)
            return true;
    }
    c = db_acquire(s->db, err);
    ok = c && sweep_turn_end(c, turn, err);
    db_release(c);
    return ok;
}

static bool sweep_turns(struct sweeper *s, struct tools *t, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct sweep_turn *turns;
    size_t n = 0;
    struct db_conn *c = db_acquire(s->db, err);
    bool ok = c && sweep_dead_turns(c, arena, &turns, &n, err);

    db_release(c);
    for (size_t i = 0; ok && i < n && !is_ending(s); i++)
        ok = clear_turn(s, t, arena, &turns[i], err);
    arena_free(arena);
    return ok;
}

/* --- bytes ---------------------------------------------------------------------------------------- */

static bool remove_object(struct sweeper *s, struct tools *t, const struct sweep_object *o, struct error *err)
{
    struct store_caller own = {.project_id = o->project, .stop = stop, .ctx = s};
    struct store_name name = {o->container, o->key};
    struct db_conn *c;

    fault_point("sweep.before_remove");
    if (!store_remove(o->container.p ? t->containers : t->images, &own, &name, err) &&
        err->kind != ERROR_NOT_FOUND)
        return false;
    fault_point("sweep.removed");
    c = db_acquire(s->db, err);
    bool ok = c && images_object_gone(c, o->key, err);
    db_release(c);
    fault_point("sweep.gone");
    return ok;
}

/* One batch; what cannot be removed now is passed over until the next round. */
static bool sweep_batch(struct sweeper *s, struct tools *t, struct arena *arena, struct sweep_object *last,
                        size_t *n, uint64_t *removed, struct error *err)
{
    struct sweep_object *found;
    struct db_conn *c = db_acquire(s->db, err);
    bool ok = c && sweep_dead_objects(c, arena, (struct str){NULL, 0}, last, &found, n, err);

    db_release(c);
    for (size_t i = 0; ok && i < *n && !is_ending(s); i++) {
        *last = found[i];
        if (remove_object(s, t, &found[i], err))
            (*removed)++;
        else
            log_warning("sweep: object %.*s stays for now: %s", STR_ARG(found[i].key), err->message);
    }
    return ok;
}

static bool sweep_bytes(struct sweeper *s, struct tools *t, struct error *err)
{
    struct arena *arena = arena_new(0);
    struct sweep_object last = {.key = {NULL, 0}};
    uint64_t removed = 0;
    size_t n = SWEEP_BATCH;
    bool ok = true;

    while (ok && n == SWEEP_BATCH && !is_ending(s))
        ok = sweep_batch(s, t, arena, &last, &n, &removed, err);
    if (removed > 0)
        log_info("sweep: %" PRIu64 " objects removed", removed);
    arena_free(arena);
    return ok;
}

/* What killed writers have left where no name leads to it. */
static bool sweep_strays(struct tools *t, struct error *err)
{
    uint64_t images = 0, containers = 0, age = t->conf->worker.lease;
    bool ok = store_sweep(t->images, age, &images, err) && store_sweep(t->containers, age, &containers, err);

    if (images + containers > 0)
        log_info("sweep: %" PRIu64 " unfinished files removed", images + containers);
    return ok;
}

/* --- the thread ----------------------------------------------------------------------------------- */

static void sweep(struct sweeper *s)
{
    struct tools *t = toolbox_acquire(s->box);
    struct error err;

    error_clear(&err);
    if (!sweep_rows(s, &err) || !sweep_turns(s, t, &err) || !sweep_bytes(s, t, &err) ||
        !sweep_strays(t, &err))
        log_warning("sweep: %s", err.message);
    toolbox_release(s->box, t);
}

/* Give or take a fifth, so that workers that began together part. */
static void pause_sweep(struct sweeper *s)
{
    int64_t us = s->every_us * 4 / 5 + random() % (s->every_us * 2 / 5);
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(us % 1000000) * 1000;
    until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&s->lock);
    while (!s->ending && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&s->lock);
}

static void *sweep_main(void *arg)
{
    struct sweeper *s = arg;

    while (!is_ending(s)) {
        sweep(s);
        pause_sweep(s);
    }
    db_thread_end();
    return NULL;
}

bool sweeper_start(struct sweeper *s, struct db *db, struct toolbox *box, uint64_t every_s, struct error *err)
{
    pthread_condattr_t attr;

    *s = (struct sweeper){.db = db, .box = box, .every_us = (int64_t)every_s * 1000000};
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    int rc = pthread_create(&s->thread, NULL, sweep_main, s);

    return rc == 0 || error_set_errno(err, rc, "thread");
}

void sweeper_end(struct sweeper *s)
{
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}
