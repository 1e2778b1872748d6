#include "config.h"
#include "base/conf.h"
#include "base/conf_options.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct buf mistakes;

static int setup(void **state)
{
    (void)state;
    buf_init(&mistakes, 100000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&mistakes);
    return 0;
}

static struct conf *good(const char *text)
{
    struct conf *c = conf_parse("f", str_of(text), &mistakes);

    if (!c)
        fail_msg("%s", mistakes.p);
    return c;
}

static void bad(const char *text, const char *want)
{
    buf_clear(&mistakes);
    struct conf *c = conf_parse("f", str_of(text), &mistakes);
    if (c)
        fail_msg("taken: %s", text);
    assert_string_equal(mistakes.p, want);
}

static void defaults(void **state)
{
    struct conf *c = conf_default();

    (void)state;
    assert_string_equal(c->main.log_target, "stderr");
    assert_int_equal(c->api.threads, 16);
    assert_int_equal(c->api.max_json_bytes, 1024 * 1024);
    assert_true(c->database.load_data);
    assert_string_equal(c->database.version_table, "refstack_alembic_version");
    assert_string_equal(c->database.subunit2sql_version_table, "alembic_version");
    assert_int_equal(c->identity.foundation_roles.n, 2);
    assert_string_equal(c->identity.foundation_roles.item[1], "foundation");
    assert_int_equal(c->subunit.max_stream_bytes, 4ULL << 30);
    assert_string_equal(c->subunit.attr_regex, "\\[(.*)\\]");
    assert_string_equal(c->subunit.test_attr_prefix, "");
    assert_int_equal(c->subunit.expire_days, 186);
    conf_unref(c);
}

static void values(void **state)
{
    (void)state;
    struct conf *c = good("\xef\xbb\xbf# a comment\n"
                          "; another\n\n"
                          "[database]\r\n"
                          "connection = mysql://u:p;w#x=y@h/n?a=b ; not a comment\r\n"
                          "load_data: Off\n"
                          "[api]\n"
                          "threads=8\n"
                          "max_json_bytes = 2M\n"
                          "public_url = https://t.example:8443\n"
                          "[identity]\n"
                          "admin_roles = admin , cloud_admin,x\n"
                          "foundation_roles =\n"
                          "[api]\n"
                          "max_limit = 99\n"
                          "[subunit]\n"
                          "attr_regex = \\((.*)\\)\n"
                          "test_attr_prefix = h\xc3\xa9 llo");

    assert_string_equal(c->database.connection, "mysql://u:p;w#x=y@h/n?a=b ; not a comment");
    assert_false(c->database.load_data);
    assert_int_equal(c->api.threads, 8);
    assert_int_equal(c->api.max_json_bytes, 2 << 20);
    assert_string_equal(c->api.public_url, "https://t.example:8443");
    assert_int_equal(c->identity.admin_roles.n, 3);
    assert_string_equal(c->identity.admin_roles.item[0], "admin");
    assert_string_equal(c->identity.admin_roles.item[1], "cloud_admin");
    assert_int_equal(c->identity.foundation_roles.n, 0);
    assert_int_equal(c->api.max_limit, 99);
    assert_string_equal(c->subunit.attr_regex, "\\((.*)\\)");
    assert_string_equal(c->subunit.test_attr_prefix, "h\xc3\xa9 llo");
    conf_unref(c);
}

static void all_mistakes_with_lines(void **state)
{
    (void)state;
    bad("x = 1\n"
        "[nosuch]\n"
        "y = 1\n"
        "[api]\n"
        "thread = 4\n"
        "threads = many\n"
        "default_limit = 0\n"
        "default_limit = 5\n"
        "public_url = ftp://x\n"
        "just words\n"
        "  continued = 1\n"
        "[api] # comment\n"
        "[database]\n"
        "version_table = a-b\n"
        "[DEFAULT]\n"
        "log_level = loud\n"
        "log_json = maybe\n"
        "[subunit]\n"
        "attr_regex = [\n"
        "max_stream_bytes = 4T\n",
        "f:1: an option before the first section\n"
        "f:2: unknown section [nosuch]\n"
        "f:5: unknown option \"thread\" in [api]\n"
        "f:6: threads = many is not a number (1 to 1024)\n"
        "f:7: default_limit = 0 is out of range (1 to 100000)\n"
        "f:8: default_limit in [api] stands in line 7 already\n"
        "f:9: public_url = ftp://x does not begin with http:// or https://\n"
        "f:10: neither a section nor an option: no = in the line\n"
        "f:11: the line begins with a blank: values go on one line\n"
        "f:12: a section's line must end with ]\n"
        "f:14: version_table = a-b is not a table's name (letters, digits and _; at most 64)\n"
        "f:16: log_level = loud: not one of debug info warning error\n"
        "f:17: log_json = maybe is not true or false\n"
        "f:19: attr_regex = [ is not taken: Invalid regular expression\n"
        "f:20: max_stream_bytes = 4T is not a number of bytes (with K, M or G) (1024 to 1099511627776)\n");
}

static void odd_values(void **state)
{
    (void)state;
    bad("[api]\nthreads = 99999999999999999999\n",
        "f:2: threads = 99999999999999999999 is not a number (1 to 1024)\n");
    bad("[api]\nthreads = -1\n", "f:2: threads = -1 is not a number (1 to 1024)\n");
    bad("[api]\nthreads = 1K\n", "f:2: threads = 1K is not a number (1 to 1024)\n");
    bad("[api]\nthreads =\n", "f:2: threads =  is not a number (1 to 1024)\n");
    bad("[api]\nmax_json_bytes = K\n",
        "f:2: max_json_bytes = K is not a number of bytes (with K, M or G) (1024 to 67108864)\n");
    bad("[api]\npublic_url = https://x/\n", "f:2: public_url = https://x/ ends with a slash\n");
    bad("[api]\npublic_url = https://x y\n",
        "f:2: public_url = https://x y has a character that no URL has\n");
    bad("[api]\npublic_url =\n", "f:2: public_url =  does not begin with http:// or https://\n");
    bad("[identity]\nadmin_roles = a,,b\n", "f:2: admin_roles = a,,b has an empty word\n");
    bad("[subunit]\nattr_regex = x\n",
        "f:2: attr_regex = x is not taken: a group (...) that holds the attributes is missing\n");
    bad("[subunit]\nattr_regex = (a){9}\n",
        "f:2: attr_regex = (a){9} is not taken: repeat counts {...} and back references are not taken\n");
    bad("[api]\n = 1\n", "f:2: the line begins with a blank: values go on one line\n");
    bad("[api]\n= 1\n", "f:2: unknown option \"\" in [api]\n");
    bad("[api\n", "f:1: a section's line must end with ]\n");
    bad("[]\nx = 1\n", "f:1: unknown section []\n");
    bad("[database]\nversion_table = 1abc\n",
        "f:2: version_table = 1abc is not a table's name (letters, digits and _; at most 64)\n");
}

static void together(void **state)
{
    (void)state;
    bad("[DEFAULT]\nlog_target = file\n[identity]\ndriver = static\n[api]\nmax_limit = 10\n",
        "f: log_target = file in [DEFAULT] needs log_file\n"
        "f: default_limit in [api] is larger than max_limit\n"
        "f: driver = static in [identity] needs static_file\n");
    bad("[database]\nversion_table = Alembic_Version\n",
        "f: two version tables in [database] have the name Alembic_Version\n");
}

static void line_lengths(void **state)
{
    struct buf b;
    struct conf *c;

    (void)state;
    buf_init(&b, 100000);
    for (int over = 0; over < 2; over++) {
        buf_clear(&b);
        buf_add_cstr(&b, "[keystone_authtoken]\npassword = ");
        while (b.n < 4096 + 21 + (size_t)over)
            buf_add_char(&b, 'x');
        buf_add_cstr(&b, "\nusername = u\n");
        c = conf_parse("f", buf_str(&b), &mistakes);
        if (over) {
            assert_null(c);
            assert_string_equal(mistakes.p, "f:2: the line is longer than 4096 bytes\n");
        } else {
            assert_non_null(c);
            assert_int_equal(strlen(c->keystone_authtoken.password), 4096 - 11);
            assert_string_equal(c->keystone_authtoken.username, "u");
            conf_unref(c);
        }
    }
    /* Names longer than what inih keeps of them are not taken for what they begin with. */
    buf_clear(&b);
    buf_clear(&mistakes);
    buf_add_cstr(&b, "[api]\nthreads");
    for (int i = 0; i < 300; i++)
        buf_add_char(&b, 'y');
    buf_add_cstr(&b, " = 3\n");
    assert_null(conf_parse("f", buf_str(&b), &mistakes));
    assert_string_equal(
        mistakes.p, "f:2: unknown option \"threadsyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\" in [api]\n");
    buf_free(&b);
}

static void no_text(void **state)
{
    (void)state;
    assert_null(conf_parse("f", (struct str){"[api]\nthr\0eads = 3\n", 19}, &mistakes));
    assert_string_equal(mistakes.p, "f:2: the line is not UTF-8 text\n");
    bad("[subunit]\ntest_attr_prefix = \xff\n", "f:2: the line is not UTF-8 text\n");
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    bad("[database]\nconnection = mysql://u:geheim@h/n\nconnection = mysql://u:geheim2@h/n\n",
        "f:3: connection in [database] stands in line 2 already\n");
}

static void files(void **state)
{
    char path[] = "/tmp/test_base_conf.XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[api]\nthreads = 3\n", 18), 18);
    struct conf *c = conf_read(path, &mistakes);
    assert_non_null(c);
    assert_int_equal(c->api.threads, 3);
    conf_unref(c);
    assert_int_equal(ftruncate(fd, 2 * 1024 * 1024), 0);
    assert_null(conf_read(path, &mistakes));
    assert_non_null(strstr(mistakes.p, "the file is longer than 1048576 bytes"));
    close(fd);
    unlink(path);
    buf_clear(&mistakes);
    assert_null(conf_read(path, &mistakes));
    assert_non_null(strstr(mistakes.p, "No such file or directory"));
    buf_clear(&mistakes);
    assert_null(conf_read("/tmp", &mistakes));
    assert_non_null(strstr(mistakes.p, "Is a directory"));
}

static void immutable_is_kept(void **state)
{
    struct buf changed;

    (void)state;
    buf_init(&changed, 1000);
    struct conf *old =
        good("[identity]\ndriver = proxy\n[keystone_authtoken]\npassword = a\n[api]\nthreads = 4\n");
    struct conf *new_conf = good("[api]\nthreads = 5\nmax_limit = 50\n[identity]\nadmin_roles = boss,root\n");
    conf_keep_immutable(old, new_conf, &changed);
    assert_string_equal(changed.p, "api.threads identity.driver keystone_authtoken.password");
    conf_unref(old);
    assert_int_equal(new_conf->api.threads, 4);
    assert_string_equal(new_conf->identity.driver, "proxy");
    assert_string_equal(new_conf->keystone_authtoken.password, "a");
    assert_int_equal(new_conf->api.max_limit, 50);
    assert_string_equal(new_conf->identity.admin_roles.item[1], "root");
    buf_clear(&changed);
    struct conf *again = conf_ref(new_conf);
    conf_keep_immutable(new_conf, again, &changed);
    assert_int_equal(changed.n, 0);
    conf_unref(new_conf);
    assert_int_equal(again->api.threads, 4);
    conf_unref(again);
    buf_free(&changed);
}

static void sections_compare(void **state)
{
    (void)state;
    struct conf *a = good("[api]\nthreads = 5\n[keystone_authtoken]\ninsecure = true\n");
    struct conf *b = good("[identity]\nadmin_roles = a,b\n[keystone_authtoken]\ninsecure = true\n");
    struct conf *c = good("[identity]\nadmin_roles = a,c\n");
    struct buf changed;

    assert_false(conf_section_same(a, b, "api"));
    assert_false(conf_section_same(a, b, "identity"));
    assert_false(conf_section_same(b, c, "identity"));
    assert_true(conf_section_same(b, b, "identity"));
    assert_true(conf_section_same(a, b, "keystone_authtoken"));
    assert_false(conf_section_same(a, c, "keystone_authtoken"));
    assert_true(conf_section_same(a, c, "subunit"));
    buf_init(&changed, 1000);
    conf_keep_immutable(a, c, &changed);
    assert_string_equal(changed.p, "api.threads keystone_authtoken.insecure");
    assert_true(c->keystone_authtoken.insecure);
    buf_free(&changed);
    conf_unref(a);
    conf_unref(b);
    conf_unref(c);
}

/* The sample, with its comment signs taken away, is a file that says what the defaults say. */
static void sample_is_the_defaults(void **state)
{
    struct buf sample, text, changed;
    struct str line, rest;

    (void)state;
    buf_init(&sample, 100000);
    buf_init(&text, 100000);
    buf_init(&changed, 1000);
    conf_sample(&sample);
    struct conf *c = good(sample.p);
    conf_unref(c);
    for (rest = buf_str(&sample); rest.n;) {
        str_cut(rest, '\n', &line, &rest);
        if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ')
            line = (struct str){line.p + 1, line.n - 1};
        buf_printf(&text, "%.*s\n", STR_ARG(line));
    }
    c = good(text.p);
    struct conf *d = conf_default();
    conf_keep_immutable(d, c, &changed);
    assert_int_equal(changed.n, 0);
    assert_string_equal(c->subunit.attr_regex, d->subunit.attr_regex);
    assert_int_equal(c->subunit.max_stream_bytes, d->subunit.max_stream_bytes);
    conf_unref(c);
    conf_unref(d);
    buf_free(&sample);
    buf_free(&text);
    buf_free(&changed);
}

static void man_page_is_up_to_date(void **state)
{
    char path[4096];
    struct buf want, have;

    (void)state;
    snprintf(path, sizeof(path), "%s/docs/man/tally.conf.5", getenv("srcdir") ? getenv("srcdir") : ".");
    buf_init(&want, 1000000);
    buf_init(&have, 1000000);
    conf_mdoc(&want);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    buf_grow(&have, fread(buf_room(&have, 500000), 1, 500000, f));
    fclose(f);
    if (strcmp(want.p, have.p) != 0)
        fail_msg("%s differs from the option table: make update-docs", path);
    buf_free(&want);
    buf_free(&have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(values, setup, teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_with_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_values, setup, teardown),
        cmocka_unit_test_setup_teardown(together, setup, teardown),
        cmocka_unit_test_setup_teardown(line_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(no_text, setup, teardown),
        cmocka_unit_test_setup_teardown(secrets_are_not_printed, setup, teardown),
        cmocka_unit_test_setup_teardown(files, setup, teardown),
        cmocka_unit_test_setup_teardown(immutable_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(sections_compare, setup, teardown),
        cmocka_unit_test_setup_teardown(sample_is_the_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(man_page_is_up_to_date, setup, teardown),
    };

    return cmocka_run_group_tests_name("base/conf", tests, NULL, NULL);
}
