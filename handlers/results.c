/* GET of /v1/results and of a result, PUT, DELETE. */
#include "config.h"
#include "handlers/results.h"
#include "base/conf_options.h"
#include "handlers/json_reply.h"
#include "handlers/request_json.h"

#include <string.h>

enum { RESULT_BYTES = 32 * 1024 * 1024 }; /* one result without its tests; metadata is 64 KiB a key */

struct result_caller results_caller(const struct request *r)
{
    if (!r->identity)
        return (struct result_caller){.staff = false};
    return (struct result_caller){r->identity->project_id, r->identity->user_id, r->identity->is_staff};
}

bool results_id(const struct request *r, struct str *id, struct error *err)
{
    *id = r->capture[0];
    return uuid_is(*id) || error_set(err, ERROR_NOT_FOUND, "Test result %.*s not found", STR_ARG(*id));
}

bool results_hidden(const struct request *r, struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND && !r->identity)
        error_set(err, ERROR_UNAUTHORIZED, "The request you have made requires authentication");
    return false;
}

bool results_find(struct request *r, struct db_conn *c, struct result *out, struct error *err)
{
    struct result_caller caller = results_caller(r);
    struct str id;

    return results_id(r, &id, err) &&
           (result_get(c, r->arena, &caller, id, out, err) || results_hidden(r, err));
}

const char *results_url(const struct request *r, struct str id)
{
    const char *form = r->conf->api.test_results_url, *place = strstr(form, "%s");

    if (!place)
        return arena_printf(r->arena, "%s%s", r->conf->api.public_url, form);
    return arena_printf(r->arena, "%s%.*s%.*s%s", r->conf->api.public_url, (int)(place - form), form,
                        STR_ARG(id), place + 2);
}

/* --- writing ------------------------------------------------------------------------------------ */

void results_write_meta(struct json_writer *w, const struct result *result)
{
    json_obj_begin(w);
    for (size_t i = 0; i < result->n_meta; i++) {
        json_key_s(w, result->meta[i].key);
        json_str(w, result->meta[i].value);
    }
    json_obj_end(w);
}

void results_write(struct json_writer *w, const struct result *result)
{
    bool owner = result->role >= RESULT_OWNER;

    json_key_str(w, "id", result->id);
    if (owner)
        json_key_str(w, "cpid", result->cpid);
    json_key_time(w, "created_at", result->created_at);
    json_key_i64(w, "duration_seconds", result->duration_seconds);
    json_key(w, "meta");
    results_write_meta(w, result);
    json_key(w, "product_version");
    if (owner && result->product_version_id.p) {
        json_obj_begin(w);
        json_key_str(w, "id", result->product_version_id);
        json_obj_end(w);
    } else {
        json_null(w);
    }
    json_key_i64(w, "verification_status", result->verification_status);
}

/* --- GET /v1/results ---------------------------------------------------------------------------- */

static bool get_signed(struct request *r, bool *own, struct error *err)
{
    struct str value;

    if (!query_get(r, "signed", true, &value, err))
        return false;
    /* RefStack's page sends the name alone. */
    *own = value.p && value.n == 0;
    if (value.n && !query_bool(r, "signed", own, err))
        return false;
    return !*own || r->identity ||
           error_set(err, ERROR_BAD_REQUEST, "To see signed test results you need to authenticate");
}

static bool get_filter(struct request *r, struct result_filter *f, struct error *err)
{
    uint64_t verified = 0;
    struct str status;
    bool start, end;

    *f = (struct result_filter){.start_us = INT64_MIN, .end_us = INT64_MAX, .verified = -1};
    if (!query_get(r, "cpid", false, &f->cpid, err) ||
        !query_time(r, "start_date", false, &f->start_us, &start, err) ||
        !query_time(r, "end_date", true, &f->end_us, &end, err) ||
        !query_get(r, "verification_status", false, &status, err) || !get_signed(r, &f->own, err))
        return false;
    if (start && end && f->start_us > f->end_us)
        return error_set(err, ERROR_BAD_REQUEST, "Invalid dates: start_date more than end_date");
    if (status.p && !str_to_u64(status, 1, &verified))
        return error_set(err, ERROR_BAD_REQUEST, "verification_status: 0 or 1 is taken, not '%.*s'",
                         STR_ARG(status));
    if (status.p)
        f->verified = (int)verified;
    return true;
}

/* The first page is always there. */
static bool get_page(struct request *r, uint64_t *page, struct error *err)
{
    struct str value;

    *page = 1;
    if (!query_get(r, "page", false, &value, err))
        return false;
    if (value.p && !(str_to_u64(value, UINT32_MAX, page) && *page > 0))
        return error_set(err, ERROR_BAD_REQUEST, "Invalid page number: '%.*s' is no number from 1 on",
                         STR_ARG(value));
    return true;
}

static bool send_list(struct request *r, const struct result *results, size_t n, uint64_t page,
                      uint64_t pages, struct error *err)
{
    struct json_reply out;
    struct json_writer *w = &out.w;
    bool ok = true;

    json_reply_begin(&out, r);
    json_obj_begin(w);
    json_key(w, "results");
    json_arr_begin(w);
    for (size_t i = 0; ok && i < n; i++) {
        json_obj_begin(w);
        results_write(w, &results[i]);
        json_key_cstr(w, "url", results_url(r, results[i].id));
        json_obj_end(w);
        ok = json_reply_flush(&out, false, err);
    }
    json_arr_end(w);
    json_key(w, "pagination");
    json_obj_begin(w);
    json_key_u64(w, "current_page", page);
    json_key_u64(w, "total_pages", pages);
    json_obj_end(w);
    json_obj_end(w);
    ok = ok && json_reply_flush(&out, true, err);
    json_reply_free(&out);
    return ok;
}

bool results_list(struct request *r, struct error *err)
{
    struct result_caller caller = results_caller(r);
    uint64_t per_page = r->conf->api.results_per_page, page, total = 0;
    struct result_filter filter;
    struct result *results;
    size_t n;

    if (!get_filter(r, &filter, err) || !get_page(r, &page, err) || !query_check(r, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !result_count(c, r->arena, &caller, &filter, &total, err))
        return false;
    uint64_t pages = (total + per_page - 1) / per_page;
    if (page > 1 && page > pages)
        return error_set(err, ERROR_BAD_REQUEST, "Invalid page number: there are %llu pages in all",
                         (unsigned long long)pages);
    return result_list(c, r->arena, &caller, &filter, (page - 1) * per_page, per_page, &results, &n, err) &&
           send_list(r, results, n, page, pages, err);
}

/* --- GET /v1/results/{id} ----------------------------------------------------------------------- */

/* A result may have a hundred thousand tests: their names go out as they come. */
static bool send_result(struct json_reply *out, const struct result *result, struct db_rows *rows,
                        struct error *err)
{
    struct json_writer *w = &out->w;
    bool sent = true;

    json_obj_begin(w);
    results_write(w, result);
    json_key_cstr(w, "user_role", result_role_name(result->role));
    json_key(w, "results");
    json_arr_begin(w);
    while (sent && db_next(rows, err)) {
        json_str(w, db_str(rows, "name"));
        sent = json_reply_flush(out, false, err);
    }
    json_arr_end(w);
    json_obj_end(w);
    return db_end(rows) && sent && json_reply_flush(out, true, err);
}

bool results_get(struct request *r, struct error *err)
{
    struct db_conn *c;
    struct result result;
    struct db_rows *rows;
    struct json_reply out;

    if (!query_check(r, err) || !(c = db_acquire_for(r->db, r->arena, err)) ||
        !results_find(r, c, &result, err) || !(rows = result_names(c, result.id, err)))
        return false;
    json_reply_begin(&out, r);
    bool ok = send_result(&out, &result, rows, err);
    json_reply_free(&out);
    return ok;
}

/* --- PUT, DELETE -------------------------------------------------------------------------------- */

static bool read_change(const struct json *body, struct result_change *change, struct error *err)
{
    static const char *const keys[] = {"verification_status", "product_version_id"};
    const struct json *version = json_get(body, "product_version_id");

    *change = (struct result_change){.has_verification = json_get(body, "verification_status") != NULL,
                                     .has_product_version = version != NULL};
    if (!json_only(body, keys, 2, err) ||
        !json_member_i64(body, "verification_status", false, 0, 1, &change->verification_status, err) ||
        (version && !json_is(version, JSON_NULL) &&
         !json_member_str(body, "product_version_id", false, &change->product_version_id, err)))
        return false;
    /* Nothing said is no version. */
    if (change->product_version_id.n == 0)
        change->product_version_id.p = NULL;
    return true;
}

/* Who may not change a result is told so whatever he sends. */
static bool may_change(struct request *r, struct db_conn *c, struct error *err)
{
    struct result result;

    if (!results_find(r, c, &result, err))
        return false;
    return result.role >= RESULT_OWNER ||
           error_set(err, ERROR_FORBIDDEN, "Test result %.*s is not yours to change", STR_ARG(result.id));
}

bool results_put(struct request *r, struct error *err)
{
    struct result_caller caller = results_caller(r);
    struct error malformed;
    struct result_change change;
    struct json_writer w;
    struct result result;
    struct buf b;

    if (!query_check(r, err))
        return false;
    /* No connection is held while the client sends. */
    const struct json *body = request_json_object(r, &malformed);
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !may_change(r, c, err))
        return false;
    if (!body) {
        *err = malformed;
        return false;
    }
    if (!read_change(body, &change, err) || !result_change(c, &caller, r->capture[0], &change, err) ||
        !results_find(r, c, &result, err))
        return false;
    buf_init(&b, RESULT_BYTES);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    results_write(&w, &result);
    json_obj_end(&w);
    response_json(r, 201, buf_str(&b));
    buf_free(&b);
    return true;
}

bool results_delete(struct request *r, struct error *err)
{
    struct result_caller caller = results_caller(r);
    struct db_conn *c;
    struct str id;

    if (!query_check(r, err) || !results_id(r, &id, err) || !(c = db_acquire_for(r->db, r->arena, err)))
        return false;
    if (!result_delete(c, &caller, id, err))
        return results_hidden(r, err);
    response_status(r, 204);
    return true;
}
