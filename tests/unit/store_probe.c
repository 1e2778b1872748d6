/* Not a test of its own: does one thing with a store, for the functional tests.
 *
 *     store_probe CONF images|containers COMMAND [ARGUMENT ...]
 *
 *     features | healthy | sweep
 *     stat CONTAINER OBJECT                        "SIZE ETAG NAME=VALUE ..."
 *     get CONTAINER OBJECT [OFFSET [ETAG]]         the bytes to stdout
 *     put CONTAINER OBJECT SIZE [NAME=VALUE ...]   the bytes from stdin; "segment CONTAINER OBJECT" for each
 * part, at the end what stat says. SIZE -1: not known remove CONTAINER OBJECT | copy CONTAINER OBJECT
 * CONTAINER OBJECT list CONTAINER [PREFIX]                      "SIZE OBJECT" a line
 *
 * CONTAINER is "-" in the image store. The environment says who asks (TOKEN, none: our own authority;
 * PROJECT), how to write (TAG; ABORT=1; COMMIT_WHEN=FILE waits for that file after the last byte), and when
 * to stop (STOP_AFTER=SECONDS). What went wrong is "KIND MESSAGE" on stderr. */
#include "config.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "identity/service.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

static struct store *store;
static struct store_caller caller;
static struct arena *arena;
static struct error err;
static int64_t stop_us;

static int failed(void)
{
    static const char *const kinds[] = {[ERROR_NONE] = "NONE",
                                        [ERROR_BAD_REQUEST] = "BAD_REQUEST",
                                        [ERROR_UNAUTHORIZED] = "UNAUTHORIZED",
                                        [ERROR_FORBIDDEN] = "FORBIDDEN",
                                        [ERROR_NOT_FOUND] = "NOT_FOUND",
                                        [ERROR_CONFLICT] = "CONFLICT",
                                        [ERROR_TOO_LARGE] = "TOO_LARGE",
                                        [ERROR_MEDIA_TYPE] = "MEDIA_TYPE",
                                        [ERROR_TOO_MANY] = "TOO_MANY",
                                        [ERROR_TIMEOUT] = "TIMEOUT",
                                        [ERROR_UNAVAILABLE] = "UNAVAILABLE",
                                        [ERROR_INTERNAL] = "INTERNAL",
                                        [ERROR_ABORTED] = "ABORTED"};

    fflush(stdout);
    fprintf(stderr, "%s %s\n", kinds[err.kind], err.message);
    return 1;
}

static bool stop(void *ctx)
{
    (void)ctx;
    return stop_us && clock_mono_us() > stop_us;
}

static struct store_name name_of(char **arg)
{
    return (struct store_name){strcmp(arg[0], "-") == 0 ? (struct str){NULL, 0} : str_of(arg[0]),
                               str_of(arg[1])};
}

static int print_info(const struct store_info *info)
{
    printf("%" PRIu64 " %.*s", info->size, STR_ARG(info->etag));
    for (size_t i = 0; i < info->meta.n; i++)
        printf(" %.*s=%.*s", STR_ARG(info->meta.item[i].name), STR_ARG(info->meta.item[i].value));
    putchar('\n');
    return 0;
}

static int run_stat(char **arg, int n)
{
    struct store_name name = name_of(arg);
    struct store_info info;

    (void)n;
    return store_stat(store, &caller, &name, arena, &info, &err) ? print_info(&info) : failed();
}

static int run_get(char **arg, int n)
{
    struct store_name name = name_of(arg);
    struct store_info info;
    uint64_t offset = 0;
    char *block = malloc(BLOCK);
    size_t got = 1;
    bool ok = true;

    if (n > 2)
        str_to_u64(str_of(arg[2]), UINT64_MAX, &offset);
    struct store_reader *r = store_open(store, &caller, &name, offset,
                                        n > 3 ? str_of(arg[3]) : (struct str){NULL, 0}, arena, &info, &err);
    while (r && ok && got) {
        ok = store_read(r, block, BLOCK, &got, &err);
        if (ok && fwrite(block, 1, got, stdout) != got)
            abort();
    }
    ok = ok && r;
    store_close(r);
    free(block);
    return ok ? 0 : failed();
}

static bool say_segment(void *ctx, struct str container, struct str object, struct error *e)
{
    (void)ctx, (void)e;
    printf("segment %.*s %.*s\n", STR_ARG(container), STR_ARG(object));
    fflush(stdout);
    return true;
}

static bool copy_in(struct store_writer *w)
{
    char *block = malloc(BLOCK);
    bool ok = true;

    for (size_t n; ok && (n = fread(block, 1, BLOCK, stdin)) > 0;)
        ok = store_write(w, block, n, &err);
    free(block);
    return ok;
}

static int run_put(char **arg, int n)
{
    struct store_name name = name_of(arg);
    struct store_meta meta = {.n = 0};
    struct store_write_options options = {
        .size = atoll(arg[2]), .meta = &meta, .tag = getenv("TAG"), .segment = say_segment};
    const char *when = getenv("COMMIT_WHEN");
    struct store_info info;

    for (int i = 3; i < n; i++, meta.n++)
        str_cut(str_of(arg[i]), '=', &meta.item[meta.n].name, &meta.item[meta.n].value);
    options.tag = options.tag ? options.tag : "task.1";
    struct store_writer *w = store_create(store, &caller, &name, &options, &err);
    if (!w)
        return failed();
    if (!copy_in(w)) {
        store_abort(w);
        return failed();
    }
    puts("written");
    fflush(stdout);
    while (when && access(when, F_OK) != 0)
        usleep(10000);
    if (getenv("ABORT")) {
        store_abort(w);
        return 0;
    }
    return store_commit(w, arena, &info, &err) ? print_info(&info) : failed();
}

static int run_remove(char **arg, int n)
{
    struct store_name name = name_of(arg);

    (void)n;
    return store_remove(store, &caller, &name, &err) ? 0 : failed();
}

static int run_copy(char **arg, int n)
{
    struct store_name from = name_of(arg), to = name_of(arg + 2);

    (void)n;
    return store_copy(store, &caller, &from, &to, NULL, &err) ? 0 : failed();
}

static bool print_one(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *e)
{
    (void)ctx, (void)e;
    if (modified_us <= 0)
        abort();
    printf("%" PRIu64 " %.*s\n", size, STR_ARG(object));
    return true;
}

static int run_list(char **arg, int n)
{
    struct str container = strcmp(arg[0], "-") == 0 ? (struct str){NULL, 0} : str_of(arg[0]);

    return store_list(store, &caller, container, n > 1 ? str_of(arg[1]) : STR(""), print_one, NULL, &err)
               ? 0
               : failed();
}

static int run_features(char **arg, int n)
{
    (void)arg, (void)n;
    printf("%u\n", store_features(store));
    return 0;
}

static int run_healthy(char **arg, int n)
{
    (void)arg, (void)n;
    printf("%d\n", store_healthy(store));
    return 0;
}

static int run_sweep(char **arg, int n)
{
    uint64_t removed;

    (void)arg, (void)n;
    if (!store_sweep(store, 0, &removed, &err))
        return failed();
    printf("%" PRIu64 "\n", removed);
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*fn)(char **arg, int n);
        int least;
    } commands[] = {{"stat", run_stat, 2},         {"get", run_get, 2},     {"put", run_put, 3},
                    {"remove", run_remove, 2},     {"copy", run_copy, 4},   {"list", run_list, 1},
                    {"features", run_features, 0}, {"sweep", run_sweep, 0}, {"healthy", run_healthy, 0}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0 && argc > commands[i].least)
            return commands[i].fn(argv + 1, argc - 1);
    return 2;
}

int main(int argc, char **argv)
{
    struct buf mistakes;
    struct conf *conf;
    struct identity_service *service;
    int code = 2;

    if (argc < 4)
        return 2;
    buf_init(&mistakes, 65536);
    conf = conf_read(argv[1], &mistakes);
    if (!conf) {
        fwrite(mistakes.p, 1, mistakes.n, stderr);
        return 2;
    }
    buf_free(&mistakes);
    arena = arena_new(0);
    caller = (struct store_caller){
        .token = str_of(getenv("TOKEN")), .project_id = str_of(getenv("PROJECT")), .stop = stop};
    if (getenv("STOP_AFTER"))
        stop_us = clock_mono_us() + (int64_t)(atof(getenv("STOP_AFTER")) * 1e6);
    service = identity_service_new(conf, &err);
    if (service)
        store = (strcmp(argv[2], "images") == 0 ? store_images_new : store_containers_new)(
            conf, identity_service_auth(service), &err);
    code = store ? run(argc - 3, argv + 3) : failed();
    store_free(store);
    identity_service_free(service);
    conf_unref(conf);
    arena_free(arena);
    return code;
}
