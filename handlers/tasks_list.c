#include "config.h"
#include "handlers/tasks.h"
#include "base/conf_options.h"
#include "db/tasks_list.h"
#include "handlers/json_reply.h"
#include "image/task_input.h"

enum { SHOWN_MAX = 100 };

/* A word of a parameter that has only a few. */
static bool is_one_of(struct str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_cstr(word, words[i]))
            return true;
    return false;
}

/* Any number: what is above the maximum is capped, however many digits it has. */
static bool read_limit(struct request *r, uint64_t *limit, struct error *err)
{
    struct str text;

    *limit = r->conf->api.default_limit;
    if (!query_get(r, "limit", false, &text, err))
        return false;
    if (!text.p)
        return true;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return error_set(err, ERROR_BAD_REQUEST, "limit: \"%.*s\" is no number",
                             (int)(text.n < SHOWN_MAX ? text.n : SHOWN_MAX), text.p);
    if (!str_to_u64(text, r->conf->api.max_limit, limit))
        *limit = r->conf->api.max_limit;
    return true;
}

static bool read_sort(struct request *r, struct task_filter *f, struct error *err)
{
    static const char *const keys[] = {"created_at", "updated_at", "expires_at", "type", "status", "id"};
    struct str key, dir;

    if (!query_get(r, "sort_key", false, &key, err) || !query_get(r, "sort_dir", false, &dir, err))
        return false;
    for (size_t i = 0; key.p && i < sizeof(keys) / sizeof(keys[0]); i++)
        if (str_eq_cstr(key, keys[i]))
            f->sort = (enum task_sort)i;
    if (key.p && !str_eq_cstr(key, keys[f->sort]))
        return error_set(
            err, ERROR_BAD_REQUEST,
            "sort_key must be created_at, updated_at, expires_at, type, status or id, not \"%.*s\"",
            (int)(key.n < SHOWN_MAX ? key.n : SHOWN_MAX), key.p);
    f->ascending = dir.p && str_eq_cstr(dir, "asc");
    return !dir.p || f->ascending || str_eq_cstr(dir, "desc") ||
           error_set(err, ERROR_BAD_REQUEST, "sort_dir must be asc or desc, not \"%.*s\"",
                     (int)(dir.n < SHOWN_MAX ? dir.n : SHOWN_MAX), dir.p);
}

static bool read_words(struct request *r, struct task_filter *f, struct error *err)
{
    static const char *const statuses[] = {"pending", "processing", "success", "failure"};
    enum task_type type;

    if (!query_get(r, "type", false, &f->type, err) || !query_get(r, "status", false, &f->status, err))
        return false;
    if (f->type.p && !task_type_parse(f->type, &type))
        return error_set(err, ERROR_BAD_REQUEST, "type must be import, export or clone, not \"%.*s\"",
                         (int)(f->type.n < SHOWN_MAX ? f->type.n : SHOWN_MAX), f->type.p);
    return !f->status.p || is_one_of(f->status, statuses, 4) ||
           error_set(err, ERROR_BAD_REQUEST,
                     "status must be pending, processing, success or failure, not \"%.*s\"",
                     (int)(f->status.n < SHOWN_MAX ? f->status.n : SHOWN_MAX), f->status.p);
}

/* Parameters that nobody else has asked for remain unknown: query_check() names them. */
static bool read_admin(struct request *r, struct task_filter *f, struct error *err)
{
    if (!r->identity->is_admin) {
        f->owner = r->identity->project_id;
        f->hide_expired = true;
        return true;
    }
    return query_get(r, "owner", false, &f->owner, err) && query_bool(r, "deleted", &f->deleted, err);
}

static bool read_filter(struct request *r, struct task_filter *f, struct error *err)
{
    *f = (struct task_filter){.sort = TASK_SORT_CREATED_AT};
    return read_words(r, f, err) && read_limit(r, &f->limit, err) &&
           query_get(r, "marker", false, &f->marker, err) && read_sort(r, f, err) && read_admin(r, f, err) &&
           query_check(r, err);
}

static bool reply_page(struct request *r, const struct task *page, size_t n, bool more, struct error *err)
{
    struct json_reply out;
    bool ok = true;

    json_reply_begin(&out, r);
    json_obj_begin(&out.w);
    json_key(&out.w, "tasks");
    json_arr_begin(&out.w);
    for (size_t i = 0; ok && i < n; i++) {
        task_write_listed(&out.w, &page[i]);
        ok = json_reply_flush(&out, false, err);
    }
    if (ok) {
        json_arr_end(&out.w);
        json_key_link(&out.w, r, "first", (struct str){NULL, 0});
        json_key_cstr(&out.w, "schema", "/v2/schemas/tasks");
        if (more && n > 0)
            json_key_link(&out.w, r, "next", page[n - 1].id);
        json_obj_end(&out.w);
        ok = json_reply_flush(&out, true, err);
    }
    json_reply_free(&out);
    return ok;
}

bool tasks_get_list(struct request *r, struct error *err)
{
    struct task_filter filter;
    struct db_conn *c;
    struct task *page;
    size_t n;
    bool more;

    if (!read_filter(r, &filter, err) || !(c = db_acquire_for(r->db, r->arena, err)) ||
        !tasks_list(c, r->arena, &filter, &page, &n, &more, err))
        return false;
    return reply_page(r, page, n, more, err);
}
