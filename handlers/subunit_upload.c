/* POST and PUT of /v1/subunit. */
#include "config.h"
#include "handlers/subunit.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/json.h"
#include "db/ingest.h"
#include "db/results.h"
#include "handlers/metrics.h"
#include "handlers/stream_names.h"
#include "handlers/stream_spool.h"

#include <string.h>

enum { META_CHARS = 255, META_MAX = 64, CPID_CHARS = 128, ARTIFACTS_BYTES = 65535 };

struct upload {
    struct ingest in;
    struct stream_options stream;
    struct stream_spool spooled;
    struct ingest_meta meta[META_MAX];
};

/* --- options ------------------------------------------------------------------------------------ */

static bool is_text(struct str s)
{
    return str_is_utf8(s) && !memchr(s.p, '\0', s.n);
}

static bool get_text(struct request *r, const char *name, size_t max_chars, struct str *out,
                     struct error *err)
{
    struct str value;

    if (!query_get(r, name, false, &value, err))
        return false;
    if (!value.p)
        return true;
    if (!is_text(value) || str_utf8_len(value) > max_chars)
        return error_set(err, ERROR_BAD_REQUEST, "%s: it must be UTF-8 text of at most %zu characters", name,
                         max_chars);
    *out = value;
    return true;
}

/* A zone may carry a time out of what a DATETIME holds: years 0000 to 9999. */
static bool is_storable(int64_t us)
{
    return us >= INT64_C(-62167219200) * 1000000 && us < INT64_C(253402300800) * 1000000;
}

static bool get_run_at(struct request *r, struct upload *u, struct error *err)
{
    struct str value;

    u->in.run_at_us = clock_now_us();
    if (r->conf->subunit.run_at[0])
        clock_parse(str_of(r->conf->subunit.run_at), &u->in.run_at_us);
    if (!query_get(r, "run_at", false, &value, err))
        return false;
    if (value.p && !(clock_parse(value, &u->in.run_at_us) && is_storable(u->in.run_at_us)))
        return error_set(err, ERROR_BAD_REQUEST, "run_at: '%.*s' is no time like 2026-03-01T12:00:00Z",
                         STR_ARG(value));
    return true;
}

static bool get_regex(struct request *r, struct upload *u, struct error *err)
{
    struct str text = str_of(r->conf->subunit.attr_regex), asked;

    if (!query_get(r, "attr_regex", false, &asked, err))
        return false;
    if (asked.p)
        text = asked;
    u->stream.cut_attrs = asked.p != NULL;
    /* The default one has a reader of its own. */
    if (str_eq_cstr(text, "\\[(.*)\\]") || text.n == 0)
        return true;
    /* Said before the body is read. */
    regex_t regex;
    if (!stream_regex(text, &regex, err))
        return false;
    regfree(&regex);
    u->stream.attr_regex = text;
    return true;
}

/* Keys that Tally writes itself, or that spare a run from expiry. */
static bool is_reserved(struct str key)
{
    return str_starts(key, STR("tally_")) || str_eq_cstr(key, "refstack_result_id") ||
           str_eq_cstr(key, "keep");
}

bool subunit_meta_param(struct query_param *param, struct str *key, struct str *value)
{
    if (!str_starts(param->name, STR("meta.")))
        return false;
    param->used = true;
    *key = (struct str){param->name.p + 5, param->name.n - 5};
    *value = param->value;
    return true;
}

/* The configured pairs whose key the query does not name. */
static bool add_default_meta(struct request *r, struct upload *u, struct error *err)
{
    const struct conf_list *list = &r->conf->subunit.run_meta;
    size_t asked = u->in.n_meta;

    for (size_t i = 0; i < list->n; i++) {
        struct ingest_meta m;
        bool named = false;

        str_cut(str_of(list->item[i]), ':', &m.key, &m.value);
        for (size_t k = 0; k < asked && !named; k++)
            named = str_eq(u->meta[k].key, m.key);
        if (named)
            continue;
        if (u->in.n_meta == META_MAX)
            return error_set(err, ERROR_BAD_REQUEST,
                             "meta.*: at most %d are taken, [subunit] run_meta's among them", META_MAX);
        u->meta[u->in.n_meta++] = m;
    }
    return true;
}

static bool get_meta(struct request *r, struct upload *u, struct error *err)
{
    for (size_t i = 0; i < r->n_query; i++) {
        struct ingest_meta m;

        if (!subunit_meta_param(&r->query[i], &m.key, &m.value))
            continue;
        if (m.key.n == 0 || !is_text(m.key) || !is_text(m.value) || str_utf8_len(m.key) > META_CHARS ||
            str_utf8_len(m.value) > META_CHARS)
            return error_set(err, ERROR_BAD_REQUEST,
                             "meta.*: key and value are UTF-8 texts of at most %d characters", META_CHARS);
        if (is_reserved(m.key) && !r->identity->is_staff)
            return error_set(err, ERROR_BAD_REQUEST, "meta.%.*s: this key is reserved", STR_ARG(m.key));
        if (u->in.n_meta == META_MAX)
            return error_set(err, ERROR_BAD_REQUEST, "meta.*: at most %d are taken", META_MAX);
        u->meta[u->in.n_meta++] = m;
    }
    u->in.meta = u->meta;
    return add_default_meta(r, u, err);
}

static struct str or_none(const char *text)
{
    return *text ? str_of(text) : (struct str){NULL, 0};
}

static bool get_options(struct request *r, struct upload *u, struct error *err)
{
    const struct conf *conf = r->conf;
    struct str non_subunit = or_none(conf->subunit.non_subunit_name);

    u->in.artifacts = or_none(conf->subunit.artifacts);
    u->in.project = r->identity->project_id;
    u->in.user = r->identity->user_id;
    /* a run that is linked to a result ran on its cloud */
    u->in.cpid = u->in.result_id.p ? (struct str){NULL, 0} : STR("unspecified");
    u->in.wall_time = conf->subunit.wall_time;
    u->in.attr_prefix = str_of(conf->subunit.test_attr_prefix);
    u->in.remove_prefix = conf->subunit.remove_test_attr_prefix;
    u->stream.attachments = conf->subunit.store_attachments;
    if (!get_text(r, "cpid", CPID_CHARS, &u->in.cpid, err) ||
        !get_text(r, "artifacts", ARTIFACTS_BYTES, &u->in.artifacts, err) ||
        !get_text(r, "test_attr_prefix", META_CHARS, &u->in.attr_prefix, err) ||
        !get_text(r, "non_subunit_name", META_CHARS, &non_subunit, err) || !get_run_at(r, u, err) ||
        !query_bool(r, "wall_time", &u->in.wall_time, err) ||
        !query_bool(r, "remove_test_attr_prefix", &u->in.remove_prefix, err) ||
        !query_bool(r, "attachments", &u->stream.attachments, err) || !get_regex(r, u, err) ||
        !get_meta(r, u, err))
        return false;
    if (u->in.artifacts.n > ARTIFACTS_BYTES)
        return error_set(err, ERROR_BAD_REQUEST, "artifacts: at most %d bytes are taken", ARTIFACTS_BYTES);
    if (non_subunit.p)
        u->stream.non_subunit_name = arena_memdup(r->arena, non_subunit.p, non_subunit.n);
    u->stream.start_us = u->in.run_at_us;
    return query_check(r, err);
}

/* --- replies ------------------------------------------------------------------------------------ */

static char *reply_json(struct request *r, const struct upload *u, const char *run_key,
                        const char *result_key)
{
    return arena_printf(r->arena, "\"%s\": \"%s\", \"%s\": \"%s\"", run_key, u->in.run_uuid, result_key,
                        u->in.run_result_id);
}

/* A conflict's reply names what is there. */
static bool fail(struct request *r, const struct upload *u, const char *ids, struct error *err)
{
    metrics_add(err->kind == ERROR_INTERNAL || err->kind == ERROR_UNAVAILABLE ? METRIC_UPLOADS_FAILED
                                                                              : METRIC_UPLOADS_REFUSED,
                1);
    if (err->kind != ERROR_CONFLICT || !u->in.run_uuid[0])
        return false;
    response_error(r, err, ids);
    return true;
}

static bool succeed(struct request *r, const struct upload *u, int status, const char *ids)
{
    metrics_add(METRIC_UPLOADS_STORED, 1);
    metrics_add(METRIC_UPLOAD_BYTES, u->spooled.bytes);
    metrics_add(METRIC_UPLOAD_TESTS, spool_count(u->spooled.spool));
    if (status == 201)
        response_headerf(r, "Location", "%s/v1/subunit/%s", r->conf->api.public_url, u->in.run_uuid);
    response_json(r, status, str_of(arena_printf(r->arena, "{%s}", ids)));
    return true;
}

static void set_stream(struct upload *u)
{
    u->in.spool = u->spooled.spool;
    memcpy(u->in.sha256, u->spooled.sha256, SHA256_SIZE);
    u->in.stream_format = u->spooled.format;
    u->in.stream_bytes = u->spooled.bytes;
}

/* --- POST --------------------------------------------------------------------------------------- */

bool subunit_post(struct request *r, struct error *err)
{
    struct upload *u = arena_calloc(r->arena, 1, sizeof(*u));

    if (!get_options(r, u, err) || !stream_read(r, &u->stream, &u->spooled, err))
        return fail(r, u, NULL, err);
    set_stream(u);
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    bool ok = c && ingest_run(c, &u->in, err);
    const char *ids = reply_json(r, u, "subunit-uuid", "result-id");
    return ok ? succeed(r, u, 201, ids) : fail(r, u, ids, err);
}

/* --- PUT ---------------------------------------------------------------------------------------- */

static bool get_result_id(struct request *r, struct upload *u, struct error *err)
{
    struct str id = r->n_captures ? r->capture[0] : (struct str){NULL, 0};
    struct str asked;

    if (!query_get(r, "result_id", false, &asked, err))
        return false;
    if (id.p && asked.p)
        return error_set(err, ERROR_BAD_REQUEST, "result_id: the path names the result already");
    id = id.p ? id : asked;
    if (!id.p)
        return error_set(err, ERROR_BAD_REQUEST, "result_id: the result to link the run to is missing");
    if (!uuid_is(id))
        return error_set(err, ERROR_NOT_FOUND, "Result %.*s was not found", STR_ARG(id));
    u->in.result_id = id;
    return true;
}

/* Asked before the body is read, and again after it: the client may take an hour to send it. */
static bool may_link(struct request *r, struct upload *u, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct db_conn *c = db_acquire(r->db, err);
    struct str owner, cpid;
    bool ok =
        c && result_check_link(c, r->arena, &viewer, u->in.result_id, u->in.run_uuid, &owner, &cpid, err);

    /* What staff links for an owner is the owner's evidence. */
    if (ok && owner.p)
        u->in.project = owner;
    if (ok && !u->in.cpid.p)
        u->in.cpid = cpid;
    if (!ok)
        memcpy(u->in.run_result_id, u->in.result_id.p, UUID_TEXT_SIZE - 1);
    db_release(c);
    return ok;
}

static void add_names(struct json_writer *w, const char *key, const struct str *names, uint64_t n)
{
    json_key(w, key);
    json_arr_begin(w);
    for (uint64_t i = 0; i < n && i < RESULT_DIFFERENCES; i++)
        json_str(w, names[i]);
    json_arr_end(w);
}

/* 400 that lists what differs. */
static bool differ(struct request *r, const struct result_difference *d, struct error *err)
{
    struct json_writer w;
    struct buf b;

    error_set(err, ERROR_BAD_REQUEST,
              "The tests that passed in the stream are not the result's: %llu only in the stream, %llu only "
              "in the result",
              (unsigned long long)d->n_only_in_stream, (unsigned long long)d->n_only_in_result);
    buf_init(&b, 1 << 20);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    add_names(&w, "only_in_stream", d->only_in_stream, d->n_only_in_stream);
    add_names(&w, "only_in_result", d->only_in_result, d->n_only_in_result);
    json_obj_end(&w);
    /* The members without their braces. */
    response_error(r, err, arena_memdup(r->arena, b.p + 1, b.n - 2));
    buf_free(&b);
    metrics_add(METRIC_UPLOADS_REFUSED, 1);
    return true;
}

bool subunit_put(struct request *r, struct error *err)
{
    struct upload *u = arena_calloc(r->arena, 1, sizeof(*u));
    struct result_difference *d = arena_alloc(r->arena, sizeof(*d));

    if (!get_result_id(r, u, err) || !get_options(r, u, err) || !may_link(r, u, err) ||
        !stream_read(r, &u->stream, &u->spooled, err))
        return fail(r, u, reply_json(r, u, "uuid", "id"), err);
    set_stream(u);
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !result_compare(c, r->arena, u->in.result_id, u->in.spool, d, err))
        return fail(r, u, NULL, err);
    if (d->n_only_in_stream || d->n_only_in_result)
        return differ(r, d, err);
    bool ok = ingest_run(c, &u->in, err);
    const char *ids = reply_json(r, u, "uuid", "id");
    return ok ? succeed(r, u, 200, ids) : fail(r, u, ids, err);
}
