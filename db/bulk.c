/* Many rows at once: LOAD DATA LOCAL through a handler of our own, or INSERT of many rows. */
#include "config.h"
#include "db/conn.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#include <errmsg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_BYTES = 64 * 1024, /* a row without its streams is turned into text at once; it grows past this */
    PIECE = 64 * 1024,     /* of a stream */
    ROW_MAX = 64 * 1024 * 1024,    /* no row without streams comes near */
    INSERT_ROWS = 200,             /* a statement of the fallback */
    INSERT_BYTES = 4 * 1024 * 1024 /* and not much more than this */
};

static const char bulk_file[] = "tally-rows"; /* the only name that the server may ask for */

struct db_bulk_source {
    const struct db_bulk *into;
    db_bulk_fn next;
    void *arg;
    struct error *err;
    struct buf text; /* rows as text, from AT on not yet sent */
    size_t at;
    struct db_value row[DB_BULK_COLUMNS_MAX];
    size_t column;   /* of the row under way; n_columns: none is */
    uint64_t offset; /* in its stream */
    bool end;
    bool failed;
    uint64_t rows;
};

/* --- LOAD DATA ---------------------------------------------------------------------------------- */

/* Backslash, tab, newline and NUL are escaped; the rest goes as it is. */
static void add_escaped(struct buf *b, const char *p, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i < n; i++) {
        char c = p[i];

        if (c != '\\' && c != '\t' && c != '\n' && c != '\0')
            continue;
        buf_add(b, p + from, i - from);
        from = i + 1;
        buf_add_char(b, '\\');
        buf_add_char(b, c == '\t' ? 't' : c == '\n' ? 'n' : c == '\0' ? '0' : '\\');
    }
    buf_add(b, p + from, n - from);
}

static void add_value(struct buf *b, const struct db_value *v)
{
    switch (v->type) {
    case DB_NULL: buf_add(b, "\\N", 2); break;
    case DB_I64: buf_printf(b, "%lld", (long long)v->i); break;
    case DB_U64: buf_printf(b, "%llu", (unsigned long long)v->u); break;
    case DB_DOUBLE: buf_printf(b, "%.17g", v->d); break;
    case DB_TEXT:
    case DB_BLOB: add_escaped(b, v->s.p, v->s.n); break;
    case DB_STREAM: break;
    }
}

/* The next piece of the stream in the column under way. */
static bool add_stream(struct db_bulk_source *s)
{
    const struct db_stream *in = &s->row[s->column].stream;
    size_t n = in->size - s->offset < PIECE ? (size_t)(in->size - s->offset) : PIECE;
    char *piece = mem_alloc(n);
    bool ok = in->read(in->arg, s->offset, piece, n, s->err);

    if (ok)
        add_escaped(&s->text, piece, n);
    free(piece);
    s->offset += n;
    return ok;
}

static bool next_row(struct db_bulk_source *s)
{
    if (!s->next(s->arg, s->row, &s->end, s->err))
        return false;
    s->column = s->end ? s->into->n_columns : 0;
    s->offset = 0;
    s->rows += !s->end;
    return true;
}

/* Makes some text of what comes next: whole rows, or a piece of a long value. */
static bool fill(struct db_bulk_source *s)
{
    size_t n = s->into->n_columns;

    buf_clear(&s->text);
    s->at = 0;
    while (!s->end && s->text.n < ROW_BYTES) {
        if (s->column == n && !next_row(s))
            return false;
        while (s->column < n && s->text.n < ROW_BYTES) {
            const struct db_value *v = &s->row[s->column];

            if (v->type == DB_STREAM && s->offset < v->stream.size) {
                if (!add_stream(s))
                    return false;
                continue;
            }
            add_value(&s->text, v);
            s->column++;
            s->offset = 0;
            buf_add_char(&s->text, s->column == n ? '\n' : '\t');
        }
    }
    if (!buf_ok(&s->text))
        return error_set(s->err, ERROR_INTERNAL, "database: a row is longer than %d bytes", ROW_MAX);
    return true;
}

static int local_init(void **data, const char *name, void *arg)
{
    struct db_conn *c = arg;

    *data = c;
    /* A server that asks for a file of its own choice, or when nothing is being loaded, gets nothing. */
    return !c->source || strcmp(name, bulk_file) != 0;
}

static int local_read(void *data, char *to, unsigned room)
{
    struct db_conn *c = data;
    struct db_bulk_source *s = c->source;

    if (s->at == s->text.n && !s->end && !fill(s)) {
        s->failed = true;
        return -1;
    }
    size_t n = s->text.n - s->at < room ? s->text.n - s->at : room;
    if (n)
        memcpy(to, s->text.p + s->at, n);
    s->at += n;
    return (int)n;
}

static void local_end(void *data)
{
    (void)data;
}

static int local_error(void *data, char *message, unsigned size)
{
    (void)data;
    snprintf(message, size, "no such file here");
    return CR_UNKNOWN_ERROR;
}

void bulk_install(struct db_conn *c)
{
    mysql_set_local_infile_handler(c->my, local_init, local_read, local_end, local_error, c);
}

/* LOCAL makes errors warnings: the first one becomes the error that it is. */
static bool first_warning(struct db_conn *c, struct error *err)
{
    MYSQL_RES *res = NULL;
    bool again =
        mysql_real_query(c->my, "SHOW WARNINGS LIMIT 1", 21) == 0 && (res = mysql_store_result(c->my));
    MYSQL_ROW row = again ? mysql_fetch_row(res) : NULL;
    unsigned code = row ? (unsigned)strtoul(row[1], NULL, 10) : 0;

    conn_fail(c, code, row ? row[2] : "rows are missing", "LOAD DATA", err);
    if (res)
        mysql_free_result(res);
    return false;
}

static bool load(struct db_conn *c, const struct db_bulk *into, struct db_bulk_source *s, struct error *err)
{
    char sql[512];
    int n = snprintf(sql, sizeof(sql),
                     "LOAD DATA LOCAL INFILE '%s' INTO TABLE %s CHARACTER SET %s FIELDS TERMINATED BY '\\t'"
                     " ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (%s)",
                     bulk_file, into->table, into->binary ? "binary" : "utf8mb4", into->columns);

    if (n >= (int)sizeof(sql))
        return error_set(err, ERROR_INTERNAL, "database: too many columns in a bulk load");
    struct error told;

    c->source = s;
    bool ok = conn_query(c, sql, (size_t)n, &told);
    c->source = NULL;
    /* Where our own side failed, its error stands in ERR already and the server's word about it counts for
     * nothing. */
    if (!ok && !s->failed && err)
        *err = told;
    if (!ok || s->failed)
        return false;
    if (mysql_affected_rows(c->my) != s->rows || mysql_warning_count(c->my))
        return first_warning(c, err);
    return true;
}

/* --- INSERT of many rows ------------------------------------------------------------------------ */

struct batch {
    struct db_value values[INSERT_ROWS * DB_BULK_COLUMNS_MAX];
    struct arena *arena;
    size_t rows;
};

static char *insert_sql(struct arena *a, const struct db_bulk *into, size_t rows)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    buf_printf(&b, "INSERT INTO %s (%s) VALUES ", into->table, into->columns);
    for (size_t i = 0; i < rows; i++) {
        buf_add_cstr(&b, i ? ",(?" : "(?");
        for (size_t k = 1; k < into->n_columns; k++)
            buf_add(&b, ",?", 2);
        buf_add_char(&b, ')');
    }
    char *sql = arena_memdup(a, b.p, b.n);
    buf_free(&b);
    return sql;
}

/* Takes up to INSERT_ROWS rows; *STREAMED where the last one holds a stream and must go at once. */
static bool batch_fill(struct db_bulk_source *s, struct batch *b, bool *streamed)
{
    size_t n = s->into->n_columns;

    *streamed = false;
    while (b->rows < INSERT_ROWS && !*streamed && arena_used(b->arena) < INSERT_BYTES) {
        struct db_value *row = &b->values[b->rows * n];

        if (!s->next(s->arg, row, &s->end, s->err))
            return false;
        if (s->end)
            return true;
        for (size_t i = 0; i < n; i++) {
            if (row[i].type == DB_TEXT || row[i].type == DB_BLOB)
                row[i].s = arena_str(b->arena, row[i].s);
            *streamed |= row[i].type == DB_STREAM;
        }
        b->rows++;
        s->rows++;
    }
    return true;
}

static bool insert(struct db_conn *c, const struct db_bulk *into, struct db_bulk_source *s, struct error *err)
{
    struct batch *b = mem_calloc(1, sizeof(*b));
    bool ok = true, streamed;

    b->arena = arena_new(0);
    while (ok && !s->end) {
        arena_reset(b->arena);
        b->rows = 0;
        ok = batch_fill(s, b, &streamed);
        if (ok && b->rows)
            ok = db_exec(c, insert_sql(b->arena, into, b->rows), b->values, b->rows * into->n_columns, NULL,
                         err);
    }
    arena_free(b->arena);
    free(b);
    return ok;
}

bool db_bulk_insert(struct db_conn *c, const struct db_bulk *into, db_bulk_fn next, void *arg, uint64_t *rows,
                    struct error *err)
{
    struct db_bulk_source s = {.into = into, .next = next, .arg = arg, .err = err, .column = into->n_columns};

    if (!c->my)
        return error_set(err, ERROR_UNAVAILABLE, "database: not connected");
    buf_init(&s.text, ROW_MAX);
    bool ok = c->can_load ? load(c, into, &s, err) : insert(c, into, &s, err);
    buf_free(&s.text);
    if (rows)
        *rows = s.rows;
    return ok;
}
