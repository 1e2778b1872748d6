/* POST /v1/results. */
#include "config.h"
#include "handlers/results.h"
#include "base/conf_options.h"
#include "base/hash.h"
#include "handlers/request_json.h"
#include "handlers/results_signed.h"

#include <stdlib.h>
#include <string.h>

enum { CPID_CHARS = 128, UUID_CHARS = 36 };

/* A full run of Tempest has some thousand tests; a body may have as many as fit into it. */
static struct json_limits body_limits(const struct request *r)
{
    return (struct json_limits){
        .max_bytes = r->conf->api.max_json_bytes, .max_values = 1000000, .max_depth = 16};
}

/* --- what was sent ------------------------------------------------------------------------------ */

static bool is_text(struct str s)
{
    return !memchr(s.p, '\0', s.n);
}

/* RefStack's "uuid_hex": 32 digits, hyphens or none. */
static bool is_uuid_hex(struct str s)
{
    size_t digits = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (str_hex_digit(s.p[i]) >= 0)
            digits++;
        else if (s.p[i] != '-')
            return false;
    }
    return digits == 32 && s.n <= UUID_CHARS;
}

static bool read_test(const struct request *r, const struct json *item, size_t index, struct result_test *out,
                      struct error *err)
{
    const struct json *name = json_get(item, "name"), *uuid = json_get(item, "uuid");
    size_t max = (size_t)r->conf->subunit.max_id_chars;

    *out = (struct result_test){.uuid = {NULL, 0}};
    if (!json_is(item, JSON_OBJECT))
        return error_set(err, ERROR_BAD_REQUEST, "results[%zu] is %s; it must be an object", index,
                         json_type_name(item));
    if (!json_to_str(name, &out->name))
        return error_set(err, ERROR_BAD_REQUEST, "results[%zu].name is %s; it must be a string", index,
                         name ? json_type_name(name) : "missing");
    if (out->name.n == 0 || !is_text(out->name) || str_utf8_len(out->name) > max)
        return error_set(err, ERROR_BAD_REQUEST, "results[%zu].name must be text of 1 to %zu characters",
                         index, max);
    if (uuid && !(json_to_str(uuid, &out->uuid) && is_uuid_hex(out->uuid)))
        return error_set(err, ERROR_BAD_REQUEST, "results[%zu].uuid is no UUID", index);
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct result_test *const *x = a, *const *y = b;
    int order = str_cmp((*x)->name, (*y)->name);

    return order ? order : (*x > *y) - (*x < *y);
}

/* A test that is given twice has passed twice: it is stored once. Two UUIDs of one name are a mistake. */
static bool drop_doubles(struct arena *arena, struct result_test *tests, size_t *n, struct error *err)
{
    struct result_test **sorted = arena_calloc(arena, *n, sizeof(*sorted));
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++)
        sorted[i] = &tests[i];
    qsort(sorted, *n, sizeof(*sorted), by_name);
    struct result_test *first = sorted[0];
    for (size_t i = 1; i < *n; i++) {
        struct result_test *t = sorted[i];

        if (!str_eq(first->name, t->name)) {
            first = t;
            continue;
        }
        if (!str_eq(first->uuid, t->uuid))
            return error_set(err, ERROR_BAD_REQUEST, "results: \"%.*s\" is given with different uuids",
                             (int)(t->name.n < 300 ? t->name.n : 300), t->name.p);
        t->name.p = NULL;
    }
    for (size_t i = 0; i < *n; i++)
        if (tests[i].name.p)
            tests[kept++] = tests[i];
    *n = kept;
    return true;
}

static bool read_tests(const struct request *r, const struct json *list, struct result_upload *u,
                       struct error *err)
{
    struct result_test *tests = arena_calloc(r->arena, list->n ? list->n : 1, sizeof(*tests));
    size_t i = 0;

    if (list->n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "Uploaded results must contain at least one passing test");
    for (const struct json *item = JSON_FIRST(list); item; item = item->next, i++)
        if (!read_test(r, item, i, &tests[i], err))
            return false;
    u->tests = tests;
    u->n_tests = i;
    return drop_doubles(r->arena, tests, &u->n_tests, err);
}

static bool read_upload(const struct request *r, struct str text, struct result_upload *u, struct error *err)
{
    static const char *const keys[] = {"cpid", "duration_seconds", "results"};
    struct json_limits limits = body_limits(r);
    const struct json *list, *body = json_parse_object(r->arena, text, &limits, err);

    if (!body || !json_only(body, keys, 3, err) || !json_member_str(body, "cpid", true, &u->cpid, err) ||
        !json_member_i64(body, "duration_seconds", true, 0, INT32_MAX, &u->duration_seconds, err) ||
        !json_member_node(body, "results", true, JSON_ARRAY, &list, err))
        return false;
    if (!is_text(u->cpid) || str_utf8_len(u->cpid) > CPID_CHARS)
        return error_set(err, ERROR_BAD_REQUEST, "cpid must be text of at most %d characters", CPID_CHARS);
    return read_tests(r, list, u, err);
}

/* --- whose it will be --------------------------------------------------------------------------- */

static bool may_upload(const struct request *r, bool is_signed, struct error *err)
{
    return r->identity || is_signed || r->conf->api.enable_anonymous_upload ||
           error_set(
               err, ERROR_UNAUTHORIZED,
               "Anonymous result uploads are disabled: send a token, or sign with a key of your profile");
}

/* --- together ----------------------------------------------------------------------------------- */

static const char *reply(const struct request *r, const struct result_upload *u)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 64 * 1024);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key_cstr(&w, "test_id", u->id);
    json_key_cstr(&w, "url", results_url(r, str_of(u->id)));
    json_obj_end(&w);
    const char *text = arena_memdup(r->arena, b.p, b.n);
    buf_free(&b);
    return text;
}

static bool read_body(struct request *r, struct str *body, struct error *err)
{
    if (!request_is_type(r, "application/json"))
        return error_set(err, ERROR_MEDIA_TYPE, "Results are sent as application/json");
    return request_uncoded(r, err) && request_body_all(r, (size_t)r->conf->api.max_json_bytes, body, err);
}

bool results_post(struct request *r, struct error *err)
{
    struct result_upload u = {.tests = NULL};
    struct signature signature;
    struct str body;

    if (!query_check(r, err) || !signature_read(r, &signature, err) || !may_upload(r, signature.given, err) ||
        !read_body(r, &body, err) || !signature_verify(&signature, body, err) ||
        !read_upload(r, body, &u, err))
        return false;
    if (r->identity) {
        u.project = r->identity->project_id;
        u.user = r->identity->user_id;
    }
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !signature_owner(r, c, &signature, &u, err))
        return false;
    if (result_store(c, &u, err)) {
        response_headerf(r, "Location", "%s/v1/results/%s", r->conf->api.public_url, u.id);
        response_json(r, 201, str_of(reply(r, &u)));
        return true;
    }
    if (err->kind != ERROR_CONFLICT || !signature.given)
        return false;
    /* What is there already stands beside the error: the members without their braces. */
    char *members = arena_strdup(r->arena, reply(r, &u) + 1);
    members[strlen(members) - 1] = '\0';
    response_error(r, err, members);
    return true;
}
