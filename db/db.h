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

/* A pool of up to SIZE connections, made when first needed. Copies what it needs of CONF. Free with
 * db_free(), when all are released. */
struct db *db_new(const struct conf *conf, unsigned size);
void db_free(struct db *db);

/* Takes a live connection; waits up to [database] pool_timeout for one. NULL: ERROR_UNAVAILABLE. */
struct db_conn *db_acquire(struct db *db, struct error *err);
/* Gives it back; an open transaction is rolled back first, a broken connection closed. NULL is allowed. */
void db_release(struct db_conn *c);

/* The connection that hangs on ARENA: acquired now, released when the arena is reset. */
struct db_conn *db_acquire_for(struct db *db, struct arena *arena, struct error *err);

/* --- statements --------------------------------------------------------------------------------- */

enum db_type { DB_NULL, DB_I64, DB_U64, DB_DOUBLE, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_type type;
    union {
        int64_t i;
        uint64_t u;
        double d;
        struct str s;
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

/* Loads rows by LOAD DATA LOCAL INFILE through our own handler: the server reads what NEXT gives and can name
 * no file. NEXT appends rows (tab-separated, escaped by db_bulk_field()) to B and says false at the end or on
 * error (ERR). Where the server does not let us, db_bulk_supported() is false: use multi-row INSERT. */
struct buf;
typedef bool (*db_bulk_fn)(void *arg, struct buf *b, struct error *err);
bool db_bulk_supported(struct db_conn *c);
bool db_bulk_load(struct db_conn *c, const char *table_and_columns, db_bulk_fn next, void *arg,
                  uint64_t *rows, struct error *err);
void db_bulk_field(struct buf *b, struct str value, bool last);
void db_bulk_null(struct buf *b, bool last);

/* --- what others ask ---------------------------------------------------------------------------- */

/* SELECT 1 within a second, on a connection of the pool. */
bool db_ping(struct db *db, struct error *err);
/* "10.11.6-MariaDB"; valid while the connection is held. */
const char *db_server_version(struct db_conn *c);
bool db_is_mariadb(struct db_conn *c);

#endif
