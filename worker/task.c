#include "config.h"
#include "worker/task.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "db/task_sweep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SECOND_US = 1000000,
    DB_PAUSE_US = 200000, /* between two tries to write down how an attempt ended */
    BACKOFF_MAX_S = 300,
};

/* --- what pipelines use --------------------------------------------------------------------------- */

bool task_stop(void *ctx)
{
    return lease_check(ctx) != LEASE_HELD;
}

struct store_caller task_requester(const struct task_run *r)
{
    /* A task without a token acts with an empty one: a NULL one would be our own authority. */
    return (struct store_caller){.token = r->secret.token.p ? r->secret.token : STR(""),
                                 .project_id = r->work.owner,
                                 .stop = task_stop,
                                 .ctx = r->lease};
}

struct store_caller task_ourselves(const struct task_run *r)
{
    return (struct store_caller){.project_id = r->work.owner, .stop = task_stop, .ctx = r->lease};
}

bool task_go_on(const struct task_run *r, struct error *err)
{
    return lease_check(r->lease) == LEASE_HELD || error_set(err, ERROR_ABORTED, "stopped");
}

bool task_db_error(const struct task_run *r, bool ok, struct error *err)
{
    if (ok || (err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_INTERNAL))
        return ok;
    log_warning("task %s: %s", r->lease->hold.task_id, err->message);
    if (err->kind == ERROR_UNAVAILABLE)
        error_set(err, ERROR_UNAVAILABLE, "The database does not answer");
    return false;
}

struct db_conn *task_db(const struct task_run *r, struct error *err)
{
    struct db_conn *c = db_acquire(r->db, err);

    task_db_error(r, c != NULL, err);
    return c;
}

bool task_begin_object(struct task_run *r, const struct task_object *object, struct error *err)
{
    struct db_conn *c = task_db(r, err);
    bool ours = true, ok = c && task_object_begin(c, &r->lease->hold, object, &ours, err);

    db_release(c);
    if (ok && !ours) {
        lease_stop_for(r->lease, LEASE_LOST);
        return error_set(err, ERROR_ABORTED, "the task is another attempt's");
    }
    return c ? task_db_error(r, ok, err) : false;
}

void task_show_progress(const struct task_run *r)
{
    bool ours, cancel;
    struct error err;
    struct db_conn *c = task_db(r, &err);

    if (c &&
        !task_queue_beat(c, &r->lease->hold, r->tools->conf->worker.lease, atomic_load(&r->lease->bytes_done),
                         atomic_load(&r->lease->bytes_total), &ours, &cancel, &err))
        task_db_error(r, false, &err);
    db_release(c);
}

/* What a changed input says now. */
static bool check_changed(const struct task_run *r, struct arena *arena, struct str text, struct error *err)
{
    struct task_input input;
    struct error why;
    struct json *doc = json_parse_object(arena, text, NULL, &why);

    if (doc && task_input_parse(arena, r->tools->conf, r->work.owner, r->type, doc, &input, &why))
        return error_set(err, ERROR_CONFLICT, "The task's input was changed while it was carried out");
    return error_set(err, ERROR_BAD_REQUEST, "The task's input is not valid any more: %s", why.message);
}

bool task_recheck(const struct task_run *r, struct error *err)
{
    struct arena *arena;
    struct task_work work;
    bool ours, ok;
    struct db_conn *c;

    if (!task_go_on(r, err) || !(c = task_db(r, err)))
        return false;
    arena = arena_new(0);
    ok = task_db_error(r, task_queue_read(c, arena, &r->lease->hold, &work, &ours, err), err);
    db_release(c);
    if (ok && !ours) {
        lease_stop_for(r->lease, LEASE_LOST);
        ok = error_set(err, ERROR_ABORTED, "the task is another attempt's");
    }
    if (ok && work.cancel) {
        lease_stop_for(r->lease, LEASE_CANCELLED);
        ok = error_set(err, ERROR_ABORTED, "cancelled");
    }
    if (ok && !str_eq(work.input, r->work.input))
        ok = check_changed(r, arena, work.input, err);
    arena_free(arena);
    return ok;
}

bool task_may(const struct task_run *r, enum property_right right, struct str property)
{
    return property_protection_allows(r->tools->protection, right, property, r->secret.roles,
                                      r->secret.n_roles);
}

/* One try at an end. */
static bool try_end(const struct task_run *r, const struct task_end *end, task_end_fn fn, void *arg,
                    bool *ours, struct error *err)
{
    struct db_conn *c = task_db(r, err);

    *ours = true;
    if (!c)
        return false;
    bool ok = task_db_error(r, fn(c, end, arg, ours, err), err);
    db_release(c);
    return ok;
}

bool task_end(struct task_run *r, struct str result, task_end_fn fn, void *arg, struct error *err)
{
    struct task_end end = {.hold = &r->lease->hold,
                           .input = r->work.input,
                           .result = result,
                           .ttl_hours = r->tools->conf->task.task_time_to_live};
    bool ours;

    while (!try_end(r, &end, fn, arg, &ours, err)) {
        if (err->kind == ERROR_CONFLICT && err->code == TASK_INPUT_CHANGED && !task_recheck(r, err))
            return false;
        if (err->kind != ERROR_UNAVAILABLE || lease_check(r->lease) == LEASE_LOST)
            return false;
        usleep(DB_PAUSE_US);
    }
    if (ours)
        return true;
    lease_stop_for(r->lease, LEASE_LOST);
    return error_set(err, ERROR_ABORTED, "the task is another attempt's");
}

/* --- the beginning -------------------------------------------------------------------------------- */

static bool read_work(struct task_run *r, struct error *err)
{
    struct db_conn *c = task_db(r, err);
    bool ours = false;
    bool ok = c && task_db_error(r, task_queue_read(c, r->arena, &r->lease->hold, &r->work, &ours, err), err);

    db_release(c);
    if (ok && !ours) {
        lease_stop_for(r->lease, LEASE_LOST);
        return error_set(err, ERROR_ABORTED, "the task is another attempt's");
    }
    return ok;
}

static void set_deadline(struct task_run *r)
{
    int64_t left = (int64_t)r->tools->conf->task.timeout * SECOND_US - r->work.elapsed_us;

    atomic_store(&r->lease->deadline_us, clock_mono_us() + (left > 0 ? left : -1));
    if (r->work.cancel)
        lease_stop_for(r->lease, LEASE_CANCELLED);
}

static bool read_input(struct task_run *r, struct error *err)
{
    struct json *doc;

    if (!task_type_parse(r->work.type, &r->type))
        return error_set(err, ERROR_BAD_REQUEST, "Tasks of type %.*s are not carried out",
                         STR_ARG(r->work.type));
    if (r->work.sealed.p && !task_secret_open(r->arena, r->tools->conf, str_of(r->lease->hold.task_id),
                                              r->work.sealed, &r->secret, err))
        return false;
    doc = json_parse_object(r->arena, r->work.input, NULL, err);
    return doc && task_input_parse(r->arena, r->tools->conf, r->work.owner, r->type, doc, &r->input, err);
}

static bool dispatch(struct task_run *r, struct error *err)
{
    switch (r->type) {
    case TASK_IMPORT: return task_import(r, err);
    case TASK_EXPORT: return task_export(r, err);
    case TASK_CLONE: break;
    }
    return task_clone(r, err);
}

static bool attempt(struct task_run *r, struct error *err)
{
    if (!read_work(r, err))
        return false;
    set_deadline(r);
    /* Attempts that were handed back, or that an administrator took back, are not counted in "attempts". */
    r->may_have_exported = r->lease->hold.epoch > 1;
    fault_point("task.read");
    if (!read_input(r, err) || !task_go_on(r, err))
        return false;
    if (r->work.attempts > (int64_t)r->tools->conf->task.max_attempts)
        return error_set(err, ERROR_CONFLICT,
                         "The task was begun %" PRIu64 " times and never came to its end",
                         r->tools->conf->task.max_attempts);
    fault_point("task.begin");
    return dispatch(r, err);
}

/* --- the end -------------------------------------------------------------------------------------- */

enum verdict { VERDICT_FAIL, VERDICT_AGAIN, VERDICT_HAND_BACK, VERDICT_LOST };

/* What becomes of an attempt that ended with ERR; for VERDICT_FAIL ERR is then the customer's. */
static enum verdict judge_stop(const struct task_run *r, struct error *err)
{
    switch (lease_check(r->lease)) {
    case LEASE_CANCELLED:
        error_set(err, ERROR_CONFLICT, "The task was cancelled by an administrator");
        return VERDICT_FAIL;
    case LEASE_OVERDUE:
        error_set(err, ERROR_TIMEOUT, "Time-out: the task did not end within %" PRIu64 " seconds",
                  r->tools->conf->task.timeout);
        return VERDICT_FAIL;
    case LEASE_DRAINED: return VERDICT_HAND_BACK;
    default: return VERDICT_LOST;
    }
}

static enum verdict judge(const struct task_run *r, struct error *err)
{
    enum error_kind kind = err->kind;

    /* Whatever it ended with: another attempt may have the task by now, or an end of ours whose answer was
     * lost may stand in the database. */
    if (lease_check(r->lease) == LEASE_LOST)
        return VERDICT_LOST;
    if (kind == ERROR_ABORTED)
        return judge_stop(r, err);
    if (kind == ERROR_TOO_MANY)
        return VERDICT_HAND_BACK;
    if (kind != ERROR_UNAVAILABLE && kind != ERROR_TIMEOUT && kind != ERROR_INTERNAL)
        return VERDICT_FAIL;
    if (kind == ERROR_INTERNAL) {
        log_error("task %s: %s", r->lease->hold.task_id, err->message);
        error_set(err, ERROR_INTERNAL, "An internal error ended the task; its request id is %.*s",
                  STR_ARG(r->work.request_id));
    }
    if (r->work.attempts < (int64_t)r->tools->conf->task.max_attempts)
        return VERDICT_AGAIN;
    struct error last = *err;

    error_set(err, kind, "%s (given up after %" PRId64 " attempt%s)", last.message, r->work.attempts,
              r->work.attempts == 1 ? "" : "s");
    return VERDICT_FAIL;
}

/* 1, 8, 64, then 300 seconds, give or take a fifth, so that tasks that failed together part. */
static int64_t backoff_us(int64_t attempts)
{
    int64_t s = 1;

    for (int64_t i = 1; i < attempts && s < BACKOFF_MAX_S; i++)
        s *= 8;
    s = s < BACKOFF_MAX_S ? s : BACKOFF_MAX_S;
    return s * SECOND_US * 4 / 5 + random() % (s * SECOND_US * 2 / 5);
}

struct writing_down {
    enum verdict verdict;
    struct str message;
    int64_t delay_us;
};

static bool write_down(struct db_conn *c, const struct task_end *end, void *arg, bool *ours,
                       struct error *err)
{
    const struct writing_down *w = arg;

    if (w->verdict == VERDICT_FAIL)
        return task_finish_failure(c, end, w->message, ours, err);
    return task_queue_release(c, end->hold, w->verdict == VERDICT_AGAIN ? TASK_RETRY : TASK_HAND_BACK,
                              w->delay_us, w->message, ours, err);
}

/* Until the database has it; a lease that runs out meanwhile does the same to the task, only later. */
static bool write_verdict(struct task_run *r, enum verdict verdict, const struct error *why)
{
    struct task_end end = {.hold = &r->lease->hold, .ttl_hours = r->tools->conf->task.task_time_to_live};
    struct writing_down w = {.verdict = verdict, .message = str_of(why->message)};
    int64_t until = clock_mono_us() + 2 * (int64_t)r->tools->conf->worker.lease * SECOND_US;
    struct error err;
    bool ours;

    if (verdict == VERDICT_AGAIN)
        w.delay_us = backoff_us(r->work.attempts);
    else if (why->kind == ERROR_TOO_MANY)
        w.delay_us = 2 * SECOND_US;
    while (!try_end(r, &end, write_down, &w, &ours, &err)) {
        if (err.kind != ERROR_UNAVAILABLE || clock_mono_us() > until ||
            atomic_load(&r->lease->stop) == LEASE_DRAINED)
            return false;
        usleep(DB_PAUSE_US);
    }
    return ours;
}

/* The bytes of an attempt that came to nothing, unless an image has them: the database decides. What cannot
 * be done now is the sweeper's. */
static void drop_object(struct task_run *r)
{
    struct store_name name = {.object = r->object_key};
    struct error err;
    bool removable = false;
    struct db_conn *c;

    if (!r->object_key.p || !(c = db_acquire(r->db, &err)))
        return;
    bool ok = sweep_removable(c, r->object_key, &removable, &err);
    db_release(c);
    if (!ok || !removable || fault_point("task.drop"))
        return;
    ok = store_remove(r->tools->images, NULL, &name, &err) && (c = db_acquire(r->db, &err));
    if (ok) {
        ok = images_object_gone(c, r->object_key, &err);
        db_release(c);
    }
    if (!ok)
        log_warning("task %s: its bytes stay for the sweeper: %s", r->lease->hold.task_id, err.message);
}

/* Does the database say that the task is this attempt's, and has not ended? */
static bool still_ours(struct task_run *r)
{
    struct arena *arena = arena_new(0);
    struct task_work work;
    struct error err;
    bool ours = false;
    struct db_conn *c = task_db(r, &err);
    bool ok = c && task_db_error(r, task_queue_read(c, arena, &r->lease->hold, &work, &ours, &err), &err);

    db_release(c);
    arena_free(arena);
    return ok && ours;
}

static void clean_export(struct task_run *r)
{
    struct error err;

    if (!task_export_clean(r, &err))
        log_warning("task %s: what it exported may be left: %s", r->lease->hold.task_id, err.message);
}

/* An administrator has made a failure of it: whoever had it clears away, as long as it has the turn. */
static void clear_failed_export(struct task_run *r)
{
    const struct task_hold *hold = &r->lease->hold;
    struct error err;
    bool ours = false;
    struct db_conn *c = task_db(r, &err);
    bool ok =
        c && task_db_error(r, task_queue_clear(c, hold, r->tools->conf->worker.lease, &ours, &err), &err);

    db_release(c);
    if (!ok || !ours)
        return;
    if (r->may_have_exported)
        clean_export(r);
    if ((c = task_db(r, &err)))
        task_db_error(r, task_queue_cleared(c, hold, &err), &err);
    db_release(c);
}

/* What a customer sees as failed has left nothing; the object of a task that may have ended well, or that
 * another attempt goes on with, stays. */
static enum verdict take_back_export(struct task_run *r, enum verdict verdict)
{
    if (r->type != TASK_EXPORT || verdict != VERDICT_FAIL || !r->may_have_exported)
        return verdict;
    if (!still_ours(r))
        return VERDICT_LOST;
    clean_export(r);
    return verdict;
}

static void conclude(struct task_run *r, struct error *err)
{
    enum verdict verdict = take_back_export(r, judge(r, err));
    const char *id = r->lease->hold.task_id;

    fault_point("task.before_verdict");
    if (verdict != VERDICT_LOST && !write_verdict(r, verdict, err))
        verdict = VERDICT_LOST;
    fault_point("task.after_verdict");
    if (verdict == VERDICT_LOST && r->type == TASK_EXPORT)
        clear_failed_export(r);
    drop_object(r);
    switch (verdict) {
    case VERDICT_FAIL: log_info("task %s: failure: %s", id, err->message); break;
    case VERDICT_AGAIN:
        log_info("task %s: waits after attempt %" PRId64 ": %s", id, r->work.attempts, err->message);
        break;
    case VERDICT_HAND_BACK: log_info("task %s: handed back", id); break;
    case VERDICT_LOST:
        log_warning("task %s: attempt %" PRId64 " was lost to another one", id, r->lease->hold.epoch);
        break;
    }
}

void task_carry_out(struct db *db, struct toolbox *box, struct lease *lease, struct arena *arena)
{
    struct task_run r = {
        .db = db, .lease = lease, .arena = arena, .tools = toolbox_acquire(box), .workspace = box->workspace};
    int64_t began = clock_mono_us();
    struct error err;

    error_clear(&err);
    if (attempt(&r, &err))
        log_info("task %s: %.*s success in %" PRId64 " ms", lease->hold.task_id, STR_ARG(r.work.type),
                 (clock_mono_us() - began) / 1000);
    else
        conclude(&r, &err);
    arena_reset(arena);
    toolbox_release(box, r.tools);
}
