/* conn.h - one connection and its prepared statements. For the files of db/ only; others use db.h.
 *
 * The one place that includes MySQL's headers together with conn.c, statement.c, bulk.c.
 */
#ifndef TALLY_DB_CONN_H
#define TALLY_DB_CONN_H

#include "db/db.h"
#include "db/dsn.h"

#include <mysql.h>

enum { STATEMENTS_MAX = 128 };

/* my_bool in Connector/C, bool in MySQL 8's library. */
typedef __typeof__(*((MYSQL_BIND *)0)->is_null) db_bool;

struct db_statement {
    char *sql;
    uint64_t hash;
    MYSQL_STMT *stmt;
    uint64_t last_used;
    bool busy; /* a result is open */
};

struct db_settings {
    struct db_dsn dsn;
    uint64_t connect_timeout;
    uint64_t read_timeout;
    uint64_t write_timeout;
    uint64_t max_retries;
    bool load_data;
    uint64_t lock_wait; /* seconds; these two 0: the server's own */
    uint64_t idle_transaction;
};

struct db_bulk_source; /* bulk.c */

struct db_conn {
    struct db *db;
    const struct db_settings *settings;
    MYSQL *my;
    struct db_statement statements[STATEMENTS_MAX];
    size_t n_statements;
    uint64_t uses;
    bool broken;    /* the server went away, or the protocol is in doubt: close it */
    bool in_tx;     /* between START TRANSACTION and its end */
    bool in_commit; /* COMMIT has been sent and not answered */
    bool galera;    /* the server is a node of a cluster */
    bool can_load;  /* it takes LOAD DATA LOCAL, and is no such node */
    /* Why the transaction is gone, where a result that was not read to its end has said so: its next
     * statement fails by it. */
    struct error lost;
    struct db_bulk_source *source;
    int64_t idle_since;   /* clock_mono_us() of its release */
    struct db_conn *next; /* in the pool's free list */
};

/* Connects and sets the session up. False: nothing is left open. */
bool conn_open(struct db_conn *c, struct error *err);
void conn_close(struct db_conn *c);

/* Drops the old connection with all of its statements and makes a new one. */
bool conn_reopen(struct db_conn *c, struct error *err);

/* Fills ERR from MySQL's error and marks the connection broken where it is. Always false. */
bool conn_fail(struct db_conn *c, unsigned code, const char *message, const char *what, struct error *err);

/* The prepared statement of SQL, from the cache or new. */
struct db_statement *conn_statement(struct db_conn *c, const char *sql, struct error *err);

/* False, with the reason, where the transaction is known to be gone. */
bool conn_keeps(struct db_conn *c, struct error *err);

/* After a command whose reply cannot say that a Galera node has given the transaction up (PREPARE, CLOSE,
 * long data; MariaDB 10.11 forgets it then, and the next statement would be one of its own): asks. */
bool conn_still(struct db_conn *c, struct error *err);

/* Text that needs no preparing (START TRANSACTION, ...). */
bool conn_query(struct db_conn *c, const char *sql, size_t n, struct error *err);

/* Binds, sends long data and executes. The values must live until it returns. */
bool conn_execute(struct db_conn *c, struct db_statement *s, const struct db_value *values, size_t n,
                  struct error *err);

/* Installs our own LOAD DATA LOCAL handler: without an open source it refuses whatever the server asks for.
 */
void bulk_install(struct db_conn *c);

#endif
