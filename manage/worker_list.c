#include "config.h"
#include "manage/manage.h"
#include "db/task_queue.h"
#include "db/workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { SECOND_US = 1000000 };

struct printing {
    char last[TASK_WORKER_SIZE]; /* whose line was printed */
};

static void print_worker(const struct worker_row *w)
{
    if (!w->host.n) {
        printf("%.*s  has no row any more\n", STR_ARG(w->name));
        return;
    }
    printf("%.*s  host %.*s, pid %" PRId64 ", %" PRId64 " slots, heard of %" PRId64 " s ago%s\n",
           STR_ARG(w->name), STR_ARG(w->host), w->pid, w->slots, w->age_us / SECOND_US,
           w->draining ? ", draining" : "");
}

static void print_task(const struct worker_task *t)
{
    printf("    %.*s  %.*s of %.*s, attempt %" PRId64 ", ", STR_ARG(t->task_id), STR_ARG(t->type),
           STR_ARG(t->project), t->attempts);
    if (t->lease_us >= 0)
        printf("lease for %" PRId64 " s", t->lease_us / SECOND_US);
    else
        printf("lease ran out %" PRId64 " s ago", -t->lease_us / SECOND_US);
    printf(", %" PRId64, t->bytes_done);
    if (t->bytes_total >= 0)
        printf(" of %" PRId64, t->bytes_total);
    puts(" bytes");
}

static bool each(void *arg, const struct worker_row *w, const struct worker_task *t, struct error *err)
{
    struct printing *p = arg;

    (void)err;
    if (!str_eq_cstr(w->name, p->last)) {
        snprintf(p->last, sizeof(p->last), "%.*s", STR_ARG(w->name));
        print_worker(w);
    }
    if (t)
        print_task(t);
    return true;
}

int manage_worker_list(struct manage *m, int argc, char **argv)
{
    struct printing p = {.last = ""};
    struct error err;

    (void)argv;
    if (argc > 1)
        return manage_usage("worker list: no arguments are taken");
    struct db_conn *c = manage_connect(m, &err);
    bool ok = c && worker_list(c, each, &p, &err);

    db_release(c);
    return ok ? EX_OK : manage_fail(&err);
}
