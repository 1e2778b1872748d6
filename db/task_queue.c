#include "config.h"
#include "db/task_queue.h"
#include "base/fault.h"
#include "db/images.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- looking -------------------------------------------------------------------------------------- */

/* A project that has something to do. */
struct share {
    char project[TASK_PROJECT_SIZE];
    uint64_t running; /* those given out by this look included */
    size_t first;     /* of its own candidates */
    size_t n;
};

struct shares {
    struct share item[TASK_LOOK_PROJECTS];
    size_t n;
};

static void copy_text(char *to, size_t size, struct str from)
{
    snprintf(to, size, "%.*s", STR_ARG(from));
}

/* One range scan that jumps from project to project: its cost follows their number, not the tasks'. */
static bool find_projects(struct db_conn *c, struct task_look *look, struct shares *s, struct error *err)
{
    struct db_rows *rows = DB_QUERY(
        c, err,
        "SELECT project, MIN(next_run_at) AS due FROM task_leases WHERE worker IS NULL AND project > ?"
        " GROUP BY project HAVING due <= NOW(6) ORDER BY project LIMIT 64",
        DB_CSTR(look->after));

    if (!rows)
        return false;
    s->n = 0;
    while (s->n < TASK_LOOK_PROJECTS && db_next(rows, err)) {
        struct share *share = &s->item[s->n++];

        memset(share, 0, sizeof(*share));
        copy_text(share->project, sizeof(share->project), db_str(rows, "project"));
    }
    bool ok = db_end(rows);
    if (s->n == TASK_LOOK_PROJECTS)
        memcpy(look->after, s->item[s->n - 1].project, sizeof(look->after));
    else
        look->after[0] = '\0';
    return ok;
}

static struct share *share_of(struct shares *s, struct str project)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq_cstr(project, s->item[i].project))
            return &s->item[i];
    return NULL;
}

/* Only those that run are read, and they are no more than the slots of all workers. One whose lease ran out
 * is among them: it is somebody's next, and its worker may only have been held up. */
static bool count_running(struct db_conn *c, struct shares *s, struct error *err)
{
    struct db_rows *rows = db_query(c,
                                    "SELECT project, COUNT(*) AS running FROM task_leases"
                                    " WHERE worker IS NOT NULL AND lease_until IS NOT NULL GROUP BY project",
                                    NULL, 0, err);

    if (!rows)
        return false;
    while (db_next(rows, err)) {
        struct share *share = share_of(s, db_str(rows, "project"));

        if (share)
            share->running = db_u64(rows, "running");
    }
    return db_end(rows);
}

static void read_candidate(struct db_rows *rows, struct task_candidate *t)
{
    struct str target = db_str(rows, "export_target");

    copy_text(t->task_id, sizeof(t->task_id), db_str(rows, "task_id"));
    copy_text(t->project, sizeof(t->project), db_str(rows, "project"));
    t->epoch = db_i64(rows, "epoch");
    t->takes_turns = target.n == sizeof(t->target);
    if (t->takes_turns)
        memcpy(t->target, target.p, sizeof(t->target));
}

/* Is there one among the N of LIST that T would have to wait for? */
static bool comes_after(const struct task_candidate *t, const struct task_candidate *list, size_t n)
{
    for (size_t i = 0; t->takes_turns && i < n; i++)
        if (list[i].takes_turns && memcmp(list[i].target, t->target, sizeof(t->target)) == 0)
            return true;
    return false;
}

/* Adds what ROWS (NULL: the query failed) has to the *N of OUT, up to MAX. */
static bool read_candidates(struct db_rows *rows, struct task_candidate *out, size_t max, size_t *n,
                            struct error *err)
{
    if (!rows)
        return false;
    while (*n < max && db_next(rows, err)) {
        read_candidate(rows, &out[*n]);
        if (!comes_after(&out[*n], out, *n))
            (*n)++;
    }
    return db_end(rows);
}

static bool find_expired(struct db_conn *c, struct task_candidate *out, size_t max, size_t *n,
                         struct error *err)
{
    struct db_rows *rows = DB_QUERY(c, err,
                                    "SELECT task_id, project, epoch, export_target FROM task_leases"
                                    " WHERE lease_until < NOW(6) ORDER BY lease_until LIMIT ?",
                                    DB_UINT(max));

    if (!read_candidates(rows, out, max, n, err))
        return false;
    for (size_t i = 0; i < *n; i++)
        out[i].expired = true;
    return true;
}

/* The oldest MAX tasks of one project. What waits for its turn is passed over, at the cost of one look into
 * the index of turns each; it keeps its place, so that who has waited longest is next. */
static bool find_tasks(struct db_conn *c, const char *project, struct task_candidate *out, size_t max,
                       size_t *n, struct error *err)
{
    struct db_rows *rows =
        DB_QUERY(c, err,
                 "SELECT l.task_id, l.project, l.epoch, l.export_target"
                 " FROM task_leases l FORCE INDEX (ix_task_leases_project)"
                 " LEFT JOIN task_leases o ON o.export_turn = l.export_target AND o.task_id <> l.task_id"
                 " WHERE l.project = ? AND l.worker IS NULL AND l.next_run_at <= NOW(6)"
                 " AND o.task_id IS NULL ORDER BY l.next_run_at LIMIT ?",
                 DB_CSTR(project), DB_UINT(max));

    *n = 0;
    return read_candidates(rows, out, max, n, err);
}

static int by_running(const void *a, const void *b)
{
    const struct share *x = a, *y = b;

    return x->running < y->running ? -1 : x->running > y->running;
}

/* Each project's own candidates, as many as it could get at most, one project after another in POOL. */
static bool fill_pool(struct db_conn *c, struct shares *s, uint64_t max_per_project,
                      struct task_candidate *pool, size_t room, struct error *err)
{
    size_t used = 0;

    for (size_t i = 0; i < s->n && used < room; i++) {
        struct share *share = &s->item[i];
        size_t want = (room - used) / (s->n - i);

        if (want == 0)
            want = 1;
        if (max_per_project) {
            uint64_t left = share->running < max_per_project ? max_per_project - share->running : 0;

            want = left < want ? (size_t)left : want;
        }
        share->first = used;
        if (want > 0 && !find_tasks(c, share->project, pool + used, want, &share->n, err))
            return false;
        used += share->n;
    }
    return true;
}

/* Deals out the pool: always to the project that has the least, those given just now counted. */
static void deal(struct shares *s, const struct task_candidate *pool, struct task_candidate *out, size_t max,
                 size_t *n)
{
    while (*n < max) {
        struct share *least = NULL;

        for (size_t i = 0; i < s->n; i++)
            if (s->item[i].n > 0 && (!least || s->item[i].running < least->running))
                least = &s->item[i];
        if (!least)
            return;
        out[(*n)++] = pool[least->first++];
        least->n--;
        least->running++;
    }
}

bool task_queue_look(struct db_conn *c, struct task_look *look, uint64_t max_per_project,
                     struct task_candidate *out, size_t max, size_t *n, struct error *err)
{
    struct shares *s = calloc(1, sizeof(*s));
    struct task_candidate *pool = calloc(max + TASK_LOOK_PROJECTS, sizeof(*pool));
    bool again = look->after[0] != '\0';
    bool ok = s && pool;

    *n = 0;
    if (!ok)
        error_set(err, ERROR_INTERNAL, "no memory");
    ok = ok && find_expired(c, out, max, n, err) && find_projects(c, look, s, err);
    if (ok && s->n == 0 && again) /* behind the last project: from the beginning */
        ok = find_projects(c, look, s, err);
    if (ok && s->n > 0) {
        ok = count_running(c, s, err);
        qsort(s->item, s->n, sizeof(s->item[0]), by_running);
        ok = ok && fill_pool(c, s, max_per_project, pool, max - *n, err);
        if (ok)
            deal(s, pool, out, max, n);
    }
    free(pool);
    free(s);
    return ok;
}

/* --- holding -------------------------------------------------------------------------------------- */

struct claiming {
    const struct task_candidate *candidate;
    const char *worker;
    uint64_t lease, max_per_project;
    bool ours;
};

/* Both tables in one statement: a task is never claimed without being seen as processing. The turn of an
 * export is a unique key: who is second, on whichever node of a cluster, has not claimed. */
static bool take(struct db_conn *c, struct claiming *k, struct error *err)
{
    struct db_done done;

    k->ours = false;
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases l JOIN tasks t ON t.id = l.task_id"
                 " SET l.worker = ?, l.epoch = l.epoch + 1, l.attempts = l.attempts + 1,"
                 " l.lease_until = NOW(6) + INTERVAL ? SECOND, l.started_at = COALESCE(l.started_at, NOW(6)),"
                 " l.bytes_done = 0, l.bytes_total = NULL, l.note = NULL, l.export_turn = l.export_target,"
                 " t.status = 'processing', t.updated_at = NOW(6)"
                 " WHERE l.task_id = ? AND l.epoch = ? AND t.status IN ('pending', 'processing')"
                 " AND IF(?, l.lease_until < NOW(6), l.worker IS NULL AND l.next_run_at <= NOW(6))",
                 DB_CSTR(k->worker), DB_UINT(k->lease), DB_CSTR(k->candidate->task_id),
                 DB_INT(k->candidate->epoch), DB_INT(k->candidate->expired)))
        return false;
    k->ours = done.affected > 0;
    return true;
}

/* How many its project runs is counted in its own turn and before anybody else sees the claim, so that of two
 * workers at the same moment the second one counts the first one's, on whichever node of a cluster. */
static bool take_within_limit(struct db_conn *c, void *arg, struct error *err)
{
    struct claiming *k = arg;
    struct db_value project = DB_CSTR(k->candidate->project);
    struct db_rows *rows;
    bool found;

    if (!take(c, k, err))
        return false;
    if (!k->ours)
        return true;
    if (!images_quota_lock(c, str_of(k->candidate->project), err))
        return false;
    rows = db_query_one(c,
                        "SELECT COUNT(*) AS running FROM task_leases"
                        " WHERE project = ? AND worker IS NOT NULL AND lease_until IS NOT NULL",
                        &project, 1, &found, err);
    if (!rows)
        return false;
    k->ours = found && db_u64(rows, "running") <= k->max_per_project;
    db_close(rows);
    return k->ours || error_set(err, ERROR_TOO_MANY, "the project runs as many tasks as it may");
}

bool task_queue_claim(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                      uint64_t lease, uint64_t max_per_project, struct task_hold *hold, bool *ours,
                      struct error *err)
{
    struct claiming k = {candidate, worker, lease, max_per_project, false};
    /* what goes on under another worker makes no more of them */
    bool ok = max_per_project && !candidate->expired ? db_transaction(c, take_within_limit, NULL, &k, err)
                                                     : take(c, &k, err);

    *ours = ok && k.ours;
    if (!ok)
        return err->code == ER_DUP_ENTRY || err->kind == ERROR_TOO_MANY;
    if (!*ours)
        return true;
    memcpy(hold->task_id, candidate->task_id, sizeof(hold->task_id));
    snprintf(hold->worker, sizeof(hold->worker), "%s", worker);
    hold->epoch = candidate->epoch + 1;
    return true;
}

bool task_queue_disown(struct db_conn *c, const struct task_candidate *candidate, const char *worker,
                       struct error *err)
{
    struct task_hold hold;
    bool ours;

    memcpy(hold.task_id, candidate->task_id, sizeof(hold.task_id));
    snprintf(hold.worker, sizeof(hold.worker), "%s", worker);
    hold.epoch = candidate->epoch + 1;
    return task_queue_release(c, &hold, TASK_HAND_BACK, 0, (struct str){NULL, 0}, &ours, err);
}

bool task_queue_read(struct db_conn *c, struct arena *arena, const struct task_hold *hold,
                     struct task_work *out, bool *ours, struct error *err)
{
    const struct db_value values[] = {DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)};
    struct db_rows *rows = db_query_one(
        c,
        "SELECT t.type, t.owner, t.user_id, t.request_id, i.input, s.sealed, l.attempts, l.cancel,"
        " l.export_turn, TIMESTAMPDIFF(MICROSECOND, l.started_at, NOW(6)) AS elapsed_us"
        " FROM task_leases l JOIN tasks t ON t.id = l.task_id LEFT JOIN task_info i ON i.task_id = l.task_id"
        " LEFT JOIN task_secrets s ON s.task_id = l.task_id"
        " WHERE l.task_id = ? AND l.epoch = ? AND l.worker = ?",
        values, 3, ours, err);

    if (!rows)
        return false;
    if (*ours) {
        out->type = arena_str(arena, db_str(rows, "type"));
        out->owner = arena_str(arena, db_str(rows, "owner"));
        out->user_id = arena_str(arena, db_str(rows, "user_id"));
        out->request_id = arena_str(arena, db_str(rows, "request_id"));
        out->input = arena_str(arena, db_str(rows, "input"));
        out->sealed = out->turn = (struct str){NULL, 0};
        if (!db_is_null(rows, "sealed"))
            out->sealed = arena_str(arena, db_str(rows, "sealed"));
        if (!db_is_null(rows, "export_turn"))
            out->turn = arena_str(arena, db_str(rows, "export_turn"));
        out->attempts = db_i64(rows, "attempts");
        out->elapsed_us = db_i64(rows, "elapsed_us");
        out->cancel = db_i64(rows, "cancel") != 0;
    }
    db_close(rows);
    return true;
}

bool task_queue_beat(struct db_conn *c, const struct task_hold *hold, uint64_t lease, int64_t bytes_done,
                     int64_t bytes_total, bool *ours, bool *cancel, struct error *err)
{
    const struct db_value key[] = {DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)};
    struct db_done done;
    struct db_rows *rows;

    *ours = *cancel = false;
    if (fault_point("lease.beat"))
        return error_set(err, ERROR_UNAVAILABLE, "fault point lease.beat");
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases SET lease_until = NOW(6) + INTERVAL ? SECOND, bytes_done = ?,"
                 " bytes_total = ? WHERE task_id = ? AND epoch = ? AND worker = ?",
                 DB_UINT(lease), DB_INT(bytes_done), bytes_total < 0 ? DB_NULL_VALUE : DB_INT(bytes_total),
                 key[0], key[1], key[2]))
        return false;
    if (done.affected == 0)
        return true;
    rows = db_query_one(c, "SELECT cancel FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = ?",
                        key, 3, ours, err);
    if (!rows)
        return false;
    *cancel = *ours && db_i64(rows, "cancel") != 0;
    db_close(rows);
    return true;
}

/* --- turns ---------------------------------------------------------------------------------------- */

bool task_queue_take_turn(struct db_conn *c, const struct task_hold *hold,
                          const unsigned char target[SHA256_SIZE], bool *ours, struct error *err)
{
    const struct db_value key = DB_BYTES(((struct str){(const char *)target, SHA256_SIZE}));
    struct db_done done;

    /* Each alone: what stays of it is where the next claim looks. */
    if (!DB_EXEC(c, &done, err,
                 "UPDATE task_leases SET export_target = ?, export_turn = NULL"
                 " WHERE task_id = ? AND epoch = ? AND worker = ?",
                 key, DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)))
        return false;
    *ours = done.affected > 0;
    if (!*ours || DB_EXEC(c, NULL, err,
                          "UPDATE task_leases SET export_turn = export_target"
                          " WHERE task_id = ? AND epoch = ? AND worker = ?",
                          DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker)))
        return true;
    return err->code == ER_DUP_ENTRY
               ? error_set(err, ERROR_TOO_MANY, "Another export of the image to that container is under way")
               : false;
}

bool task_queue_clear(struct db_conn *c, const struct task_hold *hold, uint64_t lease, bool *ours,
                      struct error *err)
{
    struct db_done done = {0};
    bool ok = DB_EXEC(c, &done, err,
                      "UPDATE task_leases SET next_run_at = NOW(6) + INTERVAL ? SECOND WHERE task_id = ?"
                      " AND epoch = ? + 1 AND worker = ? AND lease_until IS NULL AND next_run_at > NOW(6)",
                      DB_UINT(lease), DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker));

    *ours = ok && done.affected > 0;
    return ok;
}

bool task_queue_cleared(struct db_conn *c, const struct task_hold *hold, struct error *err)
{
    return DB_EXEC(c, NULL, err,
                   "DELETE FROM task_leases WHERE task_id = ? AND epoch = ? + 1 AND worker = ?"
                   " AND lease_until IS NULL",
                   DB_CSTR(hold->task_id), DB_INT(hold->epoch), DB_CSTR(hold->worker));
}

/* --- letting go ------------------------------------------------------------------------------------ */

struct release {
    const struct task_hold *hold;
    enum task_release how;
    int64_t delay_us;
    struct str note;
    bool ours;
};

static bool release_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct release *r = arg;
    struct db_done done;

    r->ours = false;
    /* A statement of its own, for in the next one nothing says whether "attempts" is the old or the new
     * value. */
    if (r->how == TASK_HAND_BACK &&
        !DB_EXEC(c, NULL, err,
                 "UPDATE task_leases SET started_at = NULL WHERE task_id = ? AND epoch = ? AND worker = ?"
                 " AND attempts <= 1",
                 DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch), DB_CSTR(r->hold->worker)))
        return false;
    if (!DB_EXEC(
            c, &done, err,
            "UPDATE task_leases l JOIN tasks t ON t.id = l.task_id"
            " SET l.worker = NULL, l.lease_until = NULL, l.export_turn = NULL, l.attempts = l.attempts - ?,"
            " l.next_run_at = NOW(6) + INTERVAL ? MICROSECOND, l.note = ?,"
            " l.bytes_done = 0, l.bytes_total = NULL, t.status = 'pending', t.updated_at = NOW(6)"
            " WHERE l.task_id = ? AND l.epoch = ? AND l.worker = ?",
            DB_INT(r->how == TASK_HAND_BACK ? 1 : 0), DB_INT(r->delay_us), DB_STR_OR_NULL(r->note),
            DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch), DB_CSTR(r->hold->worker)))
        return false;
    if (done.affected == 0)
        return true;
    r->ours = true;
    /* Parts of an export stay until the task's end: an object may be made of them although nobody heard so.
     */
    return DB_EXEC(c, NULL, err,
                   "UPDATE store_objects SET state = 'dead' WHERE task_id = ? AND epoch = ?"
                   " AND state = 'writing' AND container IS NULL",
                   DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch));
}

/* After a COMMIT without an answer: a lease that is not held under this epoch any more was let go of. */
static bool release_confirm(struct db_conn *c, void *arg, bool *done, struct error *err)
{
    struct release *r = arg;
    const struct db_value key[] = {DB_CSTR(r->hold->task_id), DB_INT(r->hold->epoch),
                                   DB_CSTR(r->hold->worker)};
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT epoch FROM task_leases WHERE task_id = ? AND epoch = ? AND worker = ?", key,
                     3, &found, err);

    db_close(rows);
    *done = rows && !found;
    return rows != NULL;
}

bool task_queue_release(struct db_conn *c, const struct task_hold *hold, enum task_release how,
                        int64_t delay_us, struct str note, bool *ours, struct error *err)
{
    struct release r = {hold, how, delay_us, note, false};

    if (note.n > 255) {
        size_t n = 252;

        while (n > 0 && ((unsigned char)note.p[n] & 0xc0) == 0x80)
            n--;
        r.note.n = n;
    }
    bool ok = db_transaction(c, release_tx, release_confirm, &r, err);
    *ours = r.ours;
    return ok;
}
