#include "config.h"
#include "image/task_input.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define IMAGE "5b6f5a52-0d6b-4ac5-b3b5-6a3b1f5a8c11"

static struct arena *arena;
static struct conf *conf;
static struct task_input in;
static struct error err;

static int set_up(void **state)
{
    struct str text = STR("[import_filtering_opts]\nallowed_hosts = mirror.example\n");
    struct buf mistakes;

    (void)state;
    arena = arena_new(65536);
    buf_init(&mistakes, 4096);
    conf = conf_parse("test", text, &mistakes);
    buf_free(&mistakes);
    return conf ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    conf_unref(conf);
    arena_free(arena);
    return 0;
}

static bool parse(enum task_type type, const char *text)
{
    const struct json *input = json_parse(arena, str_of(text), NULL, &err);

    if (!input)
        fail_msg("%s: %s", text, err.message);
    memset(&err, 0, sizeof(err));
    return task_input_parse(arena, conf, STR("me"), type, input, &in, &err);
}

static void refused_as(enum error_kind kind, enum task_type type, const char *text, const char *why)
{
    if (parse(type, text))
        fail_msg("%s was taken", text);
    assert_int_equal(err.kind, kind);
    if (!strstr(err.message, why))
        fail_msg("%s: \"%s\" says nothing of %s", text, err.message, why);
}

static void refused(enum task_type type, const char *text, const char *why)
{
    refused_as(ERROR_BAD_REQUEST, type, text, why);
}

static void types(void **state)
{
    enum task_type type = TASK_CLONE;

    (void)state;
    assert_string_equal(task_type_name(TASK_IMPORT), "import");
    assert_string_equal(task_type_name(TASK_EXPORT), "export");
    assert_string_equal(task_type_name(TASK_CLONE), "clone");
    assert_true(task_type_parse(STR("import"), &type) && type == TASK_IMPORT);
    assert_true(task_type_parse(STR("export"), &type) && type == TASK_EXPORT);
    assert_true(task_type_parse(STR("clone"), &type) && type == TASK_CLONE);
    assert_false(task_type_parse(STR("Import"), &type));
    assert_false(task_type_parse(STR("import "), &type));
    assert_false(task_type_parse(STR(""), &type));
    assert_false(task_type_parse(STR("api_image_import"), &type));
}

#define IMPORT(from, format, properties)                                \
    "{\"import_from\": \"" from "\", \"import_from_format\": \"" format \
    "\", \"image_properties\": " properties "}"

static void imports(void **state)
{
    (void)state;
    assert_true(parse(TASK_IMPORT, IMPORT("con/a/b.img", "qcow2", "{\"name\": \"n\", \"x\": \"y\"}")));
    assert_true(str_eq_cstr(in.container, "con"));
    assert_true(str_eq_cstr(in.object, "a/b.img"));
    assert_null(in.url.p);
    assert_true(str_eq_cstr(in.format, "qcow2"));
    assert_int_equal(in.properties->n, 2);
    assert_null(in.image_id.p);
    assert_true(parse(TASK_IMPORT, IMPORT("https://mirror.example/a", "raw", "{}")));
    assert_true(str_eq_cstr(in.url, "https://mirror.example/a"));
    assert_null(in.container.p);
    assert_true(parse(TASK_IMPORT, IMPORT("k\xc3\xa4se:2/x://y", "iso", "{}")));
    assert_true(str_eq_cstr(in.container, "k\xc3\xa4se:2"));
    assert_true(str_eq_cstr(in.object, "x://y"));
}

static void import_members(void **state)
{
    (void)state;
    refused(TASK_IMPORT, "{}",
            "\"import_from\", \"import_from_format\" and \"image_properties\" are missing");
    refused(TASK_IMPORT, "{\"import_from\": \"a/b\"}",
            "\"import_from_format\" and \"image_properties\" are missing");
    refused(TASK_IMPORT, "{\"import_from\": \"a/b\", \"image_properties\": {}}",
            "\"import_from_format\" is missing");
    refused(TASK_IMPORT,
            "{\"import_from\": \"a/b\", \"import_from_format\": \"raw\", \"image_properties\": {}, "
            "\"extra\": 1}",
            "unknown member \"extra\"");
    refused(TASK_IMPORT, "{\"extra\": 1, \"import_from\": \"a/b\"}", "\"extra\"; \"import_from_format\" and");
    refused(TASK_IMPORT, "{\"image_id\": \"" IMAGE "\"}", "unknown member \"image_id\"");
    refused(TASK_IMPORT, "{\"import_from\": 1, \"import_from_format\": \"raw\", \"image_properties\": {}}",
            "\"import_from\" must be a string, not a number");
    refused(TASK_IMPORT, "{\"import_from\": null, \"import_from_format\": \"raw\", \"image_properties\": {}}",
            "\"import_from\" must be a string, not null");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "null"), "\"image_properties\" must be an object, not null");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "[]"), "\"image_properties\" must be an object, not an array");
    refused(TASK_IMPORT, "[]", "\"input\" must be an object, not an array");
    assert_false(task_input_parse(arena, conf, STR("me"), TASK_IMPORT, NULL, &in, &err));
}

static void import_sources(void **state)
{
    static const char *const urls[] = {"http://other.example/a",    "file:///etc/passwd",
                                       "file:/etc/passwd",          "http:/mirror.example/a",
                                       "swift://con/obj",           "ftp://mirror.example/",
                                       "http://u:p@mirror.example/"};
    char longer[2000], text[2200];

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        snprintf(text, sizeof(text), IMPORT("%s", "raw", "{}"), urls[i]);
        refused(TASK_IMPORT, text, "\"import_from\": the URL");
    }
    refused(TASK_IMPORT, IMPORT("", "raw", "{}"), "container/object");
    refused(TASK_IMPORT, IMPORT("container", "raw", "{}"), "container/object");
    refused(TASK_IMPORT, IMPORT("container/", "raw", "{}"), "container/object");
    refused(TASK_IMPORT, IMPORT("/object", "raw", "{}"), "names no container");
    refused(TASK_IMPORT, IMPORT("../object", "raw", "{}"), "no container's name");
    refused(TASK_IMPORT, IMPORT("./object", "raw", "{}"), "no container's name");
    refused(TASK_IMPORT, IMPORT("con/../../etc/passwd", "raw", "{}"), "\"..\"");
    refused(TASK_IMPORT, IMPORT("con/a/.", "raw", "{}"), "\"..\"");
    refused(TASK_IMPORT, IMPORT("con/a\\u0000b", "raw", "{}"), "control");
    refused(TASK_IMPORT, IMPORT("con/a\\r\\nb", "raw", "{}"), "control");
    refused(TASK_IMPORT, IMPORT("co\\u007fn/ab", "raw", "{}"), "no container's name");
    memset(longer, 'c', sizeof(longer));
    longer[1999] = '\0';
    snprintf(text, sizeof(text), IMPORT("%.257s/o", "raw", "{}"), longer);
    refused(TASK_IMPORT, text, "at most 256 bytes");
    snprintf(text, sizeof(text), IMPORT("c/%.1025s", "raw", "{}"), longer);
    refused(TASK_IMPORT, text, "at most 1024 bytes");
    snprintf(text, sizeof(text), IMPORT("%.256s/%.1024s", "raw", "{}"), longer, longer);
    assert_true(parse(TASK_IMPORT, text));
}

static void import_formats(void **state)
{
    static const char *const taken[] = {"raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "iso", "ami", "ploop"};
    static const char *const others[] = {"qed", "luks", "aki", "ari", "RAW", "", "raw ", "vpc", "jpg"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        snprintf(text, sizeof(text), IMPORT("a/b", "%s", "{}"), taken[i]);
        assert_true(parse(TASK_IMPORT, text));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        snprintf(text, sizeof(text), IMPORT("a/b", "%s", "{}"), others[i]);
        refused(TASK_IMPORT, text, "raw, qcow2, vhd, vhdx, vmdk, vdi, iso, ami or ploop");
    }
}

static void import_properties(void **state)
{
    (void)state;
    assert_true(parse(TASK_IMPORT, IMPORT("a/b", "raw", "{\"owner\": \"me\", \"disk_format\": \"raw\"}")));
    refused_as(ERROR_FORBIDDEN, TASK_IMPORT, IMPORT("a/b", "raw", "{\"owner\": \"you\"}"), "\"owner\"");
    refused_as(ERROR_FORBIDDEN, TASK_IMPORT, IMPORT("a/b", "raw", "{\"owner\": \"ME\"}"), "\"owner\"");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"owner\": null}"), "\"owner\" must be a string");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"disk_format\": \"qcow2\"}"),
            "\"disk_format\" is \"qcow2\", but \"import_from_format\" is \"raw\"");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"disk_format\": 7}"), "disk_format must be a string");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"min_disk\": \"1\"}"), "image_properties: ");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"x\": 1}"), "x must be a string");
    refused(TASK_IMPORT, IMPORT("a/b", "raw", "{\"visibility\": \"all\"}"), "visibility");
    refused_as(ERROR_FORBIDDEN, TASK_IMPORT, IMPORT("a/b", "raw", "{\"status\": \"active\"}"), "'status'");
    refused_as(ERROR_FORBIDDEN, TASK_IMPORT, IMPORT("a/b", "raw", "{\"id\": \"" IMAGE "\"}"), "'id'");
    refused_as(ERROR_FORBIDDEN, TASK_IMPORT, IMPORT("a/b", "raw", "{\"locations\": []}"), "'locations'");
}

static void exports(void **state)
{
    (void)state;
    assert_true(parse(TASK_EXPORT,
                      "{\"image_id\": \"" IMAGE "\", \"export_to\": \"con\", \"export_format\": \"vhd\"}"));
    assert_true(str_eq_cstr(in.image_id, IMAGE));
    assert_true(str_eq_cstr(in.export_container, "con"));
    assert_true(str_eq_cstr(in.format, "vhd"));
    /* Rackspace's dialect, whole, mixed, and with a format. */
    assert_true(
        parse(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"receiving_swift_container\": \"con\"}"));
    assert_true(str_eq_cstr(in.image_id, IMAGE));
    assert_true(str_eq_cstr(in.export_container, "con"));
    assert_null(in.format.p);
    assert_true(parse(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"con\"}"));
    assert_true(parse(TASK_EXPORT, "{\"image_id\": \"" IMAGE "\", \"receiving_swift_container\": \"con\", "
                                   "\"export_format\": \"raw\"}"));
    assert_true(str_eq_cstr(in.format, "raw"));
}

static void export_faults(void **state)
{
    (void)state;
    refused(TASK_EXPORT, "{}", "\"image_id\", \"export_to\" and \"export_format\" are missing");
    refused(TASK_EXPORT, "{\"image_id\": \"" IMAGE "\", \"export_to\": \"con\"}",
            "\"export_format\" is missing");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\"}", "\"export_to\" is missing");
    refused(TASK_EXPORT, "{\"image_id\": \"" IMAGE "\", \"image_uuid\": \"" IMAGE "\", \"export_to\": \"c\"}",
            "\"image_id\" and \"image_uuid\" are the same");
    refused(TASK_EXPORT,
            "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"c\", \"receiving_swift_container\": \"c\"}",
            "\"export_to\" and \"receiving_swift_container\" are the same");
    refused(TASK_EXPORT, "{\"image_uuid\": 1, \"export_to\": \"c\"}", "\"image_uuid\" must be a string");
    refused(TASK_EXPORT, "{\"image_uuid\": \"x\", \"export_to\": \"c\"}",
            "\"image_uuid\" must be an image's id");
    refused(TASK_EXPORT,
            "{\"image_id\": \"5B6F5A52-0D6B-4AC5-B3B5-6A3B1F5A8C11\", \"export_to\": \"c\", "
            "\"export_format\": \"raw\"}",
            "\"image_id\" must be an image's id");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"\"}", "names no container");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"receiving_swift_container\": \"a/b\"}",
            "\"receiving_swift_container\" holds");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"..\"}", "no container's name");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"c\", \"export_format\": \"iso\"}",
            "raw, qcow2, vhd, vhdx, vmdk or vdi, not \"iso\"");
    refused(TASK_EXPORT, "{\"image_uuid\": \"" IMAGE "\", \"export_to\": \"c\", \"image_properties\": {}}",
            "unknown member \"image_properties\"");
}

static void clones(void **state)
{
    (void)state;
    assert_true(parse(TASK_CLONE, "{\"image_id\": \"" IMAGE "\"}"));
    assert_true(str_eq_cstr(in.image_id, IMAGE));
    assert_null(in.properties);
    assert_true(
        parse(TASK_CLONE, "{\"image_id\": \"" IMAGE "\", \"image_properties\": {\"owner\": \"me\"}}"));
    assert_int_equal(in.properties->n, 1);
    refused(TASK_CLONE, "{}", "\"image_id\" is missing");
    refused(TASK_CLONE, "{\"image_uuid\": \"" IMAGE "\"}",
            "unknown member \"image_uuid\"; \"image_id\" is missing");
    refused(TASK_CLONE, "{\"image_id\": \"\"}", "an image's id");
    refused(TASK_CLONE, "{\"image_id\": \"" IMAGE "\", \"image_properties\": {\"tags\": \"a\"}}", "tags");
    refused_as(ERROR_FORBIDDEN, TASK_CLONE,
               "{\"image_id\": \"" IMAGE "\", \"image_properties\": {\"owner\": \"you\"}}", "\"owner\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),          cmocka_unit_test(imports),
        cmocka_unit_test(import_members), cmocka_unit_test(import_sources),
        cmocka_unit_test(import_formats), cmocka_unit_test(import_properties),
        cmocka_unit_test(exports),        cmocka_unit_test(export_faults),
        cmocka_unit_test(clones),
    };

    return cmocka_run_group_tests_name("image/task_input", tests, set_up, tear_down);
}
