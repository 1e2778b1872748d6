#include "config.h"
#include "image/image.h"

void image_init(struct image *image)
{
    *image = (struct image){
        .status = STR("queued"),
        .visibility = STR("shared"),
        .size = -1,
        .virtual_size = -1,
    };
}

size_t image_property_place(const struct image *image, struct str name, bool *there)
{
    size_t low = 0, high = image->n_properties;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(image->properties[mid].name, name);

        if (order == 0) {
            *there = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *there = false;
    return low;
}

struct str image_property(const struct image *image, struct str name)
{
    bool there;
    size_t at = image_property_place(image, name, &there);

    return there ? image->properties[at].value : (struct str){NULL, 0};
}

bool image_limit(const char *what, size_t n, uint64_t max, struct error *err)
{
    return n <= max || error_set(err, ERROR_TOO_LARGE,
                                 "The limit has been exceeded on the number of allowed image %s."
                                 " Attempted: %zu, Maximum: %llu",
                                 what, n, (unsigned long long)max);
}

bool image_check_limits(const struct image *image, uint64_t max_properties, uint64_t max_tags,
                        struct error *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < image->n_properties; i++)
        bytes += image->properties[i].name.n + image->properties[i].value.n;
    if (bytes > IMAGE_PROPERTIES_BYTES)
        return error_set(err, ERROR_TOO_LARGE, "The image's properties have %zu bytes; %d are allowed", bytes,
                         IMAGE_PROPERTIES_BYTES);
    return image_limit("properties", image->n_properties, max_properties, err) &&
           image_limit("tags", image->n_tags, max_tags, err);
}
