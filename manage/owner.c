/* tally-manage owner set: whose runs and results are. tally-manage db signatures: what their failures come
 * to. */
#include "config.h"
#include "db/owner.h"
#include "db/failures.h"
#include "manage/manage.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { BATCH = 200, OWNER_CHARS = 255 };

struct owner {
    struct db_conn *c;
    struct str project;
    struct str user;
    uint64_t runs, results;
};

static bool set_run(struct owner *o, struct str uuid, struct error *err)
{
    if (!owner_set_run(o->c, uuid, o->project, o->user, err))
        return false;
    o->runs++;
    return true;
}

static bool set_unowned(struct owner *o, struct error *err)
{
    char uuids[BATCH][UUID_TEXT_SIZE];
    int64_t after = 0;
    size_t n;

    do {
        if (!owner_unowned_runs(o->c, &after, uuids, BATCH, &n, err))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!set_run(o, str_of(uuids[i]), err))
                return false;
    } while (n == BATCH);
    return true;
}

static bool set_result(struct owner *o, struct str id, struct error *err)
{
    if (!owner_set_result(o->c, id, o->project, o->user, err))
        return false;
    o->results++;
    return true;
}

static const struct option options[] = {
    {"project", required_argument, NULL, 'p'}, {"user", required_argument, NULL, 'u'},
    {"run", required_argument, NULL, 'r'},     {"result", required_argument, NULL, 's'},
    {"unowned", no_argument, NULL, 'n'},       {NULL, 0, NULL, 0},
};

/* The first reading of the arguments: who; the number of things to give, negative if they are not understood.
 */
static int read_owner(int argc, char **argv, struct owner *o)
{
    int things = 0, opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'p': o->project = str_of(optarg); break;
        case 'u': o->user = str_of(optarg); break;
        case 'r':
        case 's':
        case 'n': things++; break;
        default: return -1;
        }
    }
    if (optind != argc || o->project.n == 0 || o->project.n > OWNER_CHARS || o->user.n == 0 ||
        o->user.n > OWNER_CHARS)
        return -1;
    return things;
}

int manage_owner_set(struct manage *m, int argc, char **argv)
{
    struct owner o = {.runs = 0};
    struct error err = {.kind = ERROR_NONE};
    bool ok = true;
    int opt;

    if (read_owner(argc, argv, &o) <= 0)
        return manage_usage("owner set: --project ID --user ID (--run UUID | --result UUID | --unowned) ...");
    o.c = manage_connect_at_head(m, &err);
    if (!o.c)
        return manage_fail(&err);
    optind = 0;
    while (ok && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'r': ok = set_run(&o, str_of(optarg), &err); break;
        case 's': ok = set_result(&o, str_of(optarg), &err); break;
        case 'n': ok = set_unowned(&o, &err); break;
        default: break;
        }
    }
    db_release(o.c);
    printf("gave %" PRIu64 " run%s and %" PRIu64 " result%s to project %.*s\n", o.runs,
           o.runs == 1 ? "" : "s", o.results, o.results == 1 ? "" : "s", STR_ARG(o.project));
    return ok ? EX_OK : manage_fail(&err);
}

int manage_db_signatures(struct manage *m, int argc, char **argv)
{
    uint64_t runs = 0, tests = 0;
    struct error err;

    (void)argv;
    if (argc != 1)
        return manage_usage("db signatures: it takes no arguments");
    struct db_conn *c = manage_connect_at_head(m, &err);
    if (!c)
        return manage_fail(&err);
    bool ok = failures_fill_all(c, &runs, &tests, &err);
    db_release(c);
    printf("wrote down %" PRIu64 " failure%s of %" PRIu64 " run%s\n", tests, tests == 1 ? "" : "s", runs,
           runs == 1 ? "" : "s");
    return ok ? EX_OK : manage_fail(&err);
}
