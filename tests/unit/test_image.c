/* An image's members: from JSON, as JSON, and as its schema says. */
#include "config.h"
#include "base/json.h"
#include "image/image.h"
#include "image/image_schema.h"
#include "tests/unit/arena.h"

#include <string.h>

#define ID "63269a54-840a-42b7-8435-fc841823430e"

static bool read_image(const char *text, struct image *image, struct error *err)
{
    const struct json *obj = json_parse_object(arena, str_of(text), NULL, err);

    assert_non_null(obj);
    image_init(image);
    return image_from_json(arena, obj, true, image, err);
}

static struct str write_image(const struct image *image, image_hide_fn hide)
{
    struct json_writer w;
    struct buf b;
    struct str out;

    buf_init(&b, 1 << 20);
    json_writer_init(&w, &b);
    image_to_json(&w, image, hide, NULL);
    assert_true(buf_ok(&b));
    out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return out;
}

static void test_empty(void **state)
{
    struct image image;
    struct error err;

    (void)state;
    assert_true(read_image("{}", &image, &err));
    image.id = STR(ID);
    image.owner = STR("p");
    image.created_us = image.updated_us = INT64_C(1795291563123456);
    /* as Glance writes it */
    assert_string_equal(
        write_image(&image, NULL).p,
        "{\"name\":null,\"disk_format\":null,\"container_format\":null,\"visibility\":\"shared\","
        "\"size\":null,\"virtual_size\":null,\"status\":\"queued\",\"checksum\":null,\"protected\":false,"
        "\"min_ram\":0,\"min_disk\":0,\"owner\":\"p\",\"os_hidden\":false,\"os_hash_algo\":null,"
        "\"os_hash_value\":null,\"id\":\"" ID "\",\"created_at\":\"2026-11-21T20:06:03Z\","
        "\"updated_at\":\"2026-11-21T20:06:03Z\",\"tags\":[],\"self\":\"/v2/images/" ID "\","
        "\"file\":\"/v2/images/" ID "/file\",\"schema\":\"/v2/schemas/image\"}");
}

static bool hide_b(void *arg, struct str property)
{
    (void)arg;
    return str_eq_cstr(property, "b");
}

static void test_all_members(void **state)
{
    struct image image;
    struct error err;

    (void)state;
    assert_true(read_image("{\"id\":\"" ID
                           "\",\"name\":\"n\",\"disk_format\":\"qcow2\",\"tags\":[\"b\",\"a\","
                           "\"b\"],\"container_format\":\"bare\",\"visibility\":\"community\",\"protected\":"
                           "true,\"min_ram\":1,\"min_disk\":2,\"owner\":\"o\",\"os_hidden\":true,"
                           "\"c\":\"3\",\"b\":\"2\",\"kernel_id\":null}",
                           &image, &err));
    assert_string_equal(image.name.p, "n");
    assert_string_equal(image.disk_format.p, "qcow2");
    assert_int_equal(image.n_tags, 2);
    assert_string_equal(image.tags[0].p, "a");
    assert_true(image.is_protected && image.os_hidden);
    assert_int_equal(image.min_ram, 1);
    assert_int_equal(image.min_disk, 2);
    assert_int_equal(image.n_properties, 3);
    assert_string_equal(image_property(&image, STR("c")).p, "3");
    assert_null(image_property(&image, STR("kernel_id")).p);
    assert_null(image_property(&image, STR("d")).p);
    assert_non_null(
        strstr(write_image(&image, NULL).p, "{\"b\":\"2\",\"c\":\"3\",\"kernel_id\":null,\"name\""));
    assert_non_null(strstr(write_image(&image, hide_b).p, "{\"c\":\"3\",\"kernel_id\":null,\"name\""));
}

static void expect(const char *text, enum error_kind kind, const char *word)
{
    struct image image;
    struct error err;

    error_clear(&err);
    if (read_image(text, &image, &err) || err.kind != kind || !strstr(err.message, word))
        fail_msg("%s: %s", text, err.message);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *word;
    } bad[] = {
        {"{\"status\":\"active\"}", ERROR_FORBIDDEN, "Attribute 'status' is read-only."},
        {"{\"size\":1}", ERROR_FORBIDDEN, "'size'"},
        {"{\"checksum\":\"0\"}", ERROR_FORBIDDEN, "'checksum'"},
        {"{\"os_hash_value\":\"0\"}", ERROR_FORBIDDEN, "'os_hash_value'"},
        {"{\"created_at\":\"0\"}", ERROR_FORBIDDEN, "'created_at'"},
        {"{\"self\":\"0\"}", ERROR_FORBIDDEN, "'self'"},
        {"{\"direct_url\":\"0\"}", ERROR_FORBIDDEN, "'direct_url' is read-only"},
        {"{\"stores\":\"0\"}", ERROR_FORBIDDEN, "'stores' is read-only"},
        {"{\"locations\":[]}", ERROR_FORBIDDEN, "'locations' is reserved"},
        {"{\"location\":\"file:///etc/passwd\"}", ERROR_FORBIDDEN, "'location' is reserved"},
        {"{\"deleted\":\"1\"}", ERROR_FORBIDDEN, "'deleted' is reserved"},
        {"{\"os_glance_import_task\":\"1\"}", ERROR_FORBIDDEN, "is reserved"},
        {"{\"name\":1}", ERROR_BAD_REQUEST, "name must be a string or null, not a number"},
        {"{\"visibility\":null}", ERROR_BAD_REQUEST, "visibility must be a string, not null"},
        {"{\"visibility\":\"secret\"}", ERROR_BAD_REQUEST, "community, public, private, shared"},
        {"{\"disk_format\":\"QCOW2\"}", ERROR_BAD_REQUEST, "'QCOW2' is not one of raw, qcow2"},
        {"{\"container_format\":\"box\"}", ERROR_BAD_REQUEST, "is not one of"},
        {"{\"protected\":\"true\"}", ERROR_BAD_REQUEST, "protected must be true or false"},
        {"{\"min_disk\":-1}", ERROR_BAD_REQUEST, "Invalid value '-1' for parameter 'min_disk'"},
        {"{\"min_ram\":2147483648}", ERROR_BAD_REQUEST, "min_ram"},
        {"{\"min_ram\":1.5}", ERROR_BAD_REQUEST, "min_ram must be an integer"},
        {"{\"min_ram\":99999999999999999999}", ERROR_BAD_REQUEST, "min_ram must be an integer"},
        {"{\"min_ram\":null}", ERROR_BAD_REQUEST, "min_ram must be an integer, not null"},
        {"{\"id\":\"63269A54-840A-42B7-8435-FC841823430E\"}", ERROR_BAD_REQUEST, "id must be a UUID"},
        {"{\"id\":\"x\"}", ERROR_BAD_REQUEST, "id must be a UUID"},
        {"{\"tags\":\"a\"}", ERROR_BAD_REQUEST, "tags must be an array"},
        {"{\"tags\":[1]}", ERROR_BAD_REQUEST, "must be a string"},
        {"{\"tags\":[\"a\\u0000\"]}", ERROR_BAD_REQUEST, "NUL"},
        {"{\"tags\":[\"a \"]}", ERROR_BAD_REQUEST, "blank"},
        {"{\"a\":1}", ERROR_BAD_REQUEST, "a must be a string, not a number"},
        {"{\"a\":null}", ERROR_BAD_REQUEST, "a must be a string, not null"},
        {"{\"a\":{}}", ERROR_BAD_REQUEST, "a must be a string"},
        {"{\"a\":\"\\u0000\"}", ERROR_BAD_REQUEST, "NUL"},
        {"{\"\":\"a\"}", ERROR_BAD_REQUEST, "empty"},
        {"{\"a\\u0000b\":\"a\"}", ERROR_BAD_REQUEST, "control character"},
        {"{\"a \":\"a\"}", ERROR_BAD_REQUEST, "blank"},
        {"{\"kernel_id\":\"k\"}", ERROR_BAD_REQUEST, "kernel_id must be a UUID"},
        {"{\"cinder_encryption_key_deletion_policy\":\"x\"}", ERROR_BAD_REQUEST, "is not one of"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i].text, bad[i].kind, bad[i].word);
}

static const char *repeated(const char *piece, int n)
{
    const char *text = "";

    for (int i = 0; i < n; i++)
        text = arena_printf(arena, "%s%s", text, piece);
    return text;
}

static void test_lengths(void **state)
{
    struct image image;
    struct error err;

    (void)state;
    /* characters, not bytes */
    assert_true(read_image(arena_printf(arena, "{\"name\":\"%s\"}", repeated("\xf0\x9f\x90\xa7", 255)),
                           &image, &err));
    assert_int_equal(image.name.n, 4 * 255);
    expect(arena_printf(arena, "{\"name\":\"%s\"}", repeated("n", 256)), ERROR_BAD_REQUEST,
           "name is longer than 255 characters");
    expect(arena_printf(arena, "{\"%s\":\"v\"}", repeated("n", 256)), ERROR_BAD_REQUEST,
           "Custom property should not be greater than 255 characters.");
    expect(arena_printf(arena, "{\"tags\":[\"%s\"]}", repeated("n", 256)), ERROR_BAD_REQUEST,
           "longer than 255");
    assert_true(read_image("{\"a\":\"1\",\"b\":\"2\",\"tags\":[\"t\"]}", &image, &err));
    assert_true(image_check_limits(&image, 2, 1, &err));
    assert_false(image_check_limits(&image, 1, 1, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    assert_string_equal(err.message, "The limit has been exceeded on the number of allowed image properties. "
                                     "Attempted: 2, Maximum: 1");
    assert_false(image_check_limits(&image, 2, 0, &err));
    assert_non_null(strstr(err.message, "image tags"));
}

static void test_client_id(void **state)
{
    const struct json *obj;
    struct image image;
    struct error err;

    (void)state;
    obj = json_parse_object(arena, STR("{\"id\":\"" ID "\"}"), NULL, &err);
    image_init(&image);
    assert_false(image_from_json(arena, obj, false, &image, &err));
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static void test_schema(void **state)
{
    struct json_writer w;
    struct buf b;
    struct error err;
    const struct json *schema, *properties;

    (void)state;
    buf_init(&b, 1 << 20);
    json_writer_init(&w, &b);
    images_schema_write(&w);
    schema = json_parse_object(arena, buf_str(&b), NULL, &err);
    buf_free(&b);
    assert_non_null(schema);
    schema = json_get(json_get(json_get(schema, "properties"), "images"), "items");
    properties = json_get(schema, "properties");
    assert_int_equal(properties->n, 34);
    assert_int_equal(json_get(json_get(properties, "disk_format"), "enum")->n, 12);
    assert_null(json_get(properties, "deleted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_all_members, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_refused, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_lengths, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_client_id, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(test_schema, arena_set_up, arena_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
