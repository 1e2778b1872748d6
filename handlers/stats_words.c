/* Lists of words: keys and values of metadata, pieces of tests' names. */
#include "config.h"
#include "handlers/stats.h"
#include "base/conf_options.h"
#include "db/stats.h"
#include "handlers/json_reply.h"
#include "handlers/subunit.h"

struct words {
    struct json_reply out;
    const char *word; /* the members' names */
    const char *count;
    struct str last;
};

static bool get_page(struct request *r, struct str *marker, uint64_t *limit, struct error *err)
{
    *limit = r->conf->api.default_limit;
    if (!query_get(r, "marker", true, marker, err) || !query_u64(r, "limit", 0, UINT32_MAX, limit, err) ||
        !query_check(r, err))
        return false;
    if (*limit > r->conf->api.max_limit)
        *limit = r->conf->api.max_limit;
    return true;
}

static bool add_word(void *arg, struct str word, int64_t n, struct error *err)
{
    struct words *s = arg;

    json_obj_begin(&s->out.w);
    json_key_str(&s->out.w, s->word, word);
    json_key_i64(&s->out.w, s->count, n);
    json_obj_end(&s->out.w);
    s->last = arena_str(s->out.r->arena, word);
    return json_reply_flush(&s->out, false, err);
}

static bool begin(struct words *s, struct request *r, const char *list)
{
    json_reply_begin(&s->out, r);
    json_obj_begin(&s->out.w);
    json_key(&s->out.w, list);
    json_arr_begin(&s->out.w);
    return true;
}

/* --- GET /v1/stats/metadata ---------------------------------------------------------------------- */

static bool answer_values(struct request *r, struct str key, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct words s = {.word = "value", .count = "runs"};
    struct str marker;
    uint64_t limit;
    bool more = false;

    if (!get_page(r, &marker, &limit, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !begin(&s, r, "values"))
        return false;
    bool ok = stats_values(c, &viewer, key, marker, limit, add_word, &s, &more, err);
    return json_reply_end_list(&s.out, ok, more ? s.last : (struct str){NULL, 0}, err);
}

bool stats_get_values(struct request *r, struct error *err)
{
    return answer_values(r, r->capture[0], err);
}

bool stats_get_keys(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct words s = {.word = "key", .count = "values"};
    struct str marker, key;
    uint64_t limit;
    bool more = false;

    /* A key with a slash has no path of its own. */
    if (!query_get(r, "key", false, &key, err))
        return false;
    if (key.p)
        return answer_values(r, key, err);
    if (!get_page(r, &marker, &limit, err))
        return false;
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !begin(&s, r, "keys"))
        return false;
    bool ok = stats_keys(c, r->arena, &viewer, marker, limit, add_word, &s, &more, err);
    return json_reply_end_list(&s.out, ok, more ? s.last : (struct str){NULL, 0}, err);
}

/* --- GET /v1/tests/prefixes ---------------------------------------------------------------------- */

enum { PREFIX_CHARS = 200 }; /* of the 255 that are looked at */

static bool add_prefix(void *arg, const struct stats_prefix *prefix, struct error *err)
{
    struct words *s = arg;
    struct json_writer *w = &s->out.w;

    json_obj_begin(w);
    json_key_str(w, "prefix", prefix->prefix);
    json_key_i64(w, "tests", prefix->tests);
    if (prefix->tests_id)
        json_key_i64(w, "id", prefix->tests_id);
    else
        json_key_null(w, "id");
    json_obj_end(w);
    return json_reply_flush(&s->out, false, err);
}

/* Does NAME lie below PREFIX ("": everything does)? */
static bool is_below(struct str name, struct str prefix)
{
    return !prefix.n || (name.n > prefix.n && str_starts(name, prefix) && name.p[prefix.n] == '.');
}

bool stats_get_prefixes(struct request *r, struct error *err)
{
    struct viewer viewer = subunit_viewer(r);
    struct words s = {.word = NULL};
    struct str prefix, marker, next = {NULL, 0};
    uint64_t limit;

    if (!query_get(r, "prefix", true, &prefix, err) || !get_page(r, &marker, &limit, err))
        return false;
    if (prefix.p && str_utf8_len(prefix) > PREFIX_CHARS)
        return error_set(err, ERROR_BAD_REQUEST, "prefix: at most %d characters are taken", PREFIX_CHARS);
    if (marker.p && !is_below(marker, prefix))
        return error_set(err, ERROR_BAD_REQUEST, "marker: it is no name below the prefix");
    struct db_conn *c = db_acquire_for(r->db, r->arena, err);
    if (!c || !begin(&s, r, "prefixes"))
        return false;
    bool ok = stats_prefixes(c, r->arena, &viewer, prefix.p ? prefix : STR(""), marker, limit, add_prefix, &s,
                             &next, err);
    return json_reply_end_list(&s.out, ok, next, err);
}
