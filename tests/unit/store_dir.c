/* A store in a folder, anew for each test: what the tests of store/dir*.c share. */
#include "config.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

char top[64];
struct conf *conf;
struct store *images, *containers;
struct arena *arena;
struct error err;
struct store_caller demo;

const char *path_of(const char *below)
{
    return arena_printf(arena, "%s/%s", top, below);
}

int store_dir_setup(void **state)
{
    (void)state;
    memcpy(top, "/tmp/test-store.XXXXXX", 23);
    assert_non_null(mkdtemp(top));
    arena = arena_new(0);
    conf = conf_default();
    conf->image_store.dir = path_of("images");
    conf->object_store.dir = path_of("containers");
    conf->object_store.driver = "dir";
    conf->image_store.min_free = conf->object_store.min_free = 0;
    assert_int_equal(mkdir(conf->image_store.dir, 0750), 0);
    assert_int_equal(mkdir(conf->object_store.dir, 0750), 0);
    assert_int_equal(mkdir(path_of("containers/" PROJECT), 0750), 0);
    assert_int_equal(mkdir(path_of("containers/" PROJECT "/box"), 0750), 0);
    images = store_images_new(conf, NULL, &err);
    containers = store_containers_new(conf, NULL, &err);
    assert_non_null(images);
    assert_non_null(containers);
    demo = (struct store_caller){.token = STR("token"), .project_id = STR(PROJECT)};
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int store_dir_teardown(void **state)
{
    (void)state;
    store_free(images);
    store_free(containers);
    umount(path_of("images")); /* of a test that failed */
    umount(path_of("containers"));
    conf_unref(conf);
    arena_free(arena);
    unsetenv("TALLY_FAULT");
    return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct store_name named(const char *container, const char *object)
{
    return (struct store_name){str_of(container), str_of(object)};
}

struct store_writer *begin(struct store *s, const char *container, const char *object, int64_t size,
                           const struct store_meta *meta)
{
    struct store_name name = named(container, object);
    struct store_write_options options = {.size = size, .meta = meta, .tag = "task.1"};

    return store_create(s, &demo, &name, &options, &err);
}

bool put_meta(struct store *s, const char *container, const char *object, const char *bytes,
              const struct store_meta *meta)
{
    struct store_writer *w = begin(s, container, object, (int64_t)strlen(bytes), meta);

    if (!w)
        return false;
    if (!store_write(w, bytes, strlen(bytes), &err)) {
        store_abort(w);
        return false;
    }
    return store_commit(w, arena, NULL, &err);
}

bool put(struct store *s, const char *container, const char *object, const char *bytes)
{
    return put_meta(s, container, object, bytes, NULL);
}

const char *get(struct store *s, const char *container, const char *object, struct store_info *info)
{
    struct store_name name = named(container, object);
    struct store_reader *r = store_open(s, &demo, &name, 0, (struct str){NULL, 0}, arena, info, &err);
    char *text = arena_calloc(arena, 1, 4096);
    size_t n = 0, got = 1;

    if (!r)
        return NULL;
    while (got && store_read(r, text + n, 7, &got, &err))
        n += got;
    store_close(r);
    return text;
}

unsigned files_in(const char *folder)
{
    unsigned n = 0;
    FILE *p = popen(arena_printf(arena, "find '%s' -type f | wc -l", path_of(folder)), "r");

    assert_non_null(p);
    assert_int_equal(fscanf(p, "%u", &n), 1);
    pclose(p);
    return n;
}

void overwrite(const char *path, const char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000 + (time_t)strlen(bytes)}};

    assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
    assert_int_equal(futimens(fd, later), 0);
    close(fd);
}
