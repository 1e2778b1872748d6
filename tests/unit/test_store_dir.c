/* store/dir*.c on a real file system: names, writing, replacing, copies, metadata, what is left over. */
#include "config.h"
#include "base/conf_options.h"
#include "store/store.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "ab01-image/task.1"
#define PROJECT "0123456789abcdef0123456789abcdef"

static char top[64];
static struct conf *conf;
static struct store *images, *containers;
static struct arena *arena;
static struct error err;
static struct store_caller demo;

static const char *path_of(const char *below)
{
    return arena_printf(arena, "%s/%s", top, below);
}

static int setup(void **state)
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

static int teardown(void **state)
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

static struct store_name named(const char *container, const char *object)
{
    return (struct store_name){str_of(container), str_of(object)};
}

static struct store_writer *begin(struct store *s, const char *container, const char *object, int64_t size,
                                  const struct store_meta *meta)
{
    struct store_name name = named(container, object);
    struct store_write_options options = {.size = size, .meta = meta, .tag = "task.1"};

    return store_create(s, &demo, &name, &options, &err);
}

static bool put_meta(struct store *s, const char *container, const char *object, const char *bytes,
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

static bool put(struct store *s, const char *container, const char *object, const char *bytes)
{
    return put_meta(s, container, object, bytes, NULL);
}

static const char *get(struct store *s, const char *container, const char *object, struct store_info *info)
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

static unsigned files_in(const char *folder)
{
    unsigned n = 0;
    FILE *p = popen(arena_printf(arena, "find '%s' -type f | wc -l", path_of(folder)), "r");

    assert_non_null(p);
    assert_int_equal(fscanf(p, "%u", &n), 1);
    pclose(p);
    return n;
}

/* --- names ---------------------------------------------------------------------------------------- */

static void test_image_names(void **state)
{
    static const char *const bad[] = {"",     "/",      "a//b", "a/",  "/a",         ".a/b", "a/.b",
                                      "a/..", "../a/b", "a b",  "a\n", "a/\xc3\xa9", "a%2fb"};
    struct store_name name = named(NULL, KEY);

    (void)state;
    assert_string_equal(store_local_path(images, &name, arena), path_of("images/ab/" KEY));
    assert_string_equal(store_accel_path(images, &name, arena), "/.tally/store/ab/" KEY);
    conf->image_store.accel_prefix = "";
    assert_null(store_accel_path(images, &name, arena));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        name = named(NULL, bad[i]);
        assert_null(store_local_path(images, &name, arena));
        assert_null(begin(images, NULL, bad[i], -1, NULL));
    }
    name = named("box", "a");
    assert_null(store_local_path(containers, &name, arena));
}

static void test_container_names(void **state)
{
    static const char *const bad[] = {"..", ".", "a//b", "a/../b", "/a", "a/", "../box/x", "a/./b"};
    struct store_info info;
    struct store_name name = {STR("box"), STR("a\0b")};
    char *longest = arena_calloc(arena, 1, 1100);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_null(begin(containers, "box", bad[i], -1, NULL));
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
        assert_null(get(containers, "box", bad[i], &info));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
    }
    assert_false(store_stat(containers, &demo, &name, arena, &info, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    for (size_t i = 0; i < 1024; i++)
        longest[i] = i % 200 == 199 ? '/' : 'x';
    assert_true(put(containers, "box", longest, "long"));
    assert_string_equal(get(containers, "box", longest, &info), "long");
    longest[1024] = 'x';
    assert_false(put(containers, "box", longest, "long"));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_true(put(containers, "box", "\xc3\xa9 %41 ?#.\"", "odd"));
    assert_string_equal(get(containers, "box", "\xc3\xa9 %41 ?#.\"", &info), "odd");
    assert_false(put(containers, "box", "\xff", "no UTF-8"));
}

static void test_container_missing(void **state)
{
    static const char *const missing[] = {"none", ".", "..", ".tmp"};
    struct store_info info;

    (void)state;
    for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
        assert_null(get(containers, missing[i], "x", &info));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        assert_string_equal(err.message,
                            arena_printf(arena, "Container not found. Container: %s", missing[i]));
        assert_false(put(containers, missing[i], "x", "y"));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
    }
    assert_null(get(containers, "box", "x", &info));
    assert_string_equal(err.message, "Object not found. Object: box/x");
    demo.project_id = STR("..");
    assert_null(get(containers, "containers", "x", &info));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    demo.project_id = STR("another");
    assert_null(get(containers, "box", "x", &info));
    assert_string_equal(err.message, "Container not found. Container: box");
}

/* A customer who could make a link (through another service on the same files) reaches nothing by it. */
static void test_symlinks(void **state)
{
    struct store_info info;
    struct store_name name = named("box", "link");
    FILE *f = fopen(path_of("secret"), "w");

    (void)state;
    fputs("secret", f);
    fclose(f);
    assert_int_equal(symlink(path_of("secret"), path_of("containers/" PROJECT "/box/link")), 0);
    assert_int_equal(symlink(top, path_of("containers/" PROJECT "/box/folder")), 0);
    assert_int_equal(symlink(top, path_of("containers/" PROJECT "/outside")), 0);
    assert_null(get(containers, "box", "link", &info));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_null(get(containers, "box", "folder/secret", &info));
    assert_null(get(containers, "outside", "secret", &info));
    assert_string_equal(err.message, "Container not found. Container: outside");
    assert_false(put(containers, "box", "folder/new", "x"));
    assert_false(put(containers, "outside", "new", "x"));
    assert_int_equal(access(path_of("new"), F_OK), -1);
    assert_true(store_remove(containers, &demo, &name, &err));
    assert_int_equal(access(path_of("secret"), F_OK), 0);
    assert_int_equal(mkfifo(path_of("containers/" PROJECT "/box/fifo"), 0600), 0);
    assert_null(get(containers, "box", "fifo", &info)); /* and does not wait for a writer */
}

/* --- writing -------------------------------------------------------------------------------------- */

static void test_write_and_read(void **state)
{
    struct store_info info;
    struct store_name name = named(NULL, KEY);
    struct store_writer *w = begin(images, NULL, KEY, -1, NULL);

    (void)state;
    assert_non_null(w);
    assert_true(store_write(w, "hello ", 6, &err));
    assert_true(store_write(w, "world", 5, &err));
    assert_false(store_stat(images, NULL, &name, arena, &info, &err)); /* not before the commit */
    assert_string_equal(err.message, "Object not found. Object: " KEY);
    assert_true(store_commit(w, arena, &info, &err));
    assert_int_equal(info.size, 11);
    assert_string_equal(get(images, NULL, KEY, &info), "hello world");
    assert_int_equal(files_in("images"), 1);
    struct store_reader *r = store_open(images, NULL, &name, 6, info.etag, arena, &info, &err);
    char rest[32];
    size_t got;
    assert_true(store_read(r, rest, sizeof(rest), &got, &err));
    assert_int_equal(got, 5);
    assert_memory_equal(rest, "world", 5);
    store_close(r);
    assert_null(store_open(images, NULL, &name, 0, STR("other"), arena, &info, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(store_remove(images, NULL, &name, &err));
    assert_true(store_remove(images, NULL, &name, &err));
    assert_int_equal(access(path_of("images/ab"), F_OK), -1); /* empty folders go */
}

static void test_image_is_never_replaced(void **state)
{
    struct store_info info;
    struct store_writer *second;

    (void)state;
    second = begin(images, NULL, KEY, -1, NULL);
    assert_true(put(images, NULL, KEY, "first"));
    assert_true(store_write(second, "second", 6, &err));
    assert_false(store_commit(second, arena, NULL, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(get(images, NULL, KEY, &info), "first");
    assert_int_equal(files_in("images"), 1);
}

static void test_object_is_replaced_whole(void **state)
{
    struct store_meta meta = {.item = {{STR("tally-exported"), STR("a value, with blanks")}}, .n = 1};
    struct store_info info, old;
    struct store_writer *w;

    (void)state;
    assert_true(put_meta(containers, "box", "a/b", "old", &meta));
    assert_string_equal(get(containers, "box", "a/b", &old), "old");
    assert_int_equal(old.meta.n, 1);
    assert_true(str_eq(old.meta.item[0].name, STR("tally-exported")));
    assert_true(str_eq(old.meta.item[0].value, STR("a value, with blanks")));
    assert_true(str_eq(old.etag, STR("149603e6c03516362a8da23f624db945")));
    w = begin(containers, "box", "a/b", 3, NULL);
    assert_true(store_write(w, "new", 3, &err));
    assert_string_equal(get(containers, "box", "a/b", &info), "old");
    assert_true(store_commit(w, arena, &info, &err));
    assert_true(str_eq(info.etag, STR("22af645d1859cb5ca6da0c484f1f37ea")));
    assert_string_equal(get(containers, "box", "a/b", &info), "new");
    assert_int_equal(info.meta.n, 0);
    assert_false(put(containers, "box", "a", "a folder is in the way"));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_false(put(containers, "box", "a/b/c", "a file is in the way"));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(get(containers, "box", "a/b", &info), "new");
    assert_int_equal(files_in("containers"), 1);
}

static void test_announced_size_holds(void **state)
{
    struct store_writer *w = begin(images, NULL, KEY, 5, NULL);

    (void)state;
    assert_true(store_write(w, "1234", 4, &err));
    assert_false(store_write(w, "56", 2, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    store_abort(w);
    w = begin(images, NULL, KEY, 5, NULL);
    assert_true(store_write(w, "1234", 4, &err));
    assert_false(store_commit(w, arena, NULL, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(files_in("images"), 0);
}

/* Zeros take no room, and come out as zeros, wherever they begin and end. */
static void test_holes(void **state)
{
    enum { SIZE = 3 << 20 };
    char *bytes = calloc(1, SIZE), *back = malloc(SIZE);
    static const size_t steps[] = {SIZE, 65536, 100000, 4095};
    struct store_info info;
    struct stat st;

    (void)state;
    bytes[0] = 'a', bytes[200000] = 'b', bytes[1 << 20] = 'c';
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct store_name name = named(NULL, arena_printf(arena, "ab/%zu", i));
        struct store_writer *w = begin(images, NULL, name.object.p, SIZE, NULL);
        struct store_reader *r;
        size_t got = 1, at = 0;

        for (size_t n; at < SIZE; at += n) {
            n = SIZE - at < steps[i] ? SIZE - at : steps[i];
            assert_true(store_write(w, bytes + at, n, &err));
        }
        assert_true(store_commit(w, arena, &info, &err));
        assert_int_equal(info.size, SIZE);
        r = store_open(images, NULL, &name, 0, info.etag, arena, &info, &err);
        for (at = 0; got; at += got)
            assert_true(store_read(r, back + at, SIZE - at + 1, &got, &err));
        store_close(r);
        assert_memory_equal(bytes, back, SIZE);
        assert_int_equal(stat(store_local_path(images, &name, arena), &st), 0);
        if (i == 0)
            assert_in_range(st.st_blocks * 512, 0, 4 * 65536);
    }
    free(bytes);
    free(back);
}

static bool say_stop(void *ctx)
{
    return --*(int *)ctx < 0;
}

static void test_stop(void **state)
{
    int left = 1;
    struct store_caller caller = {.stop = say_stop, .ctx = &left};
    struct store_name name = named(NULL, KEY), to = named(NULL, "ab01-image/task.2");
    struct store_write_options options = {.size = -1, .tag = "task.1"};
    struct store_writer *w = store_create(images, &caller, &name, &options, &err);
    struct store_info info;
    struct store_reader *r;
    char byte;
    size_t got;

    (void)state;
    assert_true(store_write(w, "a", 1, &err));
    assert_false(store_write(w, "b", 1, &err));
    assert_int_equal(err.kind, ERROR_ABORTED);
    store_abort(w);
    assert_int_equal(files_in("images"), 0);
    assert_true(put(images, NULL, KEY, "x"));
    r = store_open(images, &caller, &name, 0, (struct str){NULL, 0}, arena, &info, &err);
    assert_false(store_read(r, &byte, 1, &got, &err));
    assert_int_equal(err.kind, ERROR_ABORTED);
    store_close(r);
    assert_false(store_copy(images, &caller, &name, &to, NULL, &err));
    assert_int_equal(err.kind, ERROR_ABORTED);
    assert_int_equal(files_in("images"), 1);
}

/* --- what an administrator does with the files ----------------------------------------------------- */

static void overwrite(const char *path, const char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000 + (time_t)strlen(bytes)}};

    assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
    assert_int_equal(futimens(fd, later), 0);
    close(fd);
}

static void test_foreign_files(void **state)
{
    struct store_name name = named("box", "x");
    struct store_info one, two;
    struct store_meta meta = {.item = {{STR("tally-exported"), STR("1")}}, .n = 1};
    const char *path = path_of("containers/" PROJECT "/box/x");
    struct store_reader *r;
    char bytes[8];
    size_t got;

    (void)state;
    overwrite(path, "abc");
    assert_true(store_stat(containers, &demo, &name, arena, &one, &err));
    assert_int_equal(one.size, 3);
    r = store_open(containers, &demo, &name, 0, one.etag, arena, &two, &err);
    assert_true(store_read(r, bytes, 8, &got, &err));
    overwrite(path, "abcd");
    assert_false(store_read(r, bytes, 8, &got, &err)); /* in the place of the end */
    assert_int_equal(err.kind, ERROR_CONFLICT);
    store_close(r);
    assert_true(store_stat(containers, &demo, &name, arena, &two, &err));
    assert_false(str_eq(one.etag, two.etag));
    /* the md5 that we recorded does not outlive a change; the mark does */
    assert_true(put_meta(containers, "box", "x", "ours", &meta));
    overwrite(path, "hers");
    assert_true(store_stat(containers, &demo, &name, arena, &two, &err));
    assert_null(memchr(two.etag.p, ' ', two.etag.n));
    assert_non_null(memchr(two.etag.p, '-', two.etag.n));
    assert_int_equal(two.meta.n, 1);
}

/* --- copies ------------------------------------------------------------------------------------------ */

static void test_copy(void **state)
{
    struct store_meta meta = {.item = {{STR("k"), STR("v")}}, .n = 1};
    struct store_name from = named("box", "from"), to = named("box", "deep/to");
    struct store_info info;

    (void)state;
    assert_true(put(containers, "box", "from", "content"));
    assert_true(put(containers, "box", "deep/to", "old"));
    assert_true(store_copy(containers, &demo, &from, &to, &meta, &err));
    assert_string_equal(get(containers, "box", "deep/to", &info), "content");
    assert_true(str_eq(info.etag, STR("9a0364b9e99bb480dd25e1f0284c8555")));
    assert_int_equal(info.meta.n, 1);
    assert_string_equal(get(containers, "box", "from", &info), "content");
    assert_int_equal(info.meta.n, 0);
    from = named("box", "none");
    assert_false(store_copy(containers, &demo, &from, &to, NULL, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(files_in("containers"), 2);
}

static void test_copy_keeps_holes(void **state)
{
    struct store_name from = named(NULL, KEY), to = named(NULL, "cd01-image/task.2");
    struct store_writer *w = begin(images, NULL, KEY, 64 << 20, NULL);
    char *zeros = calloc(1, 8 << 20);
    struct store_info info;
    struct stat st;

    (void)state;
    memcpy(zeros + 70000, "here", 4);
    for (int i = 0; i < 8; i++)
        assert_true(store_write(w, zeros, 8 << 20, &err));
    free(zeros);
    assert_true(store_commit(w, arena, NULL, &err));
    assert_true(store_copy(images, NULL, &from, &to, NULL, &err));
    assert_int_equal(stat(store_local_path(images, &to, arena), &st), 0);
    assert_int_equal(st.st_size, 64 << 20);
    assert_in_range(st.st_blocks * 512, 0, 2 << 20);
    assert_int_equal(system(arena_printf(arena, "cmp -s '%s' '%s'", store_local_path(images, &from, arena),
                                         store_local_path(images, &to, arena))),
                     0);
    assert_false(store_copy(images, NULL, &from, &to, NULL, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_true(store_stat(images, NULL, &to, arena, &info, &err));
}

/* --- lists, and what is left over --------------------------------------------------------------------- */

struct seen {
    struct buf names;
    int left;
};

static bool see(void *ctx, struct str object, uint64_t size, int64_t modified_us, struct error *e)
{
    struct seen *s = ctx;

    (void)e;
    assert_true(modified_us > 0);
    buf_printf(&s->names, "[%.*s %d]", STR_ARG(object), (int)size);
    return --s->left > 0;
}

static const char *listed(struct store *s, const char *container, const char *prefix, int left)
{
    struct seen seen = {.left = left};

    buf_init(&seen.names, 4096);
    assert_true(store_list(s, &demo, str_of(container), str_of(prefix), see, &seen, &err));
    const char *text = arena_printf(arena, "%.*s", STR_ARG(buf_str(&seen.names)));
    buf_free(&seen.names);
    return text;
}

static void test_list(void **state)
{
    (void)state;
    assert_true(put(images, NULL, "ab01/t.1", "1"));
    assert_true(put(images, NULL, "cd01/t.1", "22"));
    store_abort(begin(images, NULL, "ef01/t.1", -1, NULL));
    assert_string_equal(listed(images, NULL, "ab", 9), "[ab01/t.1 1]");
    assert_string_equal(listed(images, NULL, "cd01/t.", 9), "[cd01/t.1 2]");
    assert_string_equal(listed(images, NULL, "cd02", 9), "");
    assert_int_equal(strlen(listed(images, NULL, "", 9)), strlen("[ab01/t.1 1][cd01/t.1 2]"));
    assert_int_equal(strlen(listed(images, NULL, "", 1)), strlen("[ab01/t.1 1]"));
    assert_true(put(containers, "box", "a/b/c", "1"));
    assert_true(put(containers, "box", "a/d", "1"));
    assert_string_equal(listed(containers, "box", "a/b", 9), "[a/b/c 1]");
    assert_int_equal(strlen(listed(containers, "box", "a", 9)), strlen("[a/b/c 1][a/d 1]"));
    assert_false(store_list(containers, &demo, STR("none"), STR(""), see, NULL, &err));
    assert_string_equal(err.message, "Container not found. Container: none");
}

static void test_sweep(void **state)
{
    uint64_t removed = 9;
    struct store_writer *alive = begin(images, NULL, KEY, -1, NULL);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    (void)state;
    assert_true(store_write(alive, "x", 1, &err));
    overwrite(path_of("images/.tmp/dead"), "left by a writer that was killed");
    assert_int_equal(utimensat(AT_FDCWD, path_of("images/.tmp/dead"), old, 0), 0);
    int fresh = open(path_of("images/.tmp/fresh"), O_WRONLY | O_CREAT, 0640);
    assert_true(store_sweep(images, 60, &removed, &err));
    assert_int_equal(removed, 1);
    assert_int_equal(files_in("images"), 2);
    close(fresh);
    assert_true(store_sweep(images, 0, &removed, &err));
    assert_int_equal(files_in("images/.tmp"), removed ? 1 : 2); /* within one second of its making */
    assert_true(store_commit(alive, arena, NULL, &err));
}

/* --- no room, and what else a disk does ------------------------------------------------------------------
 */

static void test_min_free(void **state)
{
    struct store_name name = named(NULL, KEY);
    struct store_write_options options = {.size = 1, .tag = "t"};

    (void)state;
    conf->image_store.min_free = UINT64_MAX / 2;
    store_free(images);
    images = store_images_new(conf, NULL, &err);
    assert_null(store_create(images, NULL, &name, &options, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    assert_string_equal(err.message, "no room in the store");
}

static void test_full(void **state)
{
    char *bytes = malloc(1 << 20);
    struct store_name name = named(NULL, KEY);
    struct store_info info;
    bool ok = true;

    (void)state;
    if (mount("none", path_of("images"), "tmpfs", 0, "size=4m") != 0) {
        free(bytes);
        skip();
    }
    memset(bytes, 'x', 1 << 20);
    assert_null(begin(images, NULL, KEY, 5 << 20, NULL)); /* known before */
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    struct store_writer *w = begin(images, NULL, KEY, -1, NULL);
    for (int i = 0; i < 6 && ok; i++)
        ok = store_write(w, bytes, 1 << 20, &err);
    assert_false(ok);
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    store_abort(w);
    assert_int_equal(files_in("images"), 0);
    assert_false(store_stat(images, NULL, &name, arena, &info, &err));
    /* what was given up makes room again */
    assert_true(put(images, NULL, KEY, "fits"));
    assert_int_equal(umount(path_of("images")), 0);
    free(bytes);
}

/* A file system without user attributes: metadata go beside the files. */
static void test_sidecars(void **state)
{
    struct store_meta meta = {.item = {{STR("k"), STR("v 1")}}, .n = 1};
    struct store_name name = named("box", "x"), to = named("box", "y");
    struct store_info info;

    (void)state;
    if (mount("none", path_of("containers"), "ramfs", 0, NULL) != 0)
        skip();
    assert_int_equal(mkdir(path_of("containers/" PROJECT), 0750), 0);
    assert_int_equal(mkdir(path_of("containers/" PROJECT "/box"), 0750), 0);
    assert_true(put_meta(containers, "box", "x", "old", &meta));
    assert_int_equal(files_in("containers/.meta"), 1);
    assert_string_equal(get(containers, "box", "x", &info), "old");
    assert_true(str_eq(info.etag, STR("149603e6c03516362a8da23f624db945")));
    assert_int_equal(info.meta.n, 1);
    assert_true(str_eq(info.meta.item[0].value, STR("v 1")));
    assert_true(store_copy(containers, &demo, &name, &to, NULL, &err));
    assert_true(put(containers, "box", "x", "new"));
    assert_string_equal(get(containers, "box", "x", &info), "new");
    assert_int_equal(info.meta.n, 0);
    assert_int_equal(files_in("containers/.meta"), 2);
    overwrite(path_of("containers/" PROJECT "/box/x"), "her");
    assert_string_equal(get(containers, "box", "x", &info), "her");
    assert_non_null(memchr(info.etag.p, '-', info.etag.n));
    assert_true(store_remove(containers, &demo, &name, &err));
    assert_true(store_remove(containers, &demo, &to, &err));
    assert_int_equal(files_in("containers"), 0);
    assert_int_equal(umount(path_of("containers")), 0);
}

static void test_not_there(void **state)
{
    struct store_name name = named(NULL, KEY);
    struct store_info info;

    (void)state;
    assert_true(store_healthy(images));
    assert_int_equal(rmdir(path_of("images")), 0);
    assert_false(store_healthy(images));
    assert_false(store_stat(images, NULL, &name, arena, &info, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE); /* not mounted: nothing may be taken for lost */
    assert_false(store_remove(images, NULL, &name, &err));
    assert_null(strstr(err.message, top));
}

#ifdef TALLY_FAULTS
static void test_disk_errors(void **state)
{
    static const char *const points[] = {"store.write=fail", "store.fsync=fail", "store.rename=fail"};
    char *point;

    /* a point trips once a process, so each gets its own */
    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
        int status = -1;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            point = strdup(points[i]);
            setenv("TALLY_FAULT", point, 1);
            bool failed = !put(images, NULL, KEY, "x") && err.kind != ERROR_NONE && files_in("images") == 0;
            unsetenv("TALLY_FAULT");
            _exit(failed && put(images, NULL, KEY, "x") ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_true(store_remove(images, NULL, &(struct store_name){{NULL, 0}, STR(KEY)}, &err));
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_image_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_container_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_container_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symlinks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_image_is_never_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_object_is_replaced_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_announced_size_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_keeps_holes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_min_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sidecars, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_there, setup, teardown),
#ifdef TALLY_FAULTS
        cmocka_unit_test_setup_teardown(test_disk_errors, setup, teardown),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
