/* db.h - MySQL or MariaDB: a pool of connections, prepared statements cached a connection, transactions with
 * retry.
 *
 * Every statement is prepared; values never stand in SQL text. A connection belongs to one thread between
 * db_acquire() and db_release(). Sessions run in UTC, READ COMMITTED, utf8mb4, with a strict SQL mode and
 * time-outs. Error kinds: ERROR_UNAVAILABLE where the server cannot be reached or went away, ERROR_CONFLICT
 * for a duplicate key (code 1062), ERROR_INTERNAL for the rest; err.code is MySQL's number.
 */
#ifndef TALLY_DB_DB_H
#define TALLY_DB_DB_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/str.h"

struct db;
struct db_conn;
struct db_rows;

/* --- pool --------------------------------------------------------------------------------------- */

/* A pool of up to SIZE connections, made when first needed. Copies what it needs of CONF; NULL where
 * [database] connection cannot be read. Free with db_free(), when all are released. */
struct db *db_new(const struct conf *conf, unsigned size, struct error *err);
void db_free(struct db *db);

/* For pools whose process may be stopped in the middle of a transaction while others need its rows: a
 * statement waits LOCK_WAIT_S seconds at most for a row, and the server ends a transaction in which nothing
 * was said for IDLE_S seconds (MySQL, which cannot tell: an idle connection after twice that). Before the
 * first db_acquire(). */
void db_limit_locks(struct db *db, uint64_t lock_wait_s, uint64_t idle_s);

/* Takes a live connection; waits up to [database] pool_timeout for one. NULL: ERROR_UNAVAILABLE. */
struct db_conn *db_acquire(struct db *db, struct error *err);
/* Gives it back; an open transaction is rolled back first, a broken connection closed. NULL is allowed. */
void db_release(struct db_conn *c);

/* The connection that hangs on ARENA: acquired now, released when the arena is reset. */
struct db_conn *db_acquire_for(struct db *db, struct arena *arena, struct error *err);

/* --- statements --------------------------------------------------------------------------------- */

enum db_type { DB_NULL, DB_I64, DB_U64, DB_DOUBLE, DB_TEXT, DB_BLOB, DB_STREAM };

/* A value too long to stand in memory: READ gives up to N bytes of it from OFFSET on; false with ERR on
 * failure. */
struct db_stream {
    bool (*read)(void *arg, uint64_t offset, void *p, size_t n, struct error *err);
    void *arg;
    uint64_t size;
};

struct db_value {
    enum db_type type;
    union {
        int64_t i;
        uint64_t u;
        double d;
        struct str s;
        struct db_stream stream;
    };
};

#define DB_NULL_VALUE ((struct db_value){.type = DB_NULL})
#define DB_INT(v) ((struct db_value){.type = DB_I64, .i = (v)})
#define DB_UINT(v) ((struct db_value){.type = DB_U64, .u = (v)})
#define DB_REAL(v) ((struct db_value){.type = DB_DOUBLE, .d = (v)})
#define DB_STR(v) ((struct db_value){.type = DB_TEXT, .s = (v)})
#define DB_CSTR(v) ((struct db_value){.type = DB_TEXT, .s = str_of(v)})
#define DB_BYTES(v) ((struct db_value){.type = DB_BLOB, .s = (v)})
/* NULL where the view's p is NULL. */
#define DB_STR_OR_NULL(v) ((struct db_value){.type = (v).p ? DB_TEXT : DB_NULL, .s = (v)})

struct db_done {
    uint64_t affected; /* rows matched by an UPDATE (CLIENT_FOUND_ROWS), inserted or deleted */
    uint64_t insert_id;
};

/* Runs a statement that returns no rows. DONE may be NULL. */
bool db_exec(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
             struct db_done *done, struct error *err);
#define DB_EXEC(c, done, err, sql, ...)                     \
    db_exec(c, sql, (const struct db_value[]){__VA_ARGS__}, \
            sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), done, err)

/* Runs a query; rows are fetched as db_next() asks for them, so a result of any size takes little memory. The
 * rows must be closed before the connection's next statement. NULL on error. */
struct db_rows *db_query(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
                         struct error *err);
#define DB_QUERY(c, err, sql, ...)                           \
    db_query(c, sql, (const struct db_value[]){__VA_ARGS__}, \
             sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value), err)

/* The next row. False at the end and on error: then ERR's kind is not ERROR_NONE (it is cleared first). */
bool db_next(struct db_rows *rows, struct error *err);
void db_close(struct db_rows *rows);
/* Closes ROWS after a loop over db_next(): false where it ended by an error, which db_next() has put into
 * ERR. */
bool db_end(struct db_rows *rows);

/* Columns of the current row by the name that the SELECT gives them; a name that is not there is a
 * programming error and aborts. Texts live until the next db_next(). NULL reads as 0 or as a view whose p is
 * NULL. */
bool db_is_null(struct db_rows *rows, const char *column);
int64_t db_i64(struct db_rows *rows, const char *column);
uint64_t db_u64(struct db_rows *rows, const char *column);
double db_real(struct db_rows *rows, const char *column);
struct str db_str(struct db_rows *rows, const char *column);

/* One row at most: copies nothing, the caller reads and closes. *FOUND says whether there is one; false on
 * error. */
struct db_rows *db_query_one(struct db_conn *c, const char *sql, const struct db_value *values, size_t n,
                             bool *found, struct error *err);

/* Text that is not prepared: DDL and SET of migrations and tools, whose text is ours. Names that come from
 * the configuration are quoted by db_quote_name() first. */
bool db_direct(struct db_conn *c, struct str sql, struct error *err);
/* `name` with backquotes doubled, in ARENA. */
const char *db_quote_name(struct arena *arena, struct str name);

/* --- transactions ------------------------------------------------------------------------------- */

/* Runs FN between START TRANSACTION and COMMIT. Deadlock, lock time-out and "record has changed" (1213, 1205,
 * 1020) roll back and run FN again, up to [database] max_retries times with a growing random pause, so FN
 * must start from nothing each time. A lost connection is retried too, unless it was lost in COMMIT: then
 * nobody knows what happened, and the error says so (ERROR_UNAVAILABLE, code 2013) unless CONFIRM (may be
 * NULL) finds out: it runs on a new connection and sets *DONE. FN returns false with ERR to roll back for
 * good. */
typedef bool (*db_tx_fn)(struct db_conn *c, void *arg, struct error *err);
typedef bool (*db_confirm_fn)(struct db_conn *c, void *arg, bool *done, struct error *err);
bool db_transaction(struct db_conn *c, db_tx_fn fn, db_confirm_fn confirm, void *arg, struct error *err);

/* --- bulk --------------------------------------------------------------------------------------- */

/* Where rows go. BINARY for tables with columns of bytes; such a load is not checked for well-formed text. */
struct db_bulk {
    const char *table;
    const char *columns; /* "id, name" */
    size_t n_columns;
    bool binary;
};

enum { DB_BULK_COLUMNS_MAX = 16 };

/* The next row's values, which live until the next call, or *END; false with ERR to give up. */
typedef bool (*db_bulk_fn)(void *arg, struct db_value *row, bool *end, struct error *err);

/* Inserts rows in the order in which NEXT gives them: by LOAD DATA LOCAL through our own handler (the server
 * reads what NEXT gives and can name no file) where the server and [database] load_data let us, else by
 * INSERT of many rows. A duplicate key is ERROR_CONFLICT with code 1062 either way; a value that does not fit
 * fails the load, never is cut. Must run in a transaction: what a failed load had inserted goes with its
 * rollback. ROWS may be NULL. */
bool db_bulk_insert(struct db_conn *c, const struct db_bulk *into, db_bulk_fn next, void *arg, uint64_t *rows,
                    struct error *err);

/* To be called by each thread that used the pool before it ends. */
void db_thread_end(void);

/* --- what others ask ---------------------------------------------------------------------------- */

/* For GET /metrics: the pool's connections, how many of them nobody holds, and how many there may be. */
void db_usage(struct db *db, unsigned *open, unsigned *idle, unsigned *most);

/* SELECT 1 within a second, on a connection of the pool. */
bool db_ping(struct db *db, struct error *err);
/* "10.11.6-MariaDB"; valid while the connection is held. */
const char *db_server_version(struct db_conn *c);
bool db_is_mariadb(struct db_conn *c);

#endif
