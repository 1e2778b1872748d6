/* store/dir*.c on a disk that is full, fails, or knows no user attributes. */
#include "config.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

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
        cmocka_unit_test_setup_teardown(test_min_free, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_full, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_sidecars, store_dir_setup, store_dir_teardown),
#ifdef TALLY_FAULTS
        cmocka_unit_test_setup_teardown(test_disk_errors, store_dir_setup, store_dir_teardown),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
