/* An object is a new image, an array a patch of one in either form: what is taken leaves an image whose lists
 * are sorted and bounded, that has no property of a member's name, and that is JSON again. */
#include "config.h"
#include "image/image_fields.h"
#include "image/image_patch.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PROPERTIES = 8 };

static const struct image_property held[] = {{{"a", 1}, {"1", 1}}, {{"os_distro", 9}, {"debian", 6}}};

static void check_lists(const struct image *image)
{
    for (size_t i = 0; i < image->n_tags; i++) {
        FUZZ_CHECK(i == 0 || str_cmp(image->tags[i - 1], image->tags[i]) < 0);
        FUZZ_CHECK(str_utf8_len(image->tags[i]) <= IMAGE_TEXT_MAX);
    }
    for (size_t i = 0; i < image->n_properties; i++) {
        const struct image_field *field = image_field_find(image->properties[i].name);

        FUZZ_CHECK(i == 0 || str_cmp(image->properties[i - 1].name, image->properties[i].name) < 0);
        FUZZ_CHECK(!field || (field->flags & FIELD_PROPERTY));
    }
}

static void check_image(struct arena *arena, const struct image *image)
{
    struct json_writer w;
    struct error err;
    struct buf b;

    check_lists(image);
    FUZZ_CHECK(str_eq_cstr(image->status, "queued") && image->size == -1 && !image->checksum.p);
    FUZZ_CHECK(image->min_ram >= 0 && image->min_disk >= 0);
    buf_init(&b, 16 << 20);
    json_writer_init(&w, &b);
    image_to_json(&w, image, NULL, NULL);
    FUZZ_CHECK(buf_ok(&b) &&
               json_parse_object(arena, buf_str(&b), &(struct json_limits){16 << 20, 100000, 4}, &err));
    buf_free(&b);
}

static void try_patch(struct arena *arena, const struct json *body, bool v20)
{
    const struct image_who who = {.project = STR("p")};
    struct image_change *changes;
    struct image before, after;
    struct error err;
    size_t n;

    image_init(&before);
    before.owner = STR("p");
    before.properties = held;
    before.n_properties = sizeof(held) / sizeof(held[0]);
    if (!image_patch_read(arena, body, v20, &changes, &n, &err) ||
        !image_patch_apply(arena, &before, changes, n, &who, MAX_PROPERTIES, &after, &err))
        return;
    FUZZ_CHECK(after.n_properties <= MAX_PROPERTIES);
    FUZZ_CHECK(str_eq_cstr(after.owner, "p") && !str_eq_cstr(after.visibility, "public"));
    check_image(arena, &after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4096);
    const struct json *body;
    struct image image;
    struct error err;

    body = json_parse(arena, (struct str){(const char *)data, size}, NULL, &err);
    if (json_is(body, JSON_OBJECT)) {
        image_init(&image);
        if (image_from_json(arena, body, true, &image, &err))
            check_image(arena, &image);
    } else if (body) {
        try_patch(arena, body, false);
        try_patch(arena, body, true);
    }
    arena_free(arena);
    return 0;
}
