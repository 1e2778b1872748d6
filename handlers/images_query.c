#include "config.h"
#include "handlers/images_query.h"
#include "base/conf_options.h"
#include "handlers/images_filter.h"

/* --- what is no condition of an image ----------------------------------------------------------- */

static bool read_visibility(struct images_reading *x, struct error *err)
{
    static const char *const words[] = {"community", "public", "private", "shared", "all"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_cstr(x->p->value, words[i]))
            x->out->filter.visibility = x->p->value;
    return x->out->filter.visibility.p || x->p->value.n == 0 ||
           error_set(err, ERROR_BAD_REQUEST, "Invalid visibility value: %.*s", IMAGES_SHOWN(x->p->value));
}

static bool read_member_status(struct images_reading *x, struct error *err)
{
    static const char *const words[] = {"pending", "accepted", "rejected", "all"};

    x->out->filter.member_status = x->p->value;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_cstr(x->p->value, words[i]))
            return true;
    return error_set(err, ERROR_BAD_REQUEST, "Invalid status: %.*s", IMAGES_SHOWN(x->p->value));
}

static bool read_changes_since(struct images_reading *x, struct error *err)
{
    (void)x;
    return error_set(err, ERROR_BAD_REQUEST, "The \"changes-since\" filter is no longer available on v2.");
}

/* Deleted images are in no list, whatever is asked for. */
static bool read_deleted(struct images_reading *x, struct error *err)
{
    (void)x;
    (void)err;
    return true;
}

static bool read_marker(struct images_reading *x, struct error *err)
{
    (void)err;
    x->out->marker = x->p->value;
    return true;
}

static bool read_limit(struct images_reading *x, struct error *err)
{
    int64_t n;

    if (!str_to_i64(x->p->value, INT64_MIN, INT64_MAX, &n))
        return error_set(err, ERROR_BAD_REQUEST, "limit param must be an integer");
    if (n < 0)
        return error_set(err, ERROR_BAD_REQUEST, "limit param must be positive");
    x->out->filter.limit = (uint64_t)n < x->r->conf->api.max_limit ? (uint64_t)n : x->r->conf->api.max_limit;
    return true;
}

/* Every parameter that is not a property's name. */
static const struct {
    const char *name;
    images_filter_fn read;
    enum image_column column;
    enum image_test test;
} params[] = {
    {"name", images_filter_list, IMAGE_BY_NAME, IMAGE_IS},
    {"id", images_filter_list, IMAGE_BY_ID, IMAGE_IS},
    {"status", images_filter_list, IMAGE_BY_STATUS, IMAGE_IS},
    {"container_format", images_filter_list, IMAGE_BY_CONTAINER_FORMAT, IMAGE_IS},
    {"disk_format", images_filter_list, IMAGE_BY_DISK_FORMAT, IMAGE_IS},
    {"owner", images_filter_text, IMAGE_BY_OWNER, IMAGE_IS},
    {"checksum", images_filter_text, IMAGE_BY_CHECKSUM, IMAGE_IS},
    {"os_hash_algo", images_filter_text, IMAGE_BY_OS_HASH_ALGO, IMAGE_IS},
    {"os_hash_value", images_filter_text, IMAGE_BY_OS_HASH_VALUE, IMAGE_IS},
    {"size", images_filter_number, IMAGE_BY_SIZE, IMAGE_IS},
    {"size_min", images_filter_number, IMAGE_BY_SIZE, IMAGE_FROM},
    {"size_max", images_filter_number, IMAGE_BY_SIZE, IMAGE_TO},
    {"virtual_size", images_filter_number, IMAGE_BY_VIRTUAL_SIZE, IMAGE_IS},
    {"virtual_size_min", images_filter_number, IMAGE_BY_VIRTUAL_SIZE, IMAGE_FROM},
    {"virtual_size_max", images_filter_number, IMAGE_BY_VIRTUAL_SIZE, IMAGE_TO},
    {"min_ram", images_filter_number, IMAGE_BY_MIN_RAM, IMAGE_IS},
    {"min_ram_min", images_filter_number, IMAGE_BY_MIN_RAM, IMAGE_FROM},
    {"min_ram_max", images_filter_number, IMAGE_BY_MIN_RAM, IMAGE_TO},
    {"min_disk", images_filter_number, IMAGE_BY_MIN_DISK, IMAGE_IS},
    {"min_disk_min", images_filter_number, IMAGE_BY_MIN_DISK, IMAGE_FROM},
    {"min_disk_max", images_filter_number, IMAGE_BY_MIN_DISK, IMAGE_TO},
    {"protected", images_filter_bool, IMAGE_BY_PROTECTED, IMAGE_IS},
    {"os_hidden", images_filter_bool, IMAGE_BY_OS_HIDDEN, IMAGE_IS},
    {"created_at", images_filter_time, IMAGE_BY_CREATED_AT, IMAGE_IS},
    {"updated_at", images_filter_time, IMAGE_BY_UPDATED_AT, IMAGE_IS},
    {"tag", images_filter_tag, IMAGE_BY_TAG, IMAGE_IS},
    {"visibility", read_visibility, IMAGE_BY_ID, IMAGE_IS},
    {"member_status", read_member_status, IMAGE_BY_ID, IMAGE_IS},
    {"changes-since", read_changes_since, IMAGE_BY_ID, IMAGE_IS},
    {"deleted", read_deleted, IMAGE_BY_ID, IMAGE_IS},
    {"marker", read_marker, IMAGE_BY_ID, IMAGE_IS},
    {"limit", read_limit, IMAGE_BY_ID, IMAGE_IS},
};
enum { N_PARAMS = sizeof(params) / sizeof(params[0]) };

/* --- the whole ---------------------------------------------------------------------------------- */

static bool may_repeat(struct str name)
{
    return str_eq_cstr(name, "tag") || str_eq_cstr(name, "sort_key") || str_eq_cstr(name, "sort_dir");
}

static bool check_repeated(const struct request *r, struct error *err)
{
    for (size_t i = 0; i < r->n_query; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(r->query[i].name, r->query[k].name) && !may_repeat(r->query[i].name))
                return error_set(err, ERROR_BAD_REQUEST, "query parameter \"%.*s\" is given more than once",
                                 IMAGES_SHOWN(r->query[i].name));
    return true;
}

static bool is_sort(struct str name)
{
    return str_eq_cstr(name, "sort") || str_eq_cstr(name, "sort_key") || str_eq_cstr(name, "sort_dir");
}

static bool read_param(struct images_reading *x, struct error *err)
{
    for (size_t i = 0; i < N_PARAMS; i++)
        if (str_eq_cstr(x->p->name, params[i].name)) {
            x->column = params[i].column;
            x->test = params[i].test;
            return params[i].read(x, err);
        }
    x->column = IMAGE_BY_PROPERTY;
    x->test = IMAGE_IS;
    return images_filter_property(x, err);
}

/* Hidden images are listed only to who asks for them. */
static bool hide(struct images_reading *x, struct error *err)
{
    static const struct query_param shown = {.name = {"os_hidden", 9}, .value = {"false", 5}};

    for (size_t i = 0; i < x->r->n_query; i++)
        if (str_eq(x->r->query[i].name, shown.name))
            return true;
    x->p = &shown;
    return read_param(x, err);
}

bool images_query_read(struct request *r, struct images_query *out, struct error *err)
{
    struct images_reading x = {.r = r, .out = out};

    *out = (struct images_query){
        .filter =
            {
                .project = r->identity->project_id,
                .admin = r->identity->is_admin,
                .member_status = STR("accepted"),
                .limit = r->conf->api.default_limit,
            },
    };
    if (!check_repeated(r, err) || !images_sort_read(r, &out->filter, err))
        return false;
    for (size_t i = 0; i < r->n_query; i++) {
        x.p = &r->query[i];
        if (!is_sort(x.p->name) && !read_param(&x, err))
            return false;
    }
    return hide(&x, err);
}
