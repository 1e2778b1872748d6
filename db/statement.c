/* Prepared statements: the cache a connection keeps, binding, rows by column name. */
#include "config.h"
#include "db/conn.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_SIZE = 256, STREAM_PIECE = 256 * 1024 };

struct column {
    const char *name;
    enum db_type type;
    db_bool null;
    unsigned long length;
    union {
        int64_t i;
        uint64_t u;
        double d;
    };
    char *text;
    size_t text_size;
};

struct db_rows {
    struct db_conn *conn;
    struct db_statement *statement;
    MYSQL_RES *meta;
    struct column *columns;
    MYSQL_BIND *binds;
    unsigned n;
    bool grown;  /* a text of the row at hand got a larger buffer */
    bool ended;  /* the server has said that there are no more, or why not */
    bool failed; /* db_next() has ended by an error */
};

static uint64_t sql_hash(const char *s)
{
    uint64_t h = 1469598103934665603u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

/* The place of a new statement: a free one, or that of the one not used for longest. */
static struct db_statement *statement_place(struct db_conn *c)
{
    struct db_statement *oldest = NULL;

    if (c->n_statements < STATEMENTS_MAX)
        return &c->statements[c->n_statements++];
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        if (!c->statements[i].busy && (!oldest || c->statements[i].last_used < oldest->last_used))
            oldest = &c->statements[i];
    mysql_stmt_close(oldest->stmt);
    free(oldest->sql);
    return oldest;
}

struct db_statement *conn_statement(struct db_conn *c, const char *sql, struct error *err)
{
    uint64_t hash = sql_hash(sql);

    if (!c->my) {
        error_set(err, ERROR_UNAVAILABLE, "database: not connected");
        return NULL;
    }
    for (size_t i = 0; i < c->n_statements; i++) {
        struct db_statement *s = &c->statements[i];

        if (s->hash == hash && strcmp(s->sql, sql) == 0) {
            s->last_used = ++c->uses;
            return s;
        }
    }
    MYSQL_STMT *stmt = mysql_stmt_init(c->my);
    if (!stmt)
        mem_die(sizeof(MYSQL_STMT *));
    if (mysql_stmt_prepare(stmt, sql, (unsigned long)strlen(sql))) {
        conn_fail(c, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), "prepare", err);
        mysql_stmt_close(stmt);
        return NULL;
    }
    fault_note(sql);
    struct db_statement *s = statement_place(c);
    *s = (struct db_statement){.sql = mem_strdup(sql), .hash = hash, .stmt = stmt, .last_used = ++c->uses};
    return conn_still(c, err) ? s : NULL;
}

static void bind_value(MYSQL_BIND *b, const struct db_value *v)
{
    memset(b, 0, sizeof(*b));
    switch (v->type) {
    case DB_NULL: b->buffer_type = MYSQL_TYPE_NULL; break;
    case DB_I64:
    case DB_U64:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->buffer = (void *)&v->i;
        b->is_unsigned = v->type == DB_U64;
        break;
    case DB_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = (void *)&v->d;
        break;
    case DB_TEXT:
    case DB_BLOB:
        b->buffer_type = v->type == DB_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        b->buffer = (void *)(uintptr_t)(v->s.p ? v->s.p : "");
        b->buffer_length = (unsigned long)v->s.n;
        break;
    case DB_STREAM: b->buffer_type = MYSQL_TYPE_LONG_BLOB; break;
    }
}

/* Connector/C leaves an error that comes between rows (a deadlock of a locking read) with the connection. */
static bool statement_fail(struct db_conn *c, MYSQL_STMT *stmt, const char *what, struct error *err)
{
    if (mysql_stmt_errno(stmt))
        return conn_fail(c, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), what, err);
    return conn_fail(c, mysql_errno(c->my), mysql_error(c->my), what, err);
}

static bool send_stream(struct db_conn *c, MYSQL_STMT *stmt, unsigned at, const struct db_stream *in,
                        struct error *err)
{
    char *piece = mem_alloc(STREAM_PIECE);
    bool ok = true;

    for (uint64_t offset = 0; ok && (offset < in->size || offset == 0);) {
        size_t n = in->size - offset < STREAM_PIECE ? (size_t)(in->size - offset) : STREAM_PIECE;

        ok = in->read(in->arg, offset, piece, n, err);
        if (ok && mysql_stmt_send_long_data(stmt, at, piece, (unsigned long)n))
            ok = statement_fail(c, stmt, "long data", err);
        if (n == 0)
            break;
        offset += n;
    }
    free(piece);
    return ok;
}

/* Binds the values, sends long data and executes. */
bool conn_execute(struct db_conn *c, struct db_statement *s, const struct db_value *values, size_t n,
                  struct error *err)
{
    MYSQL_BIND few[32];
    MYSQL_BIND *binds = n <= 32 ? few : mem_calloc(n, sizeof(*binds));
    bool ok = true, streamed = false;

    if (mysql_stmt_param_count(s->stmt) != n) {
        log_error("statement has %lu parameters, %zu given: %s", mysql_stmt_param_count(s->stmt), n, s->sql);
        abort();
    }
    for (size_t i = 0; i < n; i++)
        bind_value(&binds[i], &values[i]);
    if (n && mysql_stmt_bind_param(s->stmt, binds))
        ok = statement_fail(c, s->stmt, "bind", err);
    for (size_t i = 0; ok && i < n; i++)
        if (values[i].type == DB_STREAM) {
            streamed = true;
            ok = send_stream(c, s->stmt, (unsigned)i, &values[i].stream, err);
        }
    ok = ok && conn_keeps(c, err) && (!streamed || conn_still(c, err));
    if (ok && fault_point("db.execute"))
        ok = error_set(err, ERROR_INTERNAL, "database: fault point db.execute");
    if (ok && mysql_stmt_execute(s->stmt))
        ok = statement_fail(c, s->stmt, "execute", err);
    /* The server keeps what it was sent, and would put it in front of the next value. */
    if (!ok && streamed && mysql_stmt_reset(s->stmt))
        c->broken = true;
    if (binds != few)
        free(binds);
    return ok;
}

bool db_exec(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
             struct db_done *done, struct error *err)
{
    struct db_statement *s = conn_statement(c, sql, err);

    if (!s || !conn_execute(c, s, values, n, err))
        return false;
    if (done) {
        done->affected = mysql_stmt_affected_rows(s->stmt);
        done->insert_id = mysql_stmt_insert_id(s->stmt);
    }
    return true;
}

static void bind_column(struct column *col, MYSQL_BIND *b, const MYSQL_FIELD *field)
{
    memset(b, 0, sizeof(*b));
    col->name = field->name;
    b->is_null = &col->null;
    b->length = &col->length;
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        col->type = field->flags & UNSIGNED_FLAG ? DB_U64 : DB_I64;
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->is_unsigned = col->type == DB_U64;
        b->buffer = &col->i;
        break;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        col->type = DB_DOUBLE;
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = &col->d;
        break;
    default:
        col->type = DB_TEXT;
        col->text_size = COLUMN_SIZE;
        col->text = mem_alloc(COLUMN_SIZE);
        b->buffer_type = MYSQL_TYPE_STRING;
        b->buffer = col->text;
        b->buffer_length = COLUMN_SIZE;
        break;
    }
}

static bool fetch_failed(struct db_rows *rows, const char *what, struct error *err)
{
    rows->failed = rows->ended = true;
    return statement_fail(rows->conn, rows->statement->stmt, what, err);
}

static struct db_rows *rows_open(struct db_conn *c, struct db_statement *s, struct error *err)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(s->stmt);
    struct db_rows *rows;

    if (!meta) {
        statement_fail(c, s->stmt, "query returned no rows", err);
        return NULL;
    }
    rows = mem_calloc(1, sizeof(*rows));
    rows->conn = c;
    rows->statement = s;
    rows->meta = meta;
    rows->n = mysql_num_fields(meta);
    rows->columns = mem_calloc(rows->n, sizeof(*rows->columns));
    rows->binds = mem_calloc(rows->n, sizeof(*rows->binds));
    for (unsigned i = 0; i < rows->n; i++)
        bind_column(&rows->columns[i], &rows->binds[i], mysql_fetch_field_direct(meta, i));
    s->busy = true;
    if (mysql_stmt_bind_result(s->stmt, rows->binds)) {
        fetch_failed(rows, "bind result", err);
        db_close(rows);
        return NULL;
    }
    return rows;
}

struct db_rows *db_query(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
                         struct error *err)
{
    struct db_statement *s = conn_statement(c, sql, err);

    if (!s || !conn_execute(c, s, values, n, err))
        return NULL;
    return rows_open(c, s, err);
}

/* Fetches a text that did not fit its buffer; the buffer then stays as large for the rows to come. */
static bool fetch_long(struct db_rows *rows, unsigned i, struct error *err)
{
    struct column *col = &rows->columns[i];
    MYSQL_BIND *b = &rows->binds[i];

    free(col->text);
    col->text_size = col->length + 1;
    col->text = mem_alloc(col->text_size);
    b->buffer = col->text;
    b->buffer_length = (unsigned long)col->text_size;
    if (mysql_stmt_fetch_column(rows->statement->stmt, b, i, 0))
        return statement_fail(rows->conn, rows->statement->stmt, "fetch column", err);
    return true;
}

bool db_next(struct db_rows *rows, struct error *err)
{
    error_clear(err);
    /* The statement holds a copy of the binds: give it the larger buffers. Not before this row is done with:
     * the library of MariaDB 10.11.18 sets the lengths to 0 then. */
    if (rows->grown && mysql_stmt_bind_result(rows->statement->stmt, rows->binds))
        return fetch_failed(rows, "bind result", err);
    rows->grown = false;
    int rc = mysql_stmt_fetch(rows->statement->stmt);
    if (rc == MYSQL_NO_DATA) {
        rows->ended = true;
        return false;
    }
    if (rc != 0 && rc != MYSQL_DATA_TRUNCATED)
        return fetch_failed(rows, "fetch", err);
    for (unsigned i = 0; i < rows->n; i++) {
        struct column *col = &rows->columns[i];

        if (col->type != DB_TEXT || col->null || col->length <= col->text_size)
            continue;
        rows->grown = true;
        if (!fetch_long(rows, i, err)) {
            rows->failed = true;
            return false;
        }
    }
    return true;
}

/* What is left of a result: the library would read it without a look at how it ends. A Galera node, which has
 * given the transaction up, says so there, and would take what follows for statements of their own. */
static void read_end(struct db_rows *rows)
{
    int rc = 0;

    if (!rows->ended && rows->grown && mysql_stmt_bind_result(rows->statement->stmt, rows->binds))
        return;
    while (!rows->ended && (rc == 0 || rc == MYSQL_DATA_TRUNCATED))
        rc = mysql_stmt_fetch(rows->statement->stmt);
    if (!rows->ended && rc != MYSQL_NO_DATA && rows->conn->in_tx)
        statement_fail(rows->conn, rows->statement->stmt, "end of rows", &rows->conn->lost);
}

void db_close(struct db_rows *rows)
{
    if (!rows)
        return;
    mysql_free_result(rows->meta);
    read_end(rows);
    mysql_stmt_free_result(rows->statement->stmt);
    rows->statement->busy = false;
    for (unsigned i = 0; i < rows->n; i++)
        free(rows->columns[i].text);
    free(rows->columns);
    free(rows->binds);
    free(rows);
}

bool db_end(struct db_rows *rows)
{
    bool ok = !rows->failed;

    db_close(rows);
    return ok;
}

struct db_rows *db_query_one(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
                             bool *found, struct error *err)
{
    struct error local;
    struct db_rows *rows = db_query(c, sql, values, n, err);

    if (!rows)
        return NULL;
    *found = db_next(rows, err ? err : &local);
    if (!*found && (err ? err : &local)->kind != ERROR_NONE) {
        db_close(rows);
        return NULL;
    }
    return rows;
}

static struct column *column_of(struct db_rows *rows, const char *name)
{
    for (unsigned i = 0; i < rows->n; i++)
        if (strcmp(rows->columns[i].name, name) == 0)
            return &rows->columns[i];
    log_error("no column %s in: %s", name, rows->statement->sql);
    abort();
}

bool db_is_null(struct db_rows *rows, const char *column)
{
    return column_of(rows, column)->null;
}

int64_t db_i64(struct db_rows *rows, const char *column)
{
    struct column *col = column_of(rows, column);

    if (col->null)
        return 0;
    switch (col->type) {
    case DB_DOUBLE: return (int64_t)col->d;
    case DB_TEXT: { /* DECIMAL: what SUM() of integers gives */
        int64_t v = 0;

        str_to_i64((struct str){col->text, col->length}, INT64_MIN, INT64_MAX, &v);
        return v;
    }
    default: return col->i;
    }
}

uint64_t db_u64(struct db_rows *rows, const char *column)
{
    return (uint64_t)db_i64(rows, column);
}

double db_real(struct db_rows *rows, const char *column)
{
    struct column *col = column_of(rows, column);

    if (col->null)
        return 0;
    switch (col->type) {
    case DB_DOUBLE: return col->d;
    case DB_TEXT: {
        char text[64];
        size_t n = col->length < sizeof(text) - 1 ? col->length : sizeof(text) - 1;

        memcpy(text, col->text, n);
        text[n] = '\0';
        return strtod(text, NULL);
    }
    default: return (double)col->i;
    }
}

struct str db_str(struct db_rows *rows, const char *column)
{
    struct column *col = column_of(rows, column);

    if (col->null || col->type != DB_TEXT)
        return (struct str){NULL, 0};
    return (struct str){col->text, col->length};
}
