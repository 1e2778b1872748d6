/* Converts a file, as tally-worker does:
 *
 *   convert_probe CONFIG FROM SOURCE TO TARGET [SECONDS]     prints "ok", format, size, virtual size
 *                                                            or the kind of error and the reason
 *   convert_probe confine MEMORY CPU FILE WALL STALL PROGRAM ARGUMENT ... [--reads PATH ...] [--writes PATH
 * ...] prints how it ended, and what it said
 *
 * SECONDS: stop() says so from then on. */
#include "config.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/confine.h"
#include "worker/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t stop_at;

static bool stop(void *ctx)
{
    (void)ctx;
    return clock_mono_us() >= stop_at;
}

static int convert(char **argv, int argc)
{
    struct convert c = {
        .from = str_of(argv[2]), .from_path = argv[3], .to = str_of(argv[4]), .to_path = argv[5]};
    struct arena *arena = arena_new(0);
    struct inspect_result out;
    struct error err = {0};
    struct buf mistakes;
    struct conf *conf;
    bool ok;

    buf_init(&mistakes, 65536);
    conf = conf_read(argv[1], &mistakes);
    if (!conf) {
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&mistakes)));
        return 2;
    }
    if (argc > 6) {
        stop_at = clock_mono_us() + atoll(argv[6]) * 1000000;
        c.stop = stop;
    }
    ok = convert_run(conf, arena, &c, &out, &err);
    if (ok)
        printf("ok\t%s\t%llu\t%llu\n", out.format, (unsigned long long)out.size,
               (unsigned long long)out.virtual_size);
    else
        printf("%d\t%s\n", err.kind, err.message);
    buf_free(&mistakes);
    conf_unref(conf);
    arena_free(arena);
    return 0;
}

/* The list that follows WORD in ARGV; WORD's place becomes its end. */
static const char *const *list_after(char **argv, const char *word)
{
    for (; *argv; argv++)
        if (strcmp(*argv, word) == 0) {
            *argv = NULL;
            return (const char *const *)argv + 1;
        }
    return NULL;
}

static int confine(char **argv)
{
    struct confine_job job = {.memory = strtoull(argv[2], NULL, 10),
                              .cpu_seconds = strtoull(argv[3], NULL, 10),
                              .file_bytes = strtoull(argv[4], NULL, 10),
                              .timeout_us = atoll(argv[5]) * 1000000,
                              .stall_us = atoll(argv[6]) * 1000000};
    struct confine_result r;
    struct error err;

    job.writes = list_after(argv + 7, "--writes");
    job.reads = list_after(argv + 7, "--reads");
    job.argv = (const char *const *)argv + 7;
    if (!confine_run(&job, &r, &err))
        printf("error %d\t%s\n", err.kind, err.message);
    else
        printf("status %d signal %d\t%s\n", r.status, r.signal, r.said);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 7 && strcmp(argv[1], "confine") == 0)
        return confine(argv);
    if (argc < 6) {
        fprintf(stderr, "usage: convert_probe CONFIG FROM SOURCE TO TARGET [SECONDS]\n");
        return 2;
    }
    return convert(argv, argc);
}
