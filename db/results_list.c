/* Lists of results: what everybody may see, or the caller's own, by page number.
 *
 * Which results stand on a page says an index of result_info alone: counting and skipping walk along it and
 * read nothing else. The page's results are then read, by two queries for all of them, from the tables that
 * say how they are now.
 */
#include "config.h"
#include "db/results.h"
#include "base/clock.h"
#include "db/sql.h"

#include <string.h>

#define ORDER " ORDER BY created_at DESC, result_id DESC"

static struct db_value moment(struct arena *arena, int64_t us)
{
    return DB_CSTR(clock_sql(us, arena_alloc(arena, CLOCK_ISO_SIZE)));
}

static void add_filter(struct sql *s, const struct result_filter *f)
{
    /* MySQL's = does not see blanks at the end; the key finds the candidates, the length tells them apart. */
    if (f->cpid.p) {
        sql_value(s, " AND cpid = ?", DB_STR(f->cpid));
        sql_value(s, " AND LENGTH(cpid) = ?", DB_UINT(f->cpid.n));
    }
    if (f->start_us != INT64_MIN)
        sql_value(s, " AND created_at >= ?", moment(s->arena, f->start_us));
    /* The whole last second. */
    if (f->end_us != INT64_MAX)
        sql_value(s, " AND created_at < ?", moment(s->arena, f->end_us + 1000000));
    if (f->verified >= 0)
        sql_value(s, " AND verified = ?", DB_INT(f->verified));
}

/* The own results are in two places: the project's, and the adopted ones of the user. */
static unsigned sources(const struct result_filter *f)
{
    return f->own ? 2 : 1;
}

static void add_source(struct sql *s, const struct result_caller *caller, const struct result_filter *f,
                       unsigned source)
{
    sql_add(s, " FROM result_info WHERE ");
    if (!f->own)
        sql_add(s, "listed = 1");
    else if (source == 0)
        sql_value(s, "project = ?", DB_STR(caller->project));
    else
        sql_value(s, "user = ? AND project IS NULL", DB_STR(caller->user));
    add_filter(s, f);
}

bool result_count(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                  const struct result_filter *filter, uint64_t *n, struct error *err)
{
    struct sql s;
    struct db_rows *rows;

    sql_begin(&s, arena);
    for (unsigned i = 0; i < sources(filter); i++) {
        sql_add(&s, i == 0 ? "SELECT (SELECT COUNT(*)" : ") + (SELECT COUNT(*)");
        add_source(&s, caller, filter, i);
    }
    sql_add(&s, ") AS n");
    rows = sql_query(&s, c, err);
    if (rows && db_next(rows, err))
        *n = db_u64(rows, "n");
    return rows && db_end(rows);
}

/* The ids on the page, in IDS, which has room for LIMIT. */
static bool read_ids(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                     const struct result_filter *filter, uint64_t offset, uint64_t limit, struct str *ids,
                     size_t *n, struct error *err)
{
    struct sql s;
    bool both = sources(filter) > 1;
    struct db_rows *rows;

    sql_begin(&s, arena);
    if (both)
        sql_add(&s, "SELECT result_id FROM (");
    for (unsigned i = 0; i < sources(filter); i++) {
        if (i)
            sql_add(&s, " UNION ALL ");
        sql_add(&s, both ? "(SELECT created_at, result_id" : "SELECT result_id");
        add_source(&s, caller, filter, i);
        /* Of either place the page needs no more than would fill all pages so far. */
        if (both)
            sql_value(&s, ORDER " LIMIT ?)", DB_UINT(offset + limit));
    }
    if (both)
        sql_add(&s, ") own");
    sql_value(&s, ORDER " LIMIT ?", DB_UINT(limit));
    sql_value(&s, " OFFSET ?", DB_UINT(offset));
    *n = 0;
    rows = sql_query(&s, c, err);
    if (!rows)
        return false;
    while (*n < limit && db_next(rows, err))
        ids[(*n)++] = arena_str(arena, db_str(rows, "result_id"));
    return db_end(rows);
}

bool result_list(struct db_conn *c, struct arena *arena, const struct result_caller *caller,
                 const struct result_filter *filter, uint64_t offset, uint64_t limit, struct result **page,
                 size_t *n, struct error *err)
{
    struct str *ids = arena_calloc(arena, limit, sizeof(*ids));
    struct result *results = arena_calloc(arena, limit, sizeof(*results));
    size_t n_ids;

    *page = results;
    return read_ids(c, arena, caller, filter, offset, limit, ids, &n_ids, err) &&
           results_get_page(c, arena, caller, ids, n_ids, results, n, err);
}
