#include "config.h"
#include "handlers/openapi.h"
#include "base/json.h"
#include "handlers/members.h"
#include "handlers/response.h"
#include "handlers/route.h"
#include "handlers/tasks.h"
#include "image/image_schema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The captures of a path; they hold for all its methods. */
static void write_parameters(struct json_writer *w, const char *pattern)
{
    const char *p = pattern;

    if (!strchr(p, '{'))
        return;
    json_key(w, "parameters");
    json_arr_begin(w);
    while ((p = strchr(p, '{'))) {
        const char *end = strchr(p, '}');

        json_obj_begin(w);
        json_key_str(w, "name", (struct str){p + 1, (size_t)(end - p - 1)});
        json_key_cstr(w, "in", "path");
        json_key_bool(w, "required", true);
        json_key(w, "schema");
        json_obj_begin(w);
        json_key_cstr(w, "type", "string");
        json_obj_end(w);
        json_obj_end(w);
        p = end;
    }
    json_arr_end(w);
}

static void write_content(struct json_writer *w, const char *type)
{
    json_key(w, type);
    json_obj_begin(w);
    json_obj_end(w);
}

static void write_body(struct json_writer *w, enum body_limit body)
{
    if (body == BODY_NONE)
        return;
    json_key(w, "requestBody");
    json_obj_begin(w);
    json_key_bool(w, "required", true);
    json_key(w, "content");
    json_obj_begin(w);
    if (body == BODY_JSON || body == BODY_UPLOAD)
        write_content(w, "application/json");
    if (body == BODY_IMAGE || body == BODY_UPLOAD)
        write_content(w, "application/octet-stream");
    if (body == BODY_UPLOAD) {
        write_content(w, "application/x-subunit");
        write_content(w, "application/xml");
        write_content(w, "text/xml");
        write_content(w, "multipart/form-data");
    }
    json_obj_end(w);
    json_obj_end(w);
}

static bool is_v1(const char *pattern)
{
    return strncmp(pattern, "/v1/", 4) == 0;
}

/* A reference to one of write_errors(). */
static void write_error(struct json_writer *w, const struct route *route, const char *status)
{
    char ref[64];

    snprintf(ref, sizeof(ref), "#/components/responses/v%d-%s", is_v1(route->pattern) ? 1 : 2, status);
    json_key(w, status);
    json_obj_begin(w);
    json_key_cstr(w, "$ref", ref);
    json_obj_end(w);
}

/* What the dispatcher and nginx may answer to any such request; the rest is said in docs/api/parts. */
static void write_responses(struct json_writer *w, const struct route *route)
{
    json_key(w, "responses");
    json_obj_begin(w);
    write_error(w, route, "400");
    if (route->auth != AUTH_NONE)
        write_error(w, route, "401");
    if (strchr(route->pattern, '{'))
        write_error(w, route, "404");
    if (route->body != BODY_NONE) {
        write_error(w, route, "408");
        write_error(w, route, "413");
        write_error(w, route, "415");
    }
    write_error(w, route, "429");
    write_error(w, route, "5XX");
    json_obj_end(w);
}

static void write_security(struct json_writer *w, enum auth_need auth)
{
    json_key(w, "security");
    json_arr_begin(w);
    if (auth != AUTH_NONE) {
        json_obj_begin(w);
        json_key(w, "token");
        json_arr_begin(w);
        json_arr_end(w);
        json_obj_end(w);
    }
    if (auth == AUTH_OPTIONAL) {
        json_obj_begin(w);
        json_obj_end(w);
    }
    json_arr_end(w);
}

static void write_operation(struct json_writer *w, const struct route *route, const char *method)
{
    json_key(w, method);
    json_obj_begin(w);
    json_key_cstr(w, "summary", route->summary);
    write_security(w, route->auth);
    write_body(w, route->body);
    write_responses(w, route);
    json_obj_end(w);
}

static void write_route(struct json_writer *w, const struct route *route)
{
    char method[16] = "";
    const char *name = method_name(route->method);

    for (size_t i = 0; i < sizeof(method) - 1 && name[i]; i++)
        method[i] = (char)tolower((unsigned char)name[i]);
    write_operation(w, route, method);
}

/* Do two patterns match the same paths? What a capture is called makes no difference. */
static bool same_shape(const char *a, const char *b)
{
    while (*a && *a == *b) {
        if (*a == '{') {
            a = strchr(a, '}');
            b = strchr(b, '}');
        }
        a++;
        b++;
    }
    return *a == *b;
}

static bool is_first_of_shape(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (same_shape(routes[i].pattern, routes[at].pattern))
            return false;
    return true;
}

/* OpenAPI takes a path once, so its methods share the names of the first one's captures. */
static void write_paths(struct json_writer *w)
{
    json_key(w, "paths");
    json_obj_begin(w);
    for (size_t i = 0; i < n_routes; i++) {
        if (!is_first_of_shape(i))
            continue;
        json_key(w, routes[i].pattern);
        json_obj_begin(w);
        write_parameters(w, routes[i].pattern);
        for (size_t j = i; j < n_routes; j++)
            if (same_shape(routes[i].pattern, routes[j].pattern))
                write_route(w, &routes[j]);
        json_obj_end(w);
    }
    json_obj_end(w);
}

/* The error replies of the two dialects, which routes refer to. */
static void write_errors(struct json_writer *w)
{
    static const char *const statuses[] = {"400", "401", "403", "404", "408", "409",
                                           "410", "413", "415", "416", "429", "5XX"};
    char text[64];

    json_key(w, "responses");
    json_obj_begin(w);
    for (int v = 1; v <= 2; v++)
        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
            snprintf(text, sizeof(text), "v%d-%s", v, statuses[i]);
            json_key(w, text);
            json_obj_begin(w);
            json_key_cstr(w, "description",
                          statuses[i][1] == 'X' ? "Server Error" : http_reason(atoi(statuses[i])));
            json_key(w, "content");
            json_obj_begin(w);
            json_key(w, "application/json");
            json_obj_begin(w);
            json_key(w, "schema");
            json_obj_begin(w);
            json_key_cstr(w, "$ref", v == 1 ? "#/components/schemas/Error1" : "#/components/schemas/Error2");
            json_obj_end(w);
            json_obj_end(w);
            json_obj_end(w);
            json_obj_end(w);
        }
    json_obj_end(w);
}

/* What /v2/schemas say, from the tables that images, members and tasks are read and written by. */
static void write_schemas(struct json_writer *w)
{
    struct buf task, tasks;

    buf_init(&task, 16 * 1024);
    buf_init(&tasks, 16 * 1024);
    tasks_print_schemas(&task, &tasks);
    json_key(w, "schemas");
    json_obj_begin(w);
    json_key(w, "Image");
    image_schema_write(w);
    json_key(w, "Images");
    images_schema_write(w);
    json_key(w, "Member");
    json_raw(w, str_of(member_schema_text));
    json_key(w, "Members");
    json_raw(w, str_of(members_schema_text));
    json_key(w, "Task");
    json_raw(w, buf_str(&task));
    json_key(w, "Tasks");
    json_raw(w, buf_str(&tasks));
    buf_free(&task);
    buf_free(&tasks);
    json_obj_end(w);
}

static void write_components(struct json_writer *w)
{
    json_key(w, "components");
    json_obj_begin(w);
    json_key(w, "securitySchemes");
    json_obj_begin(w);
    json_key(w, "token");
    json_obj_begin(w);
    json_key_cstr(w, "type", "apiKey");
    json_key_cstr(w, "in", "header");
    json_key_cstr(w, "name", "X-Auth-Token");
    json_obj_end(w);
    json_obj_end(w);
    write_errors(w);
    write_schemas(w);
    json_obj_end(w);
}

void openapi_print(struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_obj_begin(&w);
    json_key_cstr(&w, "openapi", "3.1.0");
    json_key(&w, "info");
    json_obj_begin(&w);
    json_key_cstr(&w, "title", "Tally");
    json_key_cstr(&w, "version", PACKAGE_VERSION);
    json_obj_end(&w);
    write_paths(&w);
    write_components(&w);
    json_obj_end(&w);
    buf_add_char(out, '\n');
}
