/* A page is put together of up to three stretches of one index, one statement each: the rest of the marker's
 * ties, what has another value, and what has none. So every statement begins at its place in the index and
 * reads on from there; one with "key > ? OR (key = ? AND id > ?)" is walked from the index's beginning by
 * MariaDB.
 */
#include "config.h"
#include "db/tasks_list.h"
#include "db/sql.h"

/* The indexes that are read in the order of each key: of one owner's tasks, and of all. */
static const struct {
    const char *column;
    const char *owner_index;
    const char *index;
    bool is_time;
} sorts[] = {
    [TASK_SORT_CREATED_AT] = {"t.created_at", "ix_tasks_owner_created_at", "ix_tasks_created_at", true},
    [TASK_SORT_UPDATED_AT] = {"t.updated_at", "ix_tasks_owner_updated_at", "ix_tasks_updated_at", true},
    [TASK_SORT_EXPIRES_AT] = {"t.expires_at", "ix_tasks_owner_expires_at", "ix_tasks_expires_at", true},
    [TASK_SORT_TYPE] = {"t.type", "ix_tasks_owner_type_id", "ix_tasks_type_id", false},
    [TASK_SORT_STATUS] = {"t.status", "ix_tasks_owner_status_id", "ix_tasks_status_id", false},
    [TASK_SORT_ID] = {"t.id", "ix_tasks_owner_id", "ix_tasks_id", false},
};

/* Which part of the order: of all rows with a key; those whose key is the marker's; those whose key comes
 * after the marker's; those without a key, whole or behind the marker. */
enum stretch { ALL, TIES, AFTER, NONE, NONE_AFTER };

/* Filters have indexes of their own where the list is in the usual order. */
static const char *index_of(const struct task_filter *f)
{
    if (f->image_id.p)
        return "ix_tasks_image_id";
    if (f->sort == TASK_SORT_CREATED_AT && f->status.p)
        return f->owner.p ? "ix_tasks_owner_status" : "ix_tasks_status";
    if (f->sort == TASK_SORT_CREATED_AT && f->type.p && f->owner.p)
        return "ix_tasks_owner_type";
    return f->owner.p ? sorts[f->sort].owner_index : sorts[f->sort].index;
}

/* " AND COLUMN OP ?" with the marker's value. */
static void add_key(struct sql *q, const struct task_filter *f, const struct task *marker, const char *op)
{
    sql_add(q, " AND ");
    sql_add(q, sorts[f->sort].column);
    sql_add(q, op);
    switch (f->sort) {
    case TASK_SORT_CREATED_AT: sql_value(q, TASK_TIME, DB_INT(marker->created_us)); break;
    case TASK_SORT_UPDATED_AT: sql_value(q, TASK_TIME, DB_INT(marker->updated_us)); break;
    case TASK_SORT_EXPIRES_AT: sql_value(q, TASK_TIME, DB_INT(marker->expires_us)); break;
    case TASK_SORT_TYPE: sql_value(q, "?", DB_STR(marker->type)); break;
    case TASK_SORT_STATUS: sql_value(q, "?", DB_STR(marker->status)); break;
    case TASK_SORT_ID: sql_value(q, "?", DB_STR(marker->id)); break;
    }
}

static void add_stretch(struct sql *q, const struct task_filter *f, const struct task *marker,
                        enum stretch stretch)
{
    const char *after = f->ascending ? " > " : " < ";

    if (stretch == NONE || stretch == NONE_AFTER)
        sql_add(q, " AND t.expires_at IS NULL");
    else if (f->sort == TASK_SORT_EXPIRES_AT && stretch == ALL)
        sql_add(q, " AND t.expires_at IS NOT NULL");
    else if (stretch == TIES)
        add_key(q, f, marker, " = ");
    else if (stretch == AFTER)
        add_key(q, f, marker, after);
    if (stretch == TIES || stretch == NONE_AFTER)
        sql_value(q, f->ascending ? " AND t.id > ?" : " AND t.id < ?", DB_STR(marker->id));
}

/* The direction stands with each column that is not the same in all rows of the stretch. */
static void add_order(struct sql *q, const struct task_filter *f, enum stretch stretch)
{
    const char *direction = f->ascending ? " ASC" : " DESC";

    sql_add(q, " ORDER BY ");
    if (f->sort != TASK_SORT_ID && (stretch == ALL || stretch == AFTER)) {
        sql_add(q, sorts[f->sort].column);
        sql_add(q, direction);
        sql_add(q, ", ");
    }
    sql_add(q, "t.id");
    sql_add(q, direction);
}

static void build(struct sql *q, const struct task_filter *f, const struct task *marker, enum stretch stretch,
                  uint64_t limit)
{
    sql_add(q, "SELECT " TASK_COLUMNS " FROM tasks t FORCE INDEX (");
    sql_add(q, index_of(f));
    sql_value(q, ") WHERE t.deleted = ?", DB_INT(f->deleted));
    if (f->owner.p)
        sql_value(q, " AND t.owner = ?", DB_STR(f->owner));
    if (f->image_id.p)
        sql_value(q, " AND t.image_id = ?", DB_STR(f->image_id));
    if (f->type.p)
        sql_value(q, " AND t.type = ?", DB_STR(f->type));
    if (f->status.p)
        sql_value(q, " AND t.status = ?", DB_STR(f->status));
    add_stretch(q, f, marker, stretch);
    if (f->only_expired)
        sql_add(q, " AND t.expires_at <= UTC_TIMESTAMP(6)");
    else if (f->hide_expired && f->sort == TASK_SORT_EXPIRES_AT && stretch != NONE && stretch != NONE_AFTER)
        sql_add(q, " AND t.expires_at > UTC_TIMESTAMP(6)");
    else if (f->hide_expired)
        sql_add(q, " AND (t.expires_at IS NULL OR t.expires_at > UTC_TIMESTAMP(6))");
    add_order(q, f, stretch);
    sql_value(q, " LIMIT ?", DB_UINT(limit));
}

/* Adds up to LIMIT tasks of a stretch to PAGE. */
static bool read_stretch(struct db_conn *c, struct arena *arena, const struct task_filter *f,
                         const struct task *marker, enum stretch stretch, struct task *page, size_t *n,
                         uint64_t limit, struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    build(&q, f, marker, stretch, limit - *n);
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    while (db_next(rows, err))
        task_read(rows, arena, &page[(*n)++]);
    return db_end(rows);
}

/* The stretches behind MARKER (NULL: from the beginning). */
static size_t plan(const struct task_filter *f, const struct task *marker, enum stretch out[3])
{
    bool nulls = f->sort == TASK_SORT_EXPIRES_AT;
    size_t n = 0;

    if (marker && nulls && marker->expires_us == 0) {
        out[n++] = NONE_AFTER;
        return n;
    }
    if (marker && f->sort != TASK_SORT_ID)
        out[n++] = TIES;
    out[n++] = marker ? AFTER : ALL;
    if (nulls && !f->only_expired)
        out[n++] = NONE;
    return n;
}

static bool get_marker(struct db_conn *c, struct arena *arena, const struct task_filter *f, struct task *out,
                       struct error *err)
{
    bool found;

    if (!tasks_get(c, arena, f->marker, out, &found, err))
        return false;
    return (found && (!f->owner.p || str_eq(out->owner, f->owner))) ||
           error_set(err, ERROR_BAD_REQUEST, "marker: task %.*s was not found", STR_ARG(f->marker));
}

bool tasks_list(struct db_conn *c, struct arena *arena, const struct task_filter *filter, struct task **out,
                size_t *n, bool *more, struct error *err)
{
    struct task *page = arena_calloc(arena, filter->limit + 1, sizeof(*page)), marker;
    enum stretch stretches[3];
    size_t n_stretches, count = 0;

    if (filter->marker.p && !get_marker(c, arena, filter, &marker, err))
        return false;
    n_stretches = plan(filter, filter->marker.p ? &marker : NULL, stretches);
    for (size_t i = 0; i < n_stretches && filter->limit > 0 && count <= filter->limit; i++)
        if (!read_stretch(c, arena, filter, &marker, stretches[i], page, &count, filter->limit + 1, err))
            return false;
    *more = count > filter->limit;
    *n = *more ? filter->limit : count;
    *out = page;
    return true;
}
