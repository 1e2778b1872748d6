#include "config.h"
#include "handlers/route.h"
#include "handlers/average.h"
#include "handlers/compare.h"
#include "handlers/failures.h"
#include "handlers/image_actions.h"
#include "handlers/image_data.h"
#include "handlers/members.h"
#include "handlers/images.h"
#include "handlers/junit.h"
#include "handlers/profile.h"
#include "handlers/pubkeys.h"
#include "handlers/results.h"
#include "handlers/service.h"
#include "handlers/stats.h"
#include "handlers/subunit.h"
#include "handlers/tasks.h"
#include "handlers/tests.h"

#include <string.h>

/* Where a literal and a captured segment could both match, the literal stands first. */
const struct route routes[] = {
    {.method = METHOD_GET, .pattern = "/", .handler = service_root, .summary = "API versions"},
    {.method = METHOD_GET, .pattern = "/versions", .handler = service_versions, .summary = "API versions"},
    {.method = METHOD_GET, .pattern = "/v2", .handler = service_v2, .summary = "Redirect to /v2/"},
    {.method = METHOD_GET,
     .pattern = "/healthz",
     .handler = service_healthz,
     .summary = "State of the service"},
    {.method = METHOD_GET,
     .pattern = "/metrics",
     .handler = service_metrics,
     .summary = "Prometheus metrics"},
    {.method = METHOD_GET,
     .pattern = "/v1/profile",
     .handler = profile_get,
     .auth = AUTH_REQUIRED,
     .summary = "Who the caller is"},
    {.method = METHOD_GET,
     .pattern = "/v1/profile/pubkeys",
     .handler = pubkeys_get,
     .auth = AUTH_REQUIRED,
     .summary = "The caller's keys that sign uploads"},
    {.method = METHOD_POST,
     .pattern = "/v1/profile/pubkeys",
     .handler = pubkeys_post,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Register a key, which signs the word \"signature\" to prove whose it is"},
    {.method = METHOD_DELETE,
     .pattern = "/v1/profile/pubkeys/{id}",
     .handler = pubkeys_delete,
     .auth = AUTH_REQUIRED,
     .summary = "Delete a key of the caller"},
    {.method = METHOD_GET,
     .pattern = "/v1/results",
     .handler = results_list,
     .auth = AUTH_OPTIONAL,
     .summary = "Anonymous and shared results, newest first; with signed the caller's own"},
    {.method = METHOD_POST,
     .pattern = "/v1/results",
     .handler = results_post,
     .auth = AUTH_OPTIONAL,
     .body = BODY_JSON,
     .summary = "The tests that passed become a result: with a token, signed, or anonymous"},
    {.method = METHOD_GET,
     .pattern = "/v1/results/{id}",
     .handler = results_get,
     .auth = AUTH_OPTIONAL,
     .long_reply = true,
     .summary = "A result with its tests, metadata and the caller's role"},
    {.method = METHOD_PUT,
     .pattern = "/v1/results/{id}",
     .handler = results_put,
     .auth = AUTH_OPTIONAL,
     .body = BODY_JSON,
     .summary = "Change a result's verification status or product version"},
    {.method = METHOD_DELETE,
     .pattern = "/v1/results/{id}",
     .handler = results_delete,
     .auth = AUTH_OPTIONAL,
     .long_reply = true,
     .summary = "Delete a result with its run"},
    {.method = METHOD_GET,
     .pattern = "/v1/results/{id}/meta",
     .handler = result_meta_list,
     .auth = AUTH_OPTIONAL,
     .summary = "A result's metadata"},
    {.method = METHOD_GET,
     .pattern = "/v1/results/{id}/meta/{key}",
     .handler = result_meta_get,
     .auth = AUTH_OPTIONAL,
     .summary = "One value of it"},
    {.method = METHOD_POST,
     .pattern = "/v1/results/{id}/meta/{key}",
     .handler = result_meta_post,
     .auth = AUTH_OPTIONAL,
     .body = BODY_JSON,
     .summary = "Set shared, guideline or target to the body's text"},
    {.method = METHOD_DELETE,
     .pattern = "/v1/results/{id}/meta/{key}",
     .handler = result_meta_delete,
     .auth = AUTH_OPTIONAL,
     .summary = "Take shared, guideline or target away"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit",
     .handler = subunit_list,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The caller's runs, newest first; with result_id the run of that result"},
    {.method = METHOD_POST,
     .pattern = "/v1/subunit",
     .handler = subunit_post,
     .auth = AUTH_REQUIRED,
     .body = BODY_UPLOAD,
     .summary = "A subunit stream becomes a run and a new result"},
    {.method = METHOD_PUT,
     .pattern = "/v1/subunit",
     .handler = subunit_put,
     .auth = AUTH_REQUIRED,
     .body = BODY_UPLOAD,
     .summary = "A subunit stream becomes a run linked to the result that result_id names"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}",
     .handler = subunit_get,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "A run with its tests, test_runs and attachments"},
    {.method = METHOD_PUT,
     .pattern = "/v1/subunit/{result_id}",
     .handler = subunit_put,
     .auth = AUTH_REQUIRED,
     .body = BODY_UPLOAD,
     .summary = "A subunit stream becomes a run linked to this result"},
    {.method = METHOD_DELETE,
     .pattern = "/v1/subunit/{uuid}",
     .handler = subunit_delete,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "Delete a run; its result stays, unlinked"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}/stream",
     .handler = subunit_stream,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The run as a subunit v2 stream"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}/failures",
     .handler = failures_of_run,
     .auth = AUTH_REQUIRED,
     .summary = "A run's failures, those that are alike together, the most frequent first"},
    {.method = METHOD_GET,
     .pattern = "/v1/failures",
     .handler = failures_of_runs,
     .auth = AUTH_REQUIRED,
     .summary = "Failures of the last runs, those that are alike together"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}/junit",
     .handler = junit_get,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The run as JUnit XML"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}/attachments/{id}",
     .handler = subunit_attachment,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "An attachment's bytes"},
    {.method = METHOD_GET,
     .pattern = "/v1/subunit/{uuid}/compare/{other}",
     .handler = compare_get,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "What differs between a run and an older one: newly failing first"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/runs",
     .handler = stats_get_runs,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The caller's runs by hour, day, week or month: how many failed, how long they took"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/tests",
     .handler = stats_get_tests,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "How tests ended between two dates"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/failures",
     .handler = stats_get_failures,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The tests that failed, those of the newest run first"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/metadata",
     .handler = stats_get_keys,
     .auth = AUTH_REQUIRED,
     .summary = "The keys of the caller's runs' metadata"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/metadata/{key}",
     .handler = stats_get_values,
     .auth = AUTH_REQUIRED,
     .summary = "The values of one key, and how many runs have them"},
    {.method = METHOD_GET,
     .pattern = "/v1/tests",
     .handler = tests_index,
     .auth = AUTH_REQUIRED,
     .summary = "Tests of the caller's runs by name, with prefix those that begin with it"},
    {.method = METHOD_GET,
     .pattern = "/v1/tests/prefixes",
     .handler = stats_get_prefixes,
     .auth = AUTH_REQUIRED,
     .summary = "What follows on a prefix in the names of the caller's tests, and how many begin so"},
    {.method = METHOD_GET,
     .pattern = "/v1/stats/average/stream",
     .handler = average_get,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The average run as a subunit v2 stream: every test that has passed, in its average time"},
    {.method = METHOD_GET,
     .pattern = "/v1/tests/flaky",
     .handler = failures_flaky,
     .auth = AUTH_REQUIRED,
     .summary = "Tests that both passed and failed in the last runs, the most unsteady first"},
    {.method = METHOD_GET,
     .pattern = "/v1/tests/{test_id}",
     .handler = tests_show,
     .auth = AUTH_REQUIRED,
     .summary = "A test's counts and average time over the caller's runs"},
    {.method = METHOD_GET,
     .pattern = "/v1/tests/{test_id}/runs",
     .handler = tests_runs,
     .auth = AUTH_REQUIRED,
     .summary = "What became of a test in each run, newest first"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/task",
     .handler = tasks_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of a task"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/tasks",
     .handler = tasks_list_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of a list of tasks"},
    {.method = METHOD_GET,
     .pattern = "/v2/tasks",
     .handler = tasks_get_list,
     .auth = AUTH_REQUIRED,
     .summary = "The project's tasks, newest first; an administrator's are everybody's"},
    {.method = METHOD_POST,
     .pattern = "/v2/tasks",
     .handler = tasks_post,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "A new task: import, export or clone an image"},
    {.method = METHOD_GET,
     .pattern = "/v2/tasks/{task_id}",
     .handler = tasks_get_one,
     .auth = AUTH_REQUIRED,
     .summary = "A task with its input, its result and how far it is"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/member",
     .handler = members_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of an image's member"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/members",
     .handler = members_list_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of an image's members"},
    {.method = METHOD_PUT,
     .pattern = "/v2/images/{image_id}/file",
     .handler = image_upload,
     .auth = AUTH_REQUIRED,
     .body = BODY_IMAGE,
     .summary = "Upload an image's data"},
    {.method = METHOD_GET,
     .pattern = "/v2/images/{image_id}/file",
     .handler = image_download,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "An image's data, or a range of it"},
    {.method = METHOD_PUT,
     .pattern = "/v2/images/{image_id}/tags/{tag}",
     .handler = image_tag_put,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Add a tag to an image"},
    {.method = METHOD_DELETE,
     .pattern = "/v2/images/{image_id}/tags/{tag}",
     .handler = image_tag_delete,
     .auth = AUTH_REQUIRED,
     .summary = "Remove a tag from an image"},
    {.method = METHOD_POST,
     .pattern = "/v2/images/{image_id}/actions/deactivate",
     .handler = image_deactivate,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Stop downloads of an image's data"},
    {.method = METHOD_POST,
     .pattern = "/v2/images/{image_id}/actions/reactivate",
     .handler = image_reactivate,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Allow downloads of an image's data again"},
    {.method = METHOD_GET,
     .pattern = "/v2/images/{image_id}/members",
     .handler = members_list,
     .auth = AUTH_REQUIRED,
     .summary = "With whom an image is shared"},
    {.method = METHOD_POST,
     .pattern = "/v2/images/{image_id}/members",
     .handler = members_post,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Share an image with a project"},
    {.method = METHOD_GET,
     .pattern = "/v2/images/{image_id}/members/{member_id}",
     .handler = members_get,
     .auth = AUTH_REQUIRED,
     .summary = "One member of an image"},
    {.method = METHOD_PUT,
     .pattern = "/v2/images/{image_id}/members/{member_id}",
     .handler = members_put,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Accept or reject a shared image"},
    {.method = METHOD_DELETE,
     .pattern = "/v2/images/{image_id}/members/{member_id}",
     .handler = members_delete,
     .auth = AUTH_REQUIRED,
     .summary = "Stop sharing an image with a project"},
    {.method = METHOD_GET,
     .pattern = "/v2/images/{image_id}/tasks",
     .handler = image_tasks,
     .auth = AUTH_REQUIRED,
     .summary = "The caller's tasks that have to do with an image"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/image",
     .handler = image_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of an image"},
    {.method = METHOD_GET,
     .pattern = "/v2/schemas/images",
     .handler = images_schema,
     .auth = AUTH_REQUIRED,
     .summary = "JSON schema of a list of images"},
    {.method = METHOD_GET,
     .pattern = "/v2/info/import",
     .handler = info_import,
     .auth = AUTH_REQUIRED,
     .summary = "The interoperable import's methods: none"},
    {.method = METHOD_GET,
     .pattern = "/v2/info/stores",
     .handler = info_stores,
     .auth = AUTH_REQUIRED,
     .summary = "The image store: there is one"},
    {.method = METHOD_GET,
     .pattern = "/v2/images",
     .handler = image_list,
     .auth = AUTH_REQUIRED,
     .long_reply = true,
     .summary = "The images that the caller sees, by filters, sorted, a page at a time"},
    {.method = METHOD_POST,
     .pattern = "/v2/images",
     .handler = image_create,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "A new image, queued until it has data"},
    {.method = METHOD_GET,
     .pattern = "/v2/images/{image_id}",
     .handler = image_show,
     .auth = AUTH_REQUIRED,
     .summary = "An image"},
    {.method = METHOD_PATCH,
     .pattern = "/v2/images/{image_id}",
     .handler = image_update,
     .auth = AUTH_REQUIRED,
     .body = BODY_JSON,
     .summary = "Change an image by a JSON patch"},
    {.method = METHOD_DELETE,
     .pattern = "/v2/images/{image_id}",
     .handler = image_delete,
     .auth = AUTH_REQUIRED,
     .summary = "Delete an image and its data"},
};
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);

static const struct {
    enum method method;
    const char *name;
} method_names[] = {
    {METHOD_GET, "GET"}, {METHOD_HEAD, "HEAD"},   {METHOD_POST, "POST"},
    {METHOD_PUT, "PUT"}, {METHOD_PATCH, "PATCH"}, {METHOD_DELETE, "DELETE"},
};
enum { N_METHODS = sizeof(method_names) / sizeof(method_names[0]) };

enum method method_from_name(struct str name)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (str_eq_cstr(name, method_names[i].name))
            return method_names[i].method;
    return METHOD_OTHER;
}

const char *method_name(enum method method)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (method_names[i].method == method)
            return method_names[i].name;
    return "OTHER";
}

static bool is_capture(struct str segment)
{
    return segment.n > 2 && segment.p[0] == '{' && segment.p[segment.n - 1] == '}';
}

/* Does PATH have PATTERN's form? Fills CAPTURE. An empty segment matches nothing. */
static bool matches(const char *pattern, struct str path, struct str *capture, size_t *n)
{
    struct str p = str_of(pattern), want, have;
    bool more_want = true, more_have = true;

    *n = 0;
    if (path.n == 0 || path.p[0] != '/')
        return false;
    p = (struct str){p.p + 1, p.n - 1};
    path = (struct str){path.p + 1, path.n - 1};
    while (more_want && more_have) {
        more_want = str_cut(p, '/', &want, &p);
        more_have = str_cut(path, '/', &have, &path);
        if (is_capture(want)) {
            if (have.n == 0 || *n == REQUEST_CAPTURES)
                return false;
            capture[(*n)++] = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return !more_want && !more_have;
}

static const char *allow_text(struct arena *arena, unsigned methods)
{
    const char *text = "";

    if (methods & METHOD_GET)
        methods |= METHOD_HEAD;
    for (size_t i = 0; i < N_METHODS; i++)
        if (methods & method_names[i].method)
            text = arena_printf(arena, "%s%s%s", text, *text ? ", " : "", method_names[i].name);
    return text;
}

/* /v1 takes both forms of every path, as RefStack does. */
static struct str without_v1_slash(struct str path)
{
    if (str_starts(path, STR("/v1/")) && path.n > 4 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

int route_find(struct request *r, const char **allow)
{
    struct str path = without_v1_slash(r->path);
    enum method wanted = r->method == METHOD_HEAD ? METHOD_GET : r->method;
    unsigned methods = 0;

    r->route = NULL;
    r->n_captures = 0;
    for (size_t i = 0; i < n_routes; i++) {
        struct str capture[REQUEST_CAPTURES];
        size_t n;

        if (!matches(routes[i].pattern, path, capture, &n))
            continue;
        methods |= routes[i].method;
        if (routes[i].method != wanted)
            continue;
        r->route = &routes[i];
        memcpy(r->capture, capture, n * sizeof(capture[0]));
        r->n_captures = n;
        return 200;
    }
    if (!methods)
        return 404;
    *allow = allow_text(r->arena, methods);
    return 405;
}
