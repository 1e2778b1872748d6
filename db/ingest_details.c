/* What hangs on a test_run: metadata, what only our tables can keep, attachments. */
#include "config.h"
#include "db/ingest.h"
#include "base/buf.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_CHARS = 255 /* of subunit2sql's value and label columns */ };

/* --- values cut to what a column holds ---------------------------------------------------------- */

/* The first part of S that has at most CHARS characters. */
static struct str head_chars(struct str s, size_t chars)
{
    size_t i = 0, seen = 0;

    while (i < s.n) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && seen++ == chars)
            break;
        i++;
    }
    return (struct str){s.p, i};
}

/* Without the blanks at its end, which MySQL's comparison does not see. */
static struct str padless(struct str s)
{
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

/* Equal ones in the order in which they stand. */
static int by_text(const void *a, const void *b)
{
    const struct str *x = *(struct str *const *)a, *y = *(struct str *const *)b;
    int order = str_cmp(padless(*x), padless(*y));

    return order ? order : (x > y) - (x < y);
}

/* The unique key takes a value once: the first one stays. A packet's tags make up to 65,000, so they are
 * sorted rather than each compared with all others. */
static void drop_doubles(struct ingest_cursor *cur)
{
    struct str **sorted = arena_alloc(cur->arena, cur->items * sizeof(struct str *));
    size_t kept = 0;

    for (size_t i = 0; i < cur->items; i++)
        sorted[i] = &cur->values[i];
    qsort(sorted, cur->items, sizeof(struct str *), by_text);
    for (size_t i = 1, first = 0; i < cur->items; i++)
        if (str_eq(padless(*sorted[i]), padless(*sorted[first])))
            sorted[i]->p = NULL;
        else
            first = i;
    for (size_t i = 0; i < cur->items; i++)
        if (cur->values[i].p)
            cur->values[kept++] = cur->values[i];
    cur->items = kept;
}

/* Splits TEXT at commas into values that fit; one that is too long by itself is cut into pieces. */
static void split_values(struct ingest_cursor *cur, struct str text)
{
    /* No value but the last is shorter than 64 bytes. */
    cur->values = arena_calloc(cur->arena, text.n / 64 + 2, sizeof(*cur->values));
    cur->items = 0;
    if (str_utf8_len(text) <= VALUE_CHARS) {
        cur->values[cur->items++] = text;
        return;
    }
    while (text.n) {
        struct str value = head_chars(text, VALUE_CHARS);
        const char *comma = value.n < text.n ? memrchr(value.p, ',', value.n) : NULL;

        /* A comma far in front would make many short rows: such a word is cut. */
        if (comma && (size_t)(comma - value.p) >= 64)
            value.n = (size_t)(comma - value.p);
        else
            comma = NULL;
        cur->values[cur->items++] = value;
        text = (struct str){text.p + value.n + (comma != NULL), text.n - value.n - (comma != NULL)};
    }
    drop_doubles(cur);
}

static struct str join_tags(struct ingest_cursor *cur)
{
    const struct spool_test *t = &cur->test;
    size_t n = 0;

    for (size_t i = 0; i < t->n_tags; i++)
        n += t->tags[i].n + 1;
    char *p = arena_alloc(cur->arena, n + 1), *at = p;
    for (size_t i = 0; i < t->n_tags; i++) {
        if (i)
            *at++ = ',';
        memcpy(at, t->tags[i].p, t->tags[i].n);
        at += t->tags[i].n;
    }
    return (struct str){p, (size_t)(at - p)};
}

/* --- test_run_metadata -------------------------------------------------------------------------- */

/* The next record that has WHAT; false at the end. */
static bool next_with(struct ingest_cursor *cur, bool (*has)(const struct spool_slot *), bool *end,
                      struct error *err)
{
    size_t n = spool_count(cur->in->spool);

    while (cur->next < n && !has(spool_slot(cur->in->spool, cur->next)))
        cur->next++;
    *end = cur->next == n;
    return *end || ingest_cursor_read(cur, cur->next++, err);
}

static bool has_detail(const struct spool_slot *slot)
{
    return slot->has_detail;
}

static bool has_info(const struct spool_slot *slot)
{
    return slot->has_info;
}

static bool has_files(const struct spool_slot *slot)
{
    return slot->has_files;
}

/* One load for each key: a record's values of that key, one row each. */
static bool next_metadata(struct ingest_cursor *cur, const char *key, struct db_value *row, bool *end,
                          struct error *err)
{
    while (cur->item == cur->items) {
        bool attrs = key[0] == 'a';

        if (!next_with(cur, has_detail, end, err))
            return false;
        if (*end)
            return true;
        /* subunit2sql stores no empty attributes, but an empty tag. */
        if (attrs ? cur->test.attrs.n > 0 : cur->test.n_tags > 0)
            split_values(cur, attrs ? cur->test.attrs : join_tags(cur));
    }
    row[0] = DB_CSTR(key);
    row[1] = DB_STR(cur->values[cur->item++]);
    row[2] = DB_INT(spool_slot(cur->in->spool, cur->place)->test_run_id);
    return true;
}

static bool next_attrs(void *arg, struct db_value *row, bool *end, struct error *err)
{
    return next_metadata(arg, "attrs", row, end, err);
}

static bool next_tags(void *arg, struct db_value *row, bool *end, struct error *err)
{
    return next_metadata(arg, "tags", row, end, err);
}

/* --- test_run_info ------------------------------------------------------------------------------ */

static struct str json_tags(struct ingest_cursor *cur)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, SIZE_MAX / 4);
    json_writer_init(&w, &b);
    json_arr_begin(&w);
    for (size_t i = 0; i < cur->test.n_tags; i++)
        json_str(&w, cur->test.tags[i]);
    json_arr_end(&w);
    struct str text = arena_str(cur->arena, buf_str(&b));
    buf_free(&b);
    return text;
}

static bool next_info(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ingest_cursor *cur = arg;
    struct spool_test *t = &cur->test;

    if (!next_with(cur, has_info, end, err))
        return false;
    if (*end)
        return true;
    row[0] = DB_INT(spool_slot(cur->in->spool, cur->place)->test_run_id);
    row[1] = DB_INT(cur->run_id);
    row[2] = DB_STR(t->stream_id);
    row[3] = DB_STR_OR_NULL(t->route_code);
    row[4] = t->n_tags ? DB_STR(json_tags(cur)) : DB_NULL_VALUE;
    return true;
}

/* --- attachments -------------------------------------------------------------------------------- */

enum { INLINE_MAX = 64 * 1024 };

static bool read_content(void *arg, uint64_t offset, void *p, size_t n, struct error *err)
{
    struct ingest_cursor *cur = arg;
    const struct spool_attachment *a = &cur->test.attachments[cur->item - 1];

    return spool_content_read(cur->in->spool, a->offset + offset, p, n, err);
}

static bool content_value(struct ingest_cursor *cur, const struct spool_attachment *a, struct db_value *out,
                          struct error *err)
{
    if (a->size > INLINE_MAX) {
        *out = (struct db_value){.type = DB_STREAM, .stream = {read_content, cur, a->size}};
        return true;
    }
    char *p = arena_alloc(cur->arena, (size_t)a->size);
    *out = DB_BYTES(((struct str){p, (size_t)a->size}));
    return spool_content_read(cur->in->spool, a->offset, p, (size_t)a->size, err);
}

/* The next attachment in the order of the records; the run's own come last, as one record without a test. */
static const struct spool_attachment *next_file(struct ingest_cursor *cur, bool *of_run, struct error *err,
                                                bool *end)
{
    size_t n = spool_count(cur->in->spool);

    *end = false;
    while (cur->next <= n && cur->item == cur->items) {
        if (!next_with(cur, has_files, end, err))
            return NULL;
        if (*end) {
            const struct spool_attachment *own;

            cur->next = n + 1;
            cur->place = n;
            cur->item = 0;
            cur->items = spool_run_attachments(cur->in->spool, &own);
            cur->test.attachments = (struct spool_attachment *)(uintptr_t)own;
            break;
        }
        cur->items = cur->test.n_attachments;
    }
    *end = cur->item == cur->items;
    *of_run = cur->place == n;
    return *end ? NULL : &cur->test.attachments[cur->item++];
}

static struct db_value test_run_of(struct ingest_cursor *cur, bool of_run)
{
    return of_run ? DB_NULL_VALUE : DB_INT(spool_slot(cur->in->spool, cur->place)->test_run_id);
}

/* subunit2sql's label: what stands before the first ':'. */
static struct str label_of(struct str name)
{
    struct str label, rest;

    str_cut(name, ':', &label, &rest);
    label = head_chars(label, VALUE_CHARS);
    return label.p ? label : STR("");
}

static bool next_attachment(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ingest_cursor *cur = arg;
    bool of_run;
    const struct spool_attachment *a = next_file(cur, &of_run, err, end);

    if (!a)
        return *end;
    row[0] = test_run_of(cur, of_run);
    row[1] = DB_STR(label_of(a->name));
    return content_value(cur, a, &row[2], err);
}

/* --- attachment_info ---------------------------------------------------------------------------- */

/* Ids of the attachments just written, in the order in which they were given. */
struct ids {
    int64_t *id;
    size_t n, size;
    size_t next;
    struct ingest_cursor cur;
};

static bool read_ids(struct db_conn *c, const char *sql, struct db_value of, struct ids *ids,
                     struct error *err)
{
    struct db_rows *rows = db_query(c, sql, &of, 1, err);

    if (!rows)
        return false;
    while (db_next(rows, err) && ids->n < ids->size)
        ids->id[ids->n++] = db_i64(rows, "id");
    return db_end(rows);
}

static bool next_attachment_info(void *arg, struct db_value *row, bool *end, struct error *err)
{
    struct ids *ids = arg;
    struct ingest_cursor *cur = &ids->cur;
    bool of_run;
    const struct spool_attachment *a = next_file(cur, &of_run, err, end);

    if (!a)
        return *end;
    if (ids->next == ids->n)
        return error_set(err, ERROR_INTERNAL, "%zu attachments were read back, more were written", ids->n);
    row[0] = DB_INT(ids->id[ids->next++]);
    row[1] = DB_INT(cur->run_id);
    row[2] = test_run_of(cur, of_run);
    row[3] = DB_STR(a->name);
    row[4] = DB_STR_OR_NULL(a->mime);
    row[5] = DB_UINT(a->size);
    row[6] = DB_BYTES(((struct str){(const char *)a->sha256, SHA256_SIZE}));
    return true;
}

static bool insert_attachment_info(struct db_conn *c, struct ingest *in, int64_t run_id, int64_t before,
                                   struct error *err)
{
    static const struct db_bulk into = {
        "attachment_info", "attachment_id, run_id, test_run_id, name, mime_type, size, sha256", 7, true};
    struct arena *arena = arena_new(0);
    struct ids ids = {.size = (size_t)spool_totals(in->spool)->attachments};
    const struct spool_attachment *own;

    ids.id = arena_calloc(arena, ids.size + 1, sizeof(*ids.id));
    ids.cur = (struct ingest_cursor){.in = in, .run_id = run_id, .arena = arena_new(0)};
    bool ok = read_ids(c,
                       "SELECT a.id FROM test_runs tr JOIN attachments a ON a.test_run_id = tr.id"
                       " WHERE tr.run_id = ? ORDER BY a.id",
                       DB_INT(run_id), &ids, err);
    if (ok && spool_run_attachments(in->spool, &own))
        ok = read_ids(c,
                      "SELECT a.id FROM attachments a LEFT JOIN attachment_info i ON i.attachment_id = a.id"
                      " WHERE a.test_run_id IS NULL AND i.attachment_id IS NULL AND a.id > ? ORDER BY a.id",
                      DB_INT(before), &ids, err);
    ok = ok && db_bulk_insert(c, &into, next_attachment_info, &ids, NULL, err);
    arena_free(ids.cur.arena);
    arena_free(arena);
    return ok;
}

/* The newest attachment before ours: the run's own, which no test_run leads to, are found after it. */
static bool newest_attachment(struct db_conn *c, int64_t *id, struct error *err)
{
    bool found;
    struct db_rows *rows =
        db_query_one(c, "SELECT COALESCE(MAX(id), 0) AS id FROM attachments", NULL, 0, &found, err);

    *id = rows && found ? db_i64(rows, "id") : 0;
    db_close(rows);
    return rows != NULL;
}

static bool insert_attachments(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    static const struct db_bulk into = {"attachments", "test_run_id, label, attachment", 3, true};
    int64_t before = 0;

    if (spool_totals(in->spool)->attachments == 0)
        return true;
    return newest_attachment(c, &before, err) && ingest_load(c, in, run_id, &into, next_attachment, err) &&
           insert_attachment_info(c, in, run_id, before, err);
}

/* --- test_metadata ------------------------------------------------------------------------------ */

/* Attributes with the prefix become metadata of the test itself; those that are there already stay as they
 * are. */
static bool insert_prefixed(struct db_conn *c, struct ingest *in, struct error *err)
{
    struct ingest_cursor cur = {.in = in, .arena = arena_new(0)};
    bool ok = true, end = false;

    while (ok && (ok = next_with(&cur, has_detail, &end, err)) && !end) {
        struct str rest = cur.test.attrs, one;

        while (ok && rest.n) {
            str_cut(rest, ',', &one, &rest);
            if (!str_starts(one, in->attr_prefix))
                continue;
            if (in->remove_prefix)
                one = (struct str){one.p + in->attr_prefix.n, one.n - in->attr_prefix.n};
            ok = DB_EXEC(c, NULL, err,
                         "INSERT IGNORE INTO test_metadata (`key`, value, test_id) VALUES ('attr', ?, ?)",
                         DB_STR(head_chars(one, VALUE_CHARS)),
                         DB_INT(spool_slot(in->spool, cur.place)->tests_id));
        }
    }
    arena_free(cur.arena);
    return ok;
}

bool ingest_details(struct db_conn *c, struct ingest *in, int64_t run_id, struct error *err)
{
    static const struct db_bulk metadata = {"test_run_metadata", "`key`, value, test_run_id", 3, false};
    static const struct db_bulk info = {"test_run_info", "test_run_id, run_id, stream_id, route_code, tags",
                                        5, false};

    return ingest_load(c, in, run_id, &metadata, next_attrs, err) &&
           ingest_load(c, in, run_id, &metadata, next_tags, err) &&
           ingest_load(c, in, run_id, &info, next_info, err) && insert_attachments(c, in, run_id, err) &&
           (!in->attr_prefix.n || insert_prefixed(c, in, err));
}
