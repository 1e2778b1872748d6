#include "config.h"
#include "image/format.h"

const struct image_format image_formats[] = {
    {"raw", true, true, "raw"},   {"qcow2", true, true, "qcow2"}, {"vhd", true, true, "vpc"},
    {"vhdx", true, true, "vhdx"}, {"vmdk", true, true, "vmdk"},   {"vdi", true, true, "vdi"},
    {"iso", true, false, NULL},   {"ami", true, false, NULL},     {"ploop", true, false, NULL},
    {"aki", false, false, NULL},  {"ari", false, false, NULL},
};
const size_t image_n_formats = sizeof(image_formats) / sizeof(image_formats[0]);

static const char *const containers[] = {"bare", "ovf", "ova", "docker", "ami", "aki", "ari", "compressed"};

const struct image_format *image_format_find(struct str name)
{
    for (size_t i = 0; i < image_n_formats; i++)
        if (str_eq_cstr(name, image_formats[i].name))
            return &image_formats[i];
    return NULL;
}

const char *image_container_format(size_t i)
{
    return i < sizeof(containers) / sizeof(containers[0]) ? containers[i] : NULL;
}

bool image_container_format_ok(struct str name)
{
    for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
        if (str_eq_cstr(name, containers[i]))
            return true;
    return false;
}

const char *image_format_list(struct arena *arena, bool for_export)
{
    const char *text = NULL, *last = NULL;

    for (size_t i = 0; i < image_n_formats; i++) {
        if (!(for_export ? image_formats[i].can_export : image_formats[i].can_import))
            continue;
        if (last)
            text = text ? arena_printf(arena, "%s, %s", text, last) : last;
        last = image_formats[i].name;
    }
    return arena_printf(arena, "%s or %s", text, last);
}
