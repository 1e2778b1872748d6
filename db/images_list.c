#include "config.h"
#include "db/images_list.h"
#include "db/images_rows.h"
#include "db/sql.h"

#include <string.h>

/* What the statements are made of, a row a column. */
enum kind { TEXT, FREE_TEXT, NUMBER, MOMENT };
static const struct {
    const char *sql;    /* in a SELECT from images i */
    const char *result; /* the name that IMAGES_COLUMNS gives it */
    enum kind kind;
    bool null; /* may be; asked of what is sorted by */
} columns[] = {
    [IMAGE_BY_NAME] = {"i.name", "name", FREE_TEXT, true},
    [IMAGE_BY_STATUS] = {"i.status", "status", TEXT, false},
    [IMAGE_BY_CONTAINER_FORMAT] = {"i.container_format", "container_format", TEXT, true},
    [IMAGE_BY_DISK_FORMAT] = {"i.disk_format", "disk_format", TEXT, true},
    [IMAGE_BY_SIZE] = {"i.size", "size", NUMBER, true},
    [IMAGE_BY_ID] = {"i.id", "id", TEXT, false},
    [IMAGE_BY_CREATED_AT] = {"i.created_at", "created_us", MOMENT, false},
    [IMAGE_BY_UPDATED_AT] = {"i.updated_at", "updated_us", MOMENT, false},
    [IMAGE_BY_OWNER] = {"i.owner", "owner", FREE_TEXT, false},
    [IMAGE_BY_CHECKSUM] = {"i.checksum", "checksum", TEXT, false},
    [IMAGE_BY_OS_HASH_ALGO] = {"i.os_hash_algo", "os_hash_algo", TEXT, false},
    [IMAGE_BY_OS_HASH_VALUE] = {"i.os_hash_value", "os_hash_value", TEXT, false},
    [IMAGE_BY_VIRTUAL_SIZE] = {"i.virtual_size", "virtual_size", NUMBER, false},
    [IMAGE_BY_MIN_RAM] = {"i.min_ram", "min_ram", NUMBER, false},
    [IMAGE_BY_MIN_DISK] = {"i.min_disk", "min_disk", NUMBER, false},
    [IMAGE_BY_PROTECTED] = {"i.protected", "protected", NUMBER, false},
    [IMAGE_BY_OS_HIDDEN] = {"i.os_hidden", "os_hidden", NUMBER, false},
};

/* --- conditions --------------------------------------------------------------------------------- */

/* " IN (?, ?, ...)": the number of places is a power of two, so that few statements are ever prepared. */
static void add_list(struct sql *q, const struct image_condition *c)
{
    size_t places = 1;

    while (places < c->n_values)
        places *= 2;
    for (size_t i = 0; i < places; i++)
        sql_value(q, i ? ", ?" : " IN (?", DB_STR(c->values[i < c->n_values ? i : c->n_values - 1]));
    sql_add(q, ")");
}

/* A comparison of texts does not see blanks at their ends: the index finds candidates, their bytes decide. */
static void add_text(struct sql *q, const struct image_condition *c)
{
    sql_add(q, " AND ");
    sql_add(q, columns[c->column].sql);
    add_list(q, c);
    if (columns[c->column].kind != FREE_TEXT)
        return;
    sql_add(q, " AND CAST(");
    sql_add(q, columns[c->column].sql);
    sql_add(q, " AS BINARY)");
    add_list(q, c);
}

static void add_number(struct sql *q, const struct image_condition *c)
{
    static const char *const tests[][2] = {
        [IMAGE_IS] = {" = ?", " = " IMAGES_TIME},      [IMAGE_FROM] = {" >= ?", " >= " IMAGES_TIME},
        [IMAGE_TO] = {" <= ?", " <= " IMAGES_TIME},    [IMAGE_BEFORE] = {" < ?", " < " IMAGES_TIME},
        [IMAGE_OUTSIDE] = {" < ?", " < " IMAGES_TIME},
    };
    bool moment = columns[c->column].kind == MOMENT;

    sql_add(q, c->test == IMAGE_OUTSIDE ? " AND (" : " AND ");
    sql_add(q, columns[c->column].sql);
    sql_value(q, tests[c->test][moment], DB_INT(c->number));
    if (c->test != IMAGE_OUTSIDE)
        return;
    sql_add(q, " OR ");
    sql_add(q, columns[c->column].sql);
    sql_value(q, tests[IMAGE_FROM][moment], DB_INT(c->number2));
    sql_add(q, ")");
}

static void add_condition(struct sql *q, const struct image_condition *c)
{
    switch (c->column) {
    case IMAGE_BY_TAG:
        sql_value(q, " AND EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.id AND t.value = ?)",
                  DB_STR(c->values[0]));
        break;
    case IMAGE_BY_PROPERTY:
        sql_value(q, " AND EXISTS (SELECT 1 FROM image_properties p WHERE p.image_id = i.id AND p.name = ?",
                  DB_STR(c->property));
        sql_value(q, " AND p.value = ?", DB_STR(c->values[0]));
        sql_value(q, " AND LENGTH(p.value) = ?)", DB_UINT(c->values[0].n));
        break;
    default:
        if (columns[c->column].kind == NUMBER || columns[c->column].kind == MOMENT)
            add_number(q, c);
        else
            add_text(q, c);
    }
}

/* --- the page's beginning ----------------------------------------------------------------------- */

static struct db_value text_or_null(struct str s)
{
    return DB_STR_OR_NULL(s);
}

/* What the marker has in COLUMN. */
static struct db_value marker_value(const struct image *m, enum image_column column)
{
    switch (column) {
    case IMAGE_BY_NAME: return text_or_null(m->name);
    case IMAGE_BY_STATUS: return DB_STR(m->status);
    case IMAGE_BY_CONTAINER_FORMAT: return text_or_null(m->container_format);
    case IMAGE_BY_DISK_FORMAT: return text_or_null(m->disk_format);
    case IMAGE_BY_SIZE: return m->size < 0 ? DB_NULL_VALUE : DB_INT(m->size);
    case IMAGE_BY_CREATED_AT: return DB_INT(m->created_us);
    case IMAGE_BY_UPDATED_AT: return DB_INT(m->updated_us);
    default: return DB_STR(m->id);
    }
}

/* "COLUMN TEST ?" */
static void add_comparison(struct sql *q, enum image_column column, const char *test, struct db_value value)
{
    sql_add(q, columns[column].sql);
    sql_add(q, test);
    sql_value(q, columns[column].kind == MOMENT ? IMAGES_TIME : "?", value);
}

/* Null sorts before every value; with NULLS_TOO it may be met. */
static void add_after(struct sql *q, enum image_column column, bool descending, bool nulls_too,
                      struct db_value value)
{
    if (value.type == DB_NULL) {
        sql_add(q, descending ? "1 = 0" : columns[column].sql);
        sql_add(q, descending ? "" : " IS NOT NULL");
        return;
    }
    sql_add(q, "(");
    add_comparison(q, column, descending ? " < " : " > ", value);
    if (descending && nulls_too) {
        sql_add(q, " OR ");
        sql_add(q, columns[column].sql);
        sql_add(q, " IS NULL");
    }
    sql_add(q, ")");
}

/* A range of values and the nulls behind it are no one range of an index: each is asked for by itself. */
enum part { WHOLE, VALUES, NULLS };

static bool is_split(const struct image_filter *f)
{
    return f->marker && f->sort[0].descending && columns[f->sort[0].column].null &&
           marker_value(f->marker, f->sort[0].column).type != DB_NULL;
}

/* Behind the marker: greater in the first key, or equal there and greater in the second, ... */
static void add_marker(struct sql *q, const struct image_filter *f)
{
    struct db_value first = marker_value(f->marker, f->sort[0].column);

    /* what the rest implies, in a form that an index can begin at */
    if (first.type != DB_NULL) {
        sql_add(q, " AND ");
        add_comparison(q, f->sort[0].column, f->sort[0].descending ? " <= " : " >= ", first);
    }
    sql_add(q, " AND (");
    for (size_t i = 0; i < f->n_sorts; i++) {
        sql_add(q, i ? " OR (" : "(");
        for (size_t k = 0; k < i; k++) {
            add_comparison(q, f->sort[k].column, " <=> ", marker_value(f->marker, f->sort[k].column));
            sql_add(q, " AND ");
        }
        add_after(q, f->sort[i].column, f->sort[i].descending, i > 0 && columns[f->sort[i].column].null,
                  marker_value(f->marker, f->sort[i].column));
        sql_add(q, ")");
    }
    sql_add(q, ")");
}

static void add_order(struct sql *q, const struct image_filter *f, bool of_results, uint64_t limit)
{
    for (size_t i = 0; i < f->n_sorts; i++) {
        sql_add(q, i ? ", " : " ORDER BY ");
        sql_add(q, of_results ? columns[f->sort[i].column].result : columns[f->sort[i].column].sql);
        sql_add(q, f->sort[i].descending ? " DESC" : "");
    }
    sql_value(q, " LIMIT ?", DB_UINT(limit));
}

/* --- which index ---------------------------------------------------------------------------------- */

/* What a branch begins with: all its images have one owner, one visibility, both, or neither. */
enum prefix { BY_OWNER, BY_VISIBILITY, BY_OWNER_AND_VISIBILITY, BY_NOTHING };

#define INDEXES(prefix)                                                          \
    {                                                                            \
        [IMAGE_BY_NAME] = " FORCE INDEX (ix_images" prefix "_name)",             \
        [IMAGE_BY_STATUS] = " FORCE INDEX (ix_images" prefix "_status)",         \
        [IMAGE_BY_CREATED_AT] = " FORCE INDEX (ix_images" prefix "_created_at)", \
        [IMAGE_BY_UPDATED_AT] = " FORCE INDEX (ix_images" prefix "_updated_at)", \
    }
static const char *const indexes[][IMAGE_BY_UPDATED_AT + 1] = {
    [BY_OWNER] = INDEXES("_owner"),
    [BY_VISIBILITY] = INDEXES("_visibility"),
    [BY_OWNER_AND_VISIBILITY] = {[IMAGE_BY_CREATED_AT] = " FORCE INDEX (ix_images_owner_visibility)"},
    [BY_NOTHING] = INDEXES(""),
};

/* Does an index other than those know the few images that have this? */
static bool is_selective(const struct image_condition *c)
{
    switch (c->column) {
    case IMAGE_BY_ID:
    case IMAGE_BY_CHECKSUM:
    case IMAGE_BY_OS_HASH_VALUE:
    case IMAGE_BY_TAG:
    case IMAGE_BY_PROPERTY: return true;
    case IMAGE_BY_NAME: return c->n_values > 1;
    default: return false;
    }
}

static const struct image_condition *find_condition(const struct image_filter *f, enum image_column column)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->conditions[i].column == column && f->conditions[i].n_values == 1)
            return &f->conditions[i];
    return NULL;
}

/* Is the order that of an index whose rows have KEY, created_at and id? */
static bool is_index_order(const struct image_filter *f)
{
    size_t last = f->n_sorts - 1;

    for (size_t i = 1; i < f->n_sorts; i++)
        if (f->sort[i].descending != f->sort[0].descending)
            return false;
    return f->sort[last].column == IMAGE_BY_ID &&
           (f->n_sorts == 3 ? f->sort[1].column == IMAGE_BY_CREATED_AT
                            : f->n_sorts == 2 && f->sort[0].column == IMAGE_BY_CREATED_AT);
}

static bool has_selective(const struct image_filter *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (is_selective(&f->conditions[i]))
            return true;
    return false;
}

/* By created_at, of images of which no other index knows that they are few. */
static bool is_by_creation(const struct image_filter *f)
{
    return is_index_order(f) && f->sort[0].column == IMAGE_BY_CREATED_AT && !has_selective(f) &&
           !find_condition(f, IMAGE_BY_NAME);
}

/* Nearly all images are active: that they are says little. */
static bool is_of_rare_status(const struct image_filter *f)
{
    const struct image_condition *c = find_condition(f, IMAGE_BY_STATUS);

    return c && !str_eq_cstr(c->values[0], "active");
}

/* The optimizer, which does not count on LIMIT, would rather sort a third of the table than read a page in
 * order: where an index has the order, it is told which. OF_ONE: all have the same visibility. */
static void add_index(struct sql *q, const struct image_filter *f, enum prefix prefix, bool of_one)
{
    enum image_column key = f->sort[0].column;

    if (find_condition(f, IMAGE_BY_OWNER))
        prefix = BY_OWNER;
    if (has_selective(f) || !is_index_order(f))
        return;
    if (key == IMAGE_BY_CREATED_AT && find_condition(f, IMAGE_BY_NAME))
        key = IMAGE_BY_NAME;
    else if (key == IMAGE_BY_CREATED_AT && prefix == BY_OWNER && of_one && !is_of_rare_status(f))
        prefix = BY_OWNER_AND_VISIBILITY;
    else if (key == IMAGE_BY_CREATED_AT && find_condition(f, IMAGE_BY_STATUS))
        key = IMAGE_BY_STATUS;
    if (key <= IMAGE_BY_UPDATED_AT && indexes[prefix][key])
        sql_add(q, indexes[prefix][key]);
}

/* --- whose -------------------------------------------------------------------------------------- */

static void begin_select(struct sql *q)
{
    sql_add(q, q->text.n > 0 ? " UNION ALL " : "");
    sql_add(q, "(SELECT " IMAGES_COLUMNS " FROM ");
}

static void begin_branch(struct sql *q)
{
    begin_select(q);
    sql_add(q, "images i");
}

static void add_conditions(struct sql *q, const struct image_filter *f, enum part part)
{
    for (size_t i = 0; i < f->n; i++)
        add_condition(q, &f->conditions[i]);
    if (part == NULLS) {
        sql_add(q, " AND ");
        sql_add(q, columns[f->sort[0].column].sql);
        sql_add(q, " IS NULL");
    } else if (f->marker) {
        add_marker(q, f);
    }
}

static void end_branch(struct sql *q, const struct image_filter *f, enum part part)
{
    add_conditions(q, f, part);
    add_order(q, f, false, f->limit);
    sql_add(q, ")");
}

/* By created_at and id as image_members has them. */
static void end_members_branch(struct sql *q, const struct image_filter *f, enum part part)
{
    bool descending = f->sort[0].descending;

    add_conditions(q, f, part);
    sql_add(q, descending ? " ORDER BY m.image_created_at DESC, m.image_id DESC"
                          : " ORDER BY m.image_created_at, m.image_id");
    sql_value(q, " LIMIT ?)", DB_UINT(f->limit));
}

static bool asks_for(const struct image_filter *f, const char *visibility)
{
    return str_eq_cstr(f->visibility, visibility);
}

/* An administrator sees all; without a visibility other projects' community images stay out of everybody's
 * way. */
static void add_all(struct sql *q, const struct image_filter *f, enum part part)
{
    bool one = f->visibility.p && !asks_for(f, "all");

    begin_branch(q);
    add_index(q, f, one ? BY_VISIBILITY : BY_NOTHING, one);
    sql_add(q, " WHERE i.deleted = 0");
    if (!f->visibility.p)
        sql_value(q, " AND (i.visibility <> 'community' OR i.owner = ?)", DB_STR(f->project));
    else if (one)
        sql_value(q, " AND i.visibility = ?", DB_STR(f->visibility));
    end_branch(q, f, part);
}

/* The project's images. */
static void add_own(struct sql *q, const struct image_filter *f, enum part part)
{
    bool one = f->visibility.p && !asks_for(f, "all");

    begin_branch(q);
    add_index(q, f, BY_OWNER, one);
    sql_value(q, " WHERE i.owner = ? AND i.deleted = 0", DB_STR(f->project));
    if (one)
        sql_value(q, " AND i.visibility = ?", DB_STR(f->visibility));
    end_branch(q, f, part);
}

/* All images of one visibility that everybody sees. */
static void add_open(struct sql *q, const struct image_filter *f, const char *visibility, enum part part)
{
    begin_branch(q);
    add_index(q, f, BY_VISIBILITY, true);
    sql_value(q, " WHERE i.visibility = ? AND i.deleted = 0", DB_CSTR(visibility));
    end_branch(q, f, part);
}

static void add_shared(struct sql *q, const struct image_filter *f, enum part part)
{
    bool all = str_eq_cstr(f->member_status, "all"), by_creation = is_by_creation(f);

    begin_select(q);
    if (by_creation) {
        /* The members' index has the order, and what the marker says of created_at holds for it too. */
        sql_add(q, "image_members m FORCE INDEX (");
        sql_add(q, all ? "ix_image_members_member" : "ix_image_members_member_status");
        sql_add(q, ") STRAIGHT_JOIN images i ON i.id = m.image_id AND i.created_at = m.image_created_at");
    } else {
        sql_add(q, "images i JOIN image_members m ON i.id = m.image_id");
    }
    sql_value(q, " WHERE i.visibility = 'shared' AND i.deleted = 0 AND m.member = ?", DB_STR(f->project));
    if (!all)
        sql_value(q, " AND m.status = ?", DB_STR(f->member_status));
    sql_value(q, " AND (i.owner <> ? OR i.owner IS NULL)", DB_STR(f->project));
    if (by_creation)
        end_members_branch(q, f, part);
    else
        end_branch(q, f, part);
}

/* Every image that the caller may see. His own open ones may be in two branches: were either to leave them
 * out, a project with nothing else would have all of them looked through for a page. */
static void add_branches(struct sql *q, const struct image_filter *f, enum part part)
{
    bool any = !f->visibility.p, all = asks_for(f, "all");
    const struct image_condition *owner = find_condition(f, IMAGE_BY_OWNER);

    if (f->admin) {
        add_all(q, f, part);
        return;
    }
    if (owner && str_eq(owner->values[0], f->project)) {
        add_own(q, f, part);
        return;
    }
    if (any || all || asks_for(f, "private") || asks_for(f, "shared"))
        add_own(q, f, part);
    if (any || all || asks_for(f, "public"))
        add_open(q, f, "public", part);
    if (all || asks_for(f, "community"))
        add_open(q, f, "community", part);
    if (any || all || asks_for(f, "shared"))
        add_shared(q, f, part);
}

static void build(struct sql *q, const struct image_filter *f)
{
    add_branches(q, f, is_split(f) ? VALUES : WHOLE);
    if (is_split(f))
        add_branches(q, f, NULLS);
    add_order(q, f, true, 2 * f->limit);
}

/* --- the page ----------------------------------------------------------------------------------- */

static bool read_page(struct db_conn *c, struct arena *arena, const struct image_filter *f,
                      struct image **page, size_t *n, struct error *err)
{
    struct sql q;

    sql_begin(&q, arena);
    build(&q, f);
    *page = arena_calloc(arena, f->limit + 1, sizeof(**page));
    *n = 0;
    struct db_rows *rows = sql_query(&q, c, err);
    if (!rows)
        return false;
    /* what two branches have comes twice, one after the other: the order ends with the id */
    while (*n < f->limit && db_next(rows, err))
        if (*n == 0 || !str_eq(db_str(rows, "id"), (*page)[*n - 1].id))
            images_read_row(rows, arena, &(*page)[(*n)++]);
    return db_end(rows);
}

static bool give(struct db_conn *c, struct arena *arena, struct image *images, size_t n, image_list_fn fn,
                 void *arg, struct error *err)
{
    bool ok = images_read_details(c, arena, images, n, err);

    for (size_t i = 0; ok && i < n; i++)
        ok = fn(arg, &images[i], err);
    return ok;
}

bool images_list(struct db_conn *c, struct arena *arena, const struct image_filter *filter, image_list_fn fn,
                 void *arg, struct error *err)
{
    struct image *page;
    size_t n;
    bool ok = true;

    if (filter->limit == 0)
        return true;
    if (!read_page(c, arena, filter, &page, &n, err))
        return false;
    /* Properties may be long: they are held for a few images at a time. */
    for (size_t at = 0; ok && at < n; at += IMAGES_BATCH) {
        struct arena *batch = arena_new(64 * 1024);

        ok = give(c, batch, page + at, n - at < IMAGES_BATCH ? n - at : IMAGES_BATCH, fn, arg, err);
        arena_free(batch);
    }
    return ok;
}
