/* store/dir*.c: what names, links and files of others lead to. */
#include "config.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_image_names, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_container_names, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_container_missing, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_symlinks, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_files, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_not_there, store_dir_setup, store_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
