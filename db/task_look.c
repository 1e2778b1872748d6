/* Which tasks there are to claim: those that a dead worker left first, then project by project in turn. */
#include "config.h"
#include "db/task_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
