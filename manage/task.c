#include "config.h"
#include "manage/task.h"
#include "base/uuid.h"
#include "base/wake.h"
#include "db/task_admin.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { MESSAGE_MAX = 2000, DAYS_MAX = 36500 };

/* --- show --------------------------------------------------------------------------------------- */

static void print_member(const char *name, struct str text)
{
    printf("%-12s ", name);
    task_print_text(text);
    putchar('\n');
}

static void print_moment(const char *name, int64_t us)
{
    printf("%-12s ", name);
    task_print_time(us);
    putchar('\n');
}

static void print_task(const struct task *t)
{
    print_member("id", t->id);
    print_member("type", t->type);
    print_member("status", t->status);
    print_member("owner", t->owner);
    print_member("user", t->user_id);
    print_member("request", t->request_id);
    print_member("image", t->image_id);
    print_moment("created", t->created_us);
    print_moment("updated", t->updated_us);
    print_moment("expires", t->expires_us);
    printf("%-12s %s\n", "expired", t->deleted ? "yes, soft-deleted" : t->expired ? "yes" : "no");
    print_member("input", t->input);
    print_member("result", t->result);
    print_member("message", t->message);
}

static void print_lease(const struct task_lease *l, const struct task *t)
{
    print_member("worker", l->worker);
    printf("%-12s %" PRId64 "\n%-12s %" PRId64 "\n", "epoch", l->epoch, "attempts", l->attempts);
    print_moment("lease until", l->lease_until_us);
    print_moment("started", l->started_us);
    print_moment("next run", l->next_run_us);
    printf("%-12s %" PRId64, "bytes", t->bytes_done);
    if (t->bytes_total >= 0)
        printf(" of %" PRId64, t->bytes_total);
    printf("\n%-12s %s\n%-12s %s\n", "cancel", l->cancel ? "yes" : "no", "secret",
           l->has_secret ? "sealed" : "none");
    print_member("note", l->note);
}

static bool show(struct db_conn *c, struct arena *arena, struct str id, struct error *err)
{
    struct task_lease lease;
    struct task task;
    bool found, queued;

    if (!tasks_get(c, arena, id, &task, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_NOT_FOUND, "task %.*s was not found", STR_ARG(id));
    if (!task_lease_get(c, arena, id, &lease, &queued, err))
        return false;
    print_task(&task);
    if (queued)
        print_lease(&lease, &task);
    return true;
}

/* --- one task ----------------------------------------------------------------------------------- */

struct one {
    struct str id;
    struct str message;
};

typedef bool (*one_fn)(struct manage *m, struct db_conn *c, const struct one *one, struct error *err);

static bool run_show(struct manage *m, struct db_conn *c, const struct one *one, struct error *err)
{
    struct arena *arena = arena_new(1 << 16);
    bool ok = show(c, arena, one->id, err);

    (void)m;
    arena_free(arena);
    return ok;
}

static bool run_fail(struct manage *m, struct db_conn *c, const struct one *one, struct error *err)
{
    return task_admin_fail(c, one->id, one->message, m->conf->task.task_time_to_live, err);
}

static bool run_requeue(struct manage *m, struct db_conn *c, const struct one *one, struct error *err)
{
    if (!task_admin_requeue(c, one->id, err))
        return false;
    wake_send(m->conf);
    return true;
}

static bool run_cancel(struct manage *m, struct db_conn *c, const struct one *one, struct error *err)
{
    if (!task_admin_cancel(c, one->id, err))
        return false;
    wake_send(m->conf);
    return true;
}

/* The task's id, and --message where WITH_MESSAGE. */
static bool read_one(int argc, char **argv, bool with_message, struct one *one)
{
    static const struct option options[] = {{"message", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "", with_message ? options : options + 1, NULL)) != -1) {
        if (opt != 'm')
            return false;
        one->message = str_of(optarg);
    }
    if (optind != argc - 1)
        return false;
    one->id = str_of(argv[optind]);
    return !with_message || one->message.p;
}

static int run_one(struct manage *m, int argc, char **argv, const char *name, one_fn run)
{
    bool with_message = run == run_fail;
    struct one one = {{NULL, 0}, {NULL, 0}};
    struct error err;

    if (!read_one(argc, argv, with_message, &one))
        return manage_usage("task %s: the id of one task%s is needed", name,
                            with_message ? " and --message TEXT" : "");
    if (!uuid_is(one.id))
        return manage_usage("task %s: \"%.*s\" is no task's id", name, STR_ARG(one.id));
    if (with_message && (one.message.n == 0 || one.message.n > MESSAGE_MAX || !str_is_utf8(one.message)))
        return manage_usage("task %s: the message has 1 to %d bytes of UTF-8", name, MESSAGE_MAX);
    struct db_conn *c = task_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    bool ok = run(m, c, &one, &err);
    db_release(c);
    return ok ? EX_OK : manage_fail(&err);
}

int manage_task_show(struct manage *m, int argc, char **argv)
{
    return run_one(m, argc, argv, "show", run_show);
}

int manage_task_fail(struct manage *m, int argc, char **argv)
{
    return run_one(m, argc, argv, "fail", run_fail);
}

int manage_task_requeue(struct manage *m, int argc, char **argv)
{
    return run_one(m, argc, argv, "requeue", run_requeue);
}

int manage_task_cancel(struct manage *m, int argc, char **argv)
{
    return run_one(m, argc, argv, "cancel", run_cancel);
}

/* --- purge -------------------------------------------------------------------------------------- */

static bool read_purge(int argc, char **argv, uint64_t *days, bool *dry_run)
{
    static const struct option options[] = {{"older-than", required_argument, NULL, 'o'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    bool given = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "n", options, NULL)) != -1) {
        if (opt == 'o')
            given = str_to_u64(str_of(optarg), DAYS_MAX, days);
        else if (opt == 'n')
            *dry_run = true;
        if ((opt == 'o' && !given) || opt == '?')
            return false;
    }
    return given && optind == argc;
}

int manage_task_purge(struct manage *m, int argc, char **argv)
{
    bool dry_run = false;
    uint64_t days, n = 0;
    struct error err;

    if (!read_purge(argc, argv, &days, &dry_run))
        return manage_usage("task purge: --older-than DAYS is needed");
    struct db_conn *c = task_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    bool ok = task_admin_purge(c, days, dry_run, &n, &err);
    db_release(c);
    printf("%s %" PRIu64 " task%s that expired more than %" PRIu64 " day%s ago\n",
           dry_run ? "would delete" : "deleted", n, n == 1 ? "" : "s", days, days == 1 ? "" : "s");
    return ok ? EX_OK : manage_fail(&err);
}
