/* store/dir*.c on a real file system: writing, replacing, copies, metadata, lists, what is left over. */
#include "config.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What an exporter knows is not computed again; what is no md5 is not taken for one. */
static void test_md5_that_is_given(void **state)
{
    static const char given[] = "00112233445566778899aabbccddeeff";
    const struct store_name name = named("box", "known");
    struct store_info info;

    (void)state;
    for (size_t n = 0; n < 2; n++) {
        const struct store_write_options options = {
            .size = 3, .tag = "t.1", .md5 = {given, n == 0 ? sizeof(given) - 1 : 8}};
        struct store_writer *w = store_create(containers, &demo, &name, &options, &err);

        assert_non_null(w);
        assert_true(store_write(w, "abc", 3, &err));
        assert_true(store_commit(w, arena, &info, &err));
        assert_true(str_eq_cstr(info.etag, n == 0 ? given : "900150983cd24fb0d6963f7d28e17f72"));
        assert_string_equal(get(containers, "box", "known", &info), "abc");
        assert_true(str_eq_cstr(info.etag, n == 0 ? given : "900150983cd24fb0d6963f7d28e17f72"));
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_and_read, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_image_is_never_replaced, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_object_is_replaced_whole, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_md5_that_is_given, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_announced_size_holds, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_holes, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_stop, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_copy, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_copy_keeps_holes, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_list, store_dir_setup, store_dir_teardown),
        cmocka_unit_test_setup_teardown(test_sweep, store_dir_setup, store_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
