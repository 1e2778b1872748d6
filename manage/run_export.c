/* tally-manage run export: a run, or the average run, as a subunit version 2 stream. */
#include "config.h"
#include "handlers/run_export.h"
#include "base/clock.h"
#include "handlers/average.h"
#include "manage/manage.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { DEFAULT_LAST = 50 };

struct arguments {
    const char *uuid;
    const char *output;
    bool average;
    struct average_of of;
};

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"average", no_argument, NULL, 'a'},      {"key", required_argument, NULL, 'k'},
        {"value", required_argument, NULL, 'v'},  {"last", required_argument, NULL, 'l'},
        {"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (opt) {
        case 'a': a->average = true; break;
        case 'k': a->of.key = str_of(optarg); break;
        case 'v': a->of.value = str_of(optarg); break;
        case 'l':
            if (!str_to_u64(str_of(optarg), FAILURES_RUNS, &a->of.last) || a->of.last == 0)
                return false;
            break;
        case 'o': a->output = optarg; break;
        default: return false;
        }
    }
    if (optind < argc)
        a->uuid = argv[optind++];
    return optind == argc && a->average == !a->uuid && !a->of.key.p == !a->of.value.p &&
           (a->average || !a->of.key.p);
}

static bool to_file(void *ctx, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, ctx) == n;
}

static bool export_run(struct manage *m, struct db_conn *c, const char *uuid, FILE *out, struct error *err)
{
    const struct viewer all = {.staff = true};
    struct arena *arena = arena_new(0);
    struct db_conn *files = db_acquire(m->db, err);
    struct run run;
    bool ok = files && run_get(c, arena, &all, str_of(uuid), &run, err) &&
              run_export_stream(c, files, run.id, to_file, out, err);

    db_release(files);
    arena_free(arena);
    return ok;
}

static bool export_to(struct manage *m, struct db_conn *c, struct arguments *a, FILE *out, struct error *err)
{
    a->of.viewer.staff = true;
    bool ok = a->average ? average_stream(c, &a->of, clock_now_us(), to_file, out, err)
                         : export_run(m, c, a->uuid, out, err);
    if ((ok && fflush(out) != 0) || (!ok && err->kind == ERROR_ABORTED))
        return error_set(err, ERROR_ABORTED, "the stream cannot be written: %s", strerror(errno));
    return ok;
}

/* Under another name beside it, until it is whole. */
static bool export_to_file(struct manage *m, struct db_conn *c, struct arguments *a, struct error *err)
{
    struct arena *arena = arena_new(0);
    char *name = arena_printf(arena, "%s.XXXXXX", a->output);
    int fd = mkstemp(name);
    FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;
    mode_t mask = umask(0);

    umask(mask);
    bool ok =
        out ? export_to(m, c, a, out, err) : error_set(err, ERROR_ABORTED, "%s: %s", name, strerror(errno));
    if (ok && (fchmod(fd, 0666 & ~mask) < 0 || fsync(fd) < 0))
        ok = error_set(err, ERROR_ABORTED, "%s: %s", name, strerror(errno));
    if (out && fclose(out) != 0 && ok)
        ok = error_set(err, ERROR_ABORTED, "%s: %s", name, strerror(errno));
    if (ok && rename(name, a->output) < 0)
        ok = error_set(err, ERROR_ABORTED, "%s: %s", a->output, strerror(errno));
    if (!ok && fd >= 0)
        unlink(name);
    arena_free(arena);
    return ok;
}

int manage_run_export(struct manage *m, int argc, char **argv)
{
    struct arguments a = {.of = {.last = DEFAULT_LAST}};
    struct error err;

    if (!read_arguments(argc, argv, &a))
        return manage_usage("run export: UUID or --average [--key KEY --value VALUE [--last N]], [-o FILE]");
    struct db_conn *c = manage_connect_at_head(m, &err);
    if (!c)
        return manage_fail(&err);
    bool ok = a.output ? export_to_file(m, c, &a, &err) : export_to(m, c, &a, stdout, &err);
    db_release(c);
    return ok ? EX_OK : manage_fail(&err);
}
