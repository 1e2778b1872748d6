/* JSON patch: what is taken, what is refused and how, and what comes of it. */
#include "config.h"
#include "image/image_patch.h"
#include "tests/unit/arena.h"

#include <string.h>

static const struct image_who owner = {.project = {"p", 1}}, admin = {.project = {"x", 1}, .admin = true};

/* A queued image with properties a, b. */
static struct image original(void)
{
    static const struct image_property properties[] = {{{"a", 1}, {"1", 1}}, {{"b", 1}, {"2", 1}}};
    struct image image;

    image_init(&image);
    image.owner = STR("p");
    image.name = STR("old");
    image.properties = properties;
    image.n_properties = 2;
    return image;
}

static bool patch(const char *text, bool v20, const struct image_who *who, const struct image *before,
                  struct image *after, struct error *err)
{
    const struct json *body = json_parse(arena, str_of(text), NULL, err);
    struct image_change *changes;
    size_t n;

    assert_non_null(body);
    return image_patch_read(arena, body, v20, &changes, &n, err) &&
           image_patch_apply(arena, before, changes, n, who, 4, after, err);
}

static void expect(const char *text, const struct image_who *who, enum error_kind kind, const char *word)
{
    struct image before = original(), after;
    struct error err;

    error_clear(&err);
    if (patch(text, false, who, &before, &after, &err) || err.kind != kind || !strstr(err.message, word))
        fail_msg("%s: %s", text, err.message);
}

static void test_members(void **state)
{
    struct image before = original(), after;
    struct error err;

    (void)state;
    assert_true(patch("[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"new\"},"
                      "{\"op\":\"add\",\"path\":\"/tags\",\"value\":[\"y\",\"x\"]},"
                      "{\"op\":\"replace\",\"path\":\"/disk_format\",\"value\":\"raw\"},"
                      "{\"op\":\"replace\",\"path\":\"/visibility\",\"value\":\"community\"},"
                      "{\"op\":\"replace\",\"path\":\"/protected\",\"value\":true},"
                      "{\"op\":\"replace\",\"path\":\"/min_ram\",\"value\":5}]",
                      false, &owner, &before, &after, &err));
    assert_string_equal(after.name.p, "new");
    assert_string_equal(after.tags[1].p, "y");
    assert_string_equal(after.disk_format.p, "raw");
    assert_string_equal(after.visibility.p, "community");
    assert_true(after.is_protected);
    assert_int_equal(after.min_ram, 5);
    assert_string_equal(before.name.p, "old");
    assert_true(patch("[{\"op\":\"replace\",\"path\":\"/name\",\"value\":null}]", false, &owner, &before,
                      &after, &err));
    assert_null(after.name.p);
}

static void test_properties(void **state)
{
    struct image before = original(), after;
    struct error err;

    (void)state;
    assert_true(patch("[{\"op\":\"add\",\"path\":\"/aa\",\"value\":\"3\"},"
                      "{\"op\":\"add\",\"path\":\"/b\",\"value\":\"4\"},"
                      "{\"op\":\"remove\",\"path\":\"/a\"},"
                      "{\"op\":\"add\",\"path\":\"/x~1y~0z~01 \",\"value\":\"5\"},"
                      "{\"op\":\"replace\",\"path\":\"/aa\",\"value\":\"6\"}]",
                      false, &owner, &before, &after, &err));
    assert_int_equal(after.n_properties, 3);
    assert_string_equal(after.properties[0].name.p, "aa");
    assert_string_equal(after.properties[0].value.p, "6");
    assert_string_equal(image_property(&after, STR("b")).p, "4");
    assert_string_equal(image_property(&after, STR("x/y~z~1")).p, "5");
    assert_int_equal(before.n_properties, 2);
    assert_string_equal(before.properties[0].value.p, "1");
}

static void test_v20(void **state)
{
    struct image before = original(), after;
    struct error err;

    (void)state;
    assert_true(patch("[{\"replace\":\"/name\",\"value\":\"new\"},{\"add\":\"/c\",\"value\":\"3\"},"
                      "{\"remove\":\"/a\"}]",
                      true, &owner, &before, &after, &err));
    assert_string_equal(after.name.p, "new");
    assert_int_equal(after.n_properties, 2);
    assert_false(patch("[{\"add\":\"/a\",\"value\":\"3\"}]", true, &owner, &before, &after, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.message, "Property a already present.");
    assert_false(
        patch("[{\"op\":\"add\",\"path\":\"/a\",\"value\":\"3\"}]", true, &owner, &before, &after, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_false(
        patch("[{\"add\":\"/a\",\"remove\":\"/b\",\"value\":\"3\"}]", true, &owner, &before, &after, &err));
    assert_non_null(strstr(err.message, "only one member"));
}

#define OP(op, path) "[{\"op\":\"" op "\",\"path\":\"" path "\"}]"
#define SET(op, path, value) "[{\"op\":\"" op "\",\"path\":\"" path "\",\"value\":" value "}]"

static void test_form(void **state)
{
    static const char *const bad[][2] = {
        {"{}", "must be a JSON array"},
        {"[1]", "Operations must be JSON objects."},
        {"[{}]", "Unable to find `op`"},
        {"[{\"op\":\"move\",\"path\":\"/a\"}]", "Invalid operation: `move`."},
        {"[{\"op\":[],\"path\":\"/a\"}]", "Invalid operation"},
        {"[{\"op\":\"remove\"}]", "Unable to find 'path'"},
        {"[{\"op\":\"remove\",\"path\":1}]", "path must be a string"},
        {OP("add", "/a"), "Operation \"add\" requires a member named \"value\"."},
        {OP("remove", ""), "does not start with \"/\""},
        {OP("remove", "a"), "does not start with \"/\""},
        {OP("remove", "//a"), "contains adjacent \"/\""},
        {OP("remove", "/a/ /b"), "contains adjacent \"/\""},
        {OP("remove", "/a/"), "end with \"/\""},
        {OP("remove", "/a~"), "contains \"~\""},
        {OP("remove", "/a~2"), "contains \"~\""},
        {SET("add", "/tags/-", "\"t\""), "Invalid JSON pointer for this resource: '/tags/-'"},
        {SET("add", "/a/b", "\"t\""), "Invalid JSON pointer"},
        {SET("add", "/", "\"t\""), "empty"},
        {SET("add", "/a", "1"), "a must be a string"},
        {SET("replace", "/min_disk", "\"1\""), "min_disk must be an integer"},
        {SET("replace", "/tags", "[1]"), "must be a string"},
        {SET("replace", "/visibility", "\"all\""), "is not one of"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i][0], &owner, ERROR_BAD_REQUEST, bad[i][1]);
}

static void test_forbidden(void **state)
{
    static const char *const bad[][2] = {
        {SET("replace", "/status", "\"active\""), "Attribute 'status' is read-only."},
        {SET("replace", "/id", "\"x\""), "Attribute 'id' is read-only."},
        {OP("remove", "/checksum"), "Attribute 'checksum' is read-only."},
        {SET("replace", "/size", "1"), "read-only"},
        {SET("add", "/file", "\"x\""), "read-only"},
        {SET("add", "/deleted", "\"x\""), "Attribute 'deleted' is reserved."},
        {SET("add", "/os_glance_x", "\"x\""), "is reserved."},
        {SET("add", "/locations/-", "{}"), "It's not allowed to add locations if locations are invisible."},
        {SET("replace", "/locations", "[]"), "It's not allowed to update locations"},
        {OP("remove", "/locations/0"), "It's not allowed to remove locations"},
        {OP("remove", "/name"), "Property name may not be removed."},
        {OP("remove", "/tags"), "Property tags may not be removed."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i][0], &admin, ERROR_FORBIDDEN, bad[i][1]);
    expect(SET("replace", "/owner", "\"q\""), &owner, ERROR_FORBIDDEN,
           "Owner can't be updated by non admin.");
    expect(SET("add", "/owner", "\"q\""), &owner, ERROR_FORBIDDEN, "Owner can't be updated by non admin.");
    expect(SET("replace", "/visibility", "\"public\""), &owner, ERROR_FORBIDDEN, "publicize_image");
    expect(OP("remove", "/c"), &owner, ERROR_CONFLICT, "Property c does not exist.");
    expect(SET("replace", "/c", "\"x\""), &owner, ERROR_CONFLICT, "Property c does not exist.");
}

static void test_admin(void **state)
{
    struct image before = original(), after;
    struct error err;

    (void)state;
    assert_true(
        patch("[{\"op\":\"replace\",\"path\":\"/owner\",\"value\":\"q\"},{\"op\":\"replace\",\"path\":"
              "\"/visibility\",\"value\":\"public\"}]",
              false, &admin, &before, &after, &err));
    assert_string_equal(after.owner.p, "q");
    assert_string_equal(after.visibility.p, "public");
}

static void test_formats_of_active(void **state)
{
    struct image before = original(), after;
    struct error err;

    (void)state;
    before.status = STR("active");
    assert_false(patch(SET("replace", "/disk_format", "\"raw\""), false, &admin, &before, &after, &err));
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_string_equal(err.message, "Attribute disk_format can be only replaced for a queued image.");
}

static void test_too_many(void **state)
{
    const char *text = "[{\"op\":\"add\",\"path\":\"/p0\",\"value\":\"v\"}";
    struct image before = original(), after;
    struct error err;

    (void)state;
    for (int i = 1; i < 3; i++)
        text = arena_printf(arena, "%s,{\"op\":\"add\",\"path\":\"/p%d\",\"value\":\"v\"}", text, i);
    assert_false(patch(arena_printf(arena, "%s]", text), false, &owner, &before, &after, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    assert_non_null(strstr(err.message, "Attempted: 5, Maximum: 4"));
}

/* Property protection: ARG is "crud" letters that are allowed for every property. */
static bool may(void *arg, enum property_right right, struct str property)
{
    (void)property;
    return strchr(arg, "crud"[right]) != NULL;
}

static enum error_kind as(const char *rights, const char *text)
{
    char letters[8];
    struct image_who who = {.project = STR("p"), .may = may, .arg = letters};
    struct image before = original(), after;
    struct error err;

    memcpy(letters, rights, strlen(rights) + 1);
    return patch(text, false, &who, &before, &after, &err) ? ERROR_NONE : err.kind;
}

static void test_protection(void **state)
{
    (void)state;
    assert_int_equal(as("crud", SET("add", "/c", "\"x\"")), ERROR_NONE);
    assert_int_equal(as("rud", SET("add", "/c", "\"x\"")), ERROR_FORBIDDEN);
    assert_int_equal(as("ru", SET("add", "/a", "\"x\"")), ERROR_NONE);
    assert_int_equal(as("crd", SET("replace", "/a", "\"x\"")), ERROR_FORBIDDEN);
    assert_int_equal(as("cru", OP("remove", "/a")), ERROR_FORBIDDEN);
    assert_int_equal(as("rd", OP("remove", "/a")), ERROR_NONE);
    /* what cannot be seen is not there, and cannot be written over */
    assert_int_equal(as("cud", OP("remove", "/a")), ERROR_CONFLICT);
    assert_int_equal(as("cud", SET("replace", "/a", "\"x\"")), ERROR_CONFLICT);
    assert_int_equal(as("c", SET("add", "/a", "\"x\"")), ERROR_FORBIDDEN);
    assert_int_equal(as("cu", SET("add", "/a", "\"x\"")), ERROR_NONE);
}

static void test_may_create(void **state)
{
    char none[] = "r";
    struct image_who other = {.project = STR("q")}, bound = {.project = STR("p"), .may = may, .arg = none};
    struct image image = original();
    struct error err;

    (void)state;
    assert_true(image_may_create(&image, &owner, &err));
    assert_true(image_may_create(&image, &admin, &err));
    assert_false(image_may_create(&image, &other, &err));
    assert_string_equal(err.message, "You are not permitted to create images owned by 'p'");
    assert_false(image_may_create(&image, &bound, &err));
    assert_string_equal(err.message, "Attribute 'a' is reserved.");
    image.visibility = STR("public");
    assert_false(image_may_create(&image, &owner, &err));
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_true(image_may_create(&image, &admin, &err));
    image.owner = (struct str){NULL, 0};
    assert_false(image_may_create(&image, &owner, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_properties, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_v20, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_form, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_forbidden, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_admin, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_formats_of_active, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_protection, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_may_create, arena_set_up, arena_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
