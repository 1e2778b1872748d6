#include "config.h"
#include "unit.h"
#include "image/property_protection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/test_property_protection.XXXXXX";
static struct buf mistakes;

static struct property_protection *read_text(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
    buf_clear(&mistakes);
    return property_protection_read(path, &mistakes);
}

static struct property_protection *good(const char *text)
{
    struct property_protection *p = read_text(text, strlen(text));

    if (!p)
        print_error("%s", mistakes.p);
    assert_non_null(p);
    assert_int_equal(mistakes.n, 0);
    return p;
}

/* WANTED: the mistakes, each line without the path before it. */
static void bad(const char *text, const char *wanted)
{
    struct buf seen;
    struct str rest, line;

    assert_null(read_text(text, strlen(text)));
    buf_init(&seen, 10000);
    rest = buf_str(&mistakes);
    while (rest.n) {
        str_cut(rest, '\n', &line, &rest);
        assert_true(str_starts(line, str_of(path)));
        buf_add(&seen, line.p + strlen(path), line.n - strlen(path));
        buf_add_char(&seen, '\n');
    }
    assert_string_equal(seen.p, wanted);
    buf_free(&seen);
}

/* Which of create, read, update, delete ROLE has for NAME: "crud", "-r--" and so on. */
static const char *rights(const struct property_protection *p, const char *name, const char *role)
{
    static char out[5];
    struct str roles[2] = {STR("other"), str_of(role)};

    for (int i = 0; i < 4; i++)
        out[i] = property_protection_allows(p, (enum property_right)i, str_of(name), roles, role ? 2 : 0)
                     ? "crud"[i]
                     : '-';
    return out;
}

static void without_a_file_all_is_allowed(void **state)
{
    struct property_protection *p = property_protection_read("", &mistakes);

    (void)state;
    assert_string_equal(rights(p, "anything", NULL), "crud");
    property_protection_free(p);
}

static void the_first_match_decides(void **state)
{
    struct property_protection *p =
        good("# comment\n; another\n\n"
             "[^x_billing_.*]\ncreate = Admin, billing\nread: @\nupdate = admin\n"
             "delete=!\r\n"
             "[^x_]\ncreate = @\nread = member,admin\nupdate = !\ndelete = ADMIN\n"
             "[own(er|ed)]\nCREATE = @\nread = @\nupdate = @\ndelete = @\n");

    (void)state;
    assert_string_equal(rights(p, "x_billing_code", "admin"), "cru-");
    assert_string_equal(rights(p, "x_billing_code", "billing"), "cr--");
    assert_string_equal(rights(p, "x_billing_code", "BILLING"), "cr--");
    assert_string_equal(rights(p, "x_billing_code", "bill"), "-r--");
    assert_string_equal(rights(p, "x_billing_code", NULL), "-r--");
    assert_string_equal(rights(p, "x_other", "member"), "cr--");
    assert_string_equal(rights(p, "x_other", "admin"), "cr-d");
    assert_string_equal(rights(p, "x_other", NULL), "c---");
    assert_string_equal(rights(p, "my_owner", NULL), "crud"); /* found anywhere in the name */
    assert_string_equal(rights(p, "nobody_names_it", "admin"), "----");
    assert_string_equal(rights(p, "", "admin"), "----");
    property_protection_free(p);
}

static void names_out_of_bounds(void **state)
{
    struct property_protection *p = good("[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n");
    struct str nul = {"a\0b", 3};
    char name[1100];

    (void)state;
    memset(name, 'n', sizeof(name));
    assert_true(property_protection_allows(p, PROPERTY_READ, (struct str){name, 1020}, NULL, 0));
    assert_false(property_protection_allows(p, PROPERTY_READ, (struct str){name, 1021}, NULL, 0));
    assert_false(property_protection_allows(p, PROPERTY_READ, nul, NULL, 0));
    property_protection_free(p);
}

#define REST "create = @\nread = @\nupdate = @\ndelete = @\n"

static void mistakes_are_named(void **state)
{
    (void)state;
    bad("create = @\n", ":1: a right before the first [expression]\n");
    bad("[a\n" REST, ":1: a section's line is [expression]\n");
    bad("[]\n" REST, ":1: a section's line is [expression]\n");
    bad("[DEFAULT]\n" REST, ":1: [DEFAULT] is not taken: each section says all four rights itself\n");
    bad("[a]\n" REST "[a]\n" REST, ":6: the section [a] stands in line 1 already\n");
    bad("[a]\n" REST "read = @\n", ":6: read stands in line 3 already\n");
    bad("[a]\n" REST "write = @\n", ":6: \"write\" is none of create, read, update, delete\n");
    bad("[a]\n" REST "hello\n", ":6: neither [expression] nor a right: no = in the line\n");
    bad("[a]\n" REST " x\n", ":6: the line begins with a blank: values go on one line\n");
    bad("[a]\ncreate = @\nupdate = @\n",
        ":1: [a] does not say read; nobody is \"!\"\n:1: [a] does not say delete; nobody is \"!\"\n");
    bad("[a]\ncreate = \nread = @\nupdate = a,,b\ndelete = @,!\n",
        ":2: create: an empty word; nobody is \"!\"\n:4: update: an empty word; nobody is \"!\"\n"
        ":5: delete: \"@\" and \"!\" exclude each other\n");
    assert_null(read_text("[a]\nx\0y\n", 8));
    assert_non_null(strstr(mistakes.p, ":2: the line is not UTF-8 text\n"));
}

static void policies_are_refused(void **state)
{
    (void)state;
    bad("[a]\ncreate = role:admin\nread = @\nupdate = @\ndelete = is_admin or owner\n",
        ":2: create: \"role:admin\" is a policy; only roles are taken, \"@\" (everybody) and \"!\" (nobody)\n"
        ":5: delete: \"is_admin or owner\" is a policy; only roles are taken, \"@\" (everybody) and \"!\" "
        "(nobody)\n");
}

static void expressions(void **state)
{
    struct property_protection *p;

    (void)state;
    bad("[a(b]\n" REST, ":1: [a(b]: Unmatched ( or \\(\n");
    bad("[(?i)a]\n" REST, ":1: [(?i)a]: (? is not taken: expressions are POSIX extended ones\n");
    bad("[a\\d]\n" REST,
        ":1: [a\\d]: a backslash before a letter or digit other than w, W, s, S, b, B is not "
        "taken: expressions are POSIX extended ones\n");
    bad("[[a\\-z]]\n" REST, ":1: [[a\\-z]]: a backslash within [ ] is not taken: expressions are POSIX "
                            "extended ones\n");
    bad("[a+?]\n" REST, ":1: [a+?]: one quantifier after the other is not taken: expressions are POSIX "
                        "extended ones\n");
    p = good("[^[]^(?a-c]\\w\\.x{1,2}$]\ncreate = !\nread = @\nupdate = !\ndelete = !\n");
    assert_string_equal(rights(p, "]q.xx", NULL), "-r--");
    assert_string_equal(rights(p, "?q.x", NULL), "-r--");
    assert_string_equal(rights(p, "dq.x", NULL), "----");
    assert_string_equal(rights(p, "aqyx", NULL), "----");
    property_protection_free(p);
}

static void files(void **state)
{
    (void)state;
    buf_clear(&mistakes);
    assert_null(property_protection_read("/nonexistent/file", &mistakes));
    assert_string_equal(mistakes.p, "/nonexistent/file: No such file or directory\n");
    assert_int_equal(truncate(path, 2 << 20), 0);
    buf_clear(&mistakes);
    assert_null(property_protection_read(path, &mistakes));
    assert_non_null(strstr(mistakes.p, "the file is longer than 1048576 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_all_is_allowed),
        cmocka_unit_test(the_first_match_decides),
        cmocka_unit_test(names_out_of_bounds),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(policies_are_refused),
        cmocka_unit_test(expressions),
        cmocka_unit_test(files),
    };
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    buf_init(&mistakes, 64 * 1024);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&mistakes);
    unlink(path);
    return rc;
}
