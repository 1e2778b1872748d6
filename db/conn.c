#include "config.h"
#include "db/conn.h"
#include "base/log.h"
#include "base/mem.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_lost(unsigned code)
{
    switch (code) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SSL_CONNECTION_ERROR:
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_MALFORMED_PACKET:
#ifdef CR_SERVER_LOST_EXTENDED
    case CR_SERVER_LOST_EXTENDED:
#endif
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_CON_COUNT_ERROR:
    case 1047: /* Galera: WSREP has not yet prepared node for application use */
    case 1927: /* MariaDB: Connection was killed */ return true;
    default: return false;
    }
}

bool conn_fail(struct db_conn *c, unsigned code, const char *message, const char *what, struct error *err)
{
    enum error_kind kind = ERROR_INTERNAL;

    if (is_lost(code)) {
        c->broken = true;
        kind = ERROR_UNAVAILABLE;
    } else if (code == ER_DUP_ENTRY) {
        kind = ERROR_CONFLICT;
    } else if (code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT || code == ER_CHECKREAD) {
        kind = ERROR_UNAVAILABLE;
    }
    error_set(err, kind, "database: %s: %s", what, message);
    if (err)
        err->code = (int)code;
    return false;
}

static void set_ssl(MYSQL *my, const struct db_dsn *dsn)
{
    if (!dsn->ssl)
        return;
#ifdef MARIADB_VERSION_ID
    db_bool on = 1, verify = dsn->ssl_verify;

    mysql_optionsv(my, MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_optionsv(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
    unsigned mode = dsn->ssl_verify ? SSL_MODE_VERIFY_IDENTITY : SSL_MODE_REQUIRED;

    mysql_options(my, MYSQL_OPT_SSL_MODE, &mode);
#endif
    if (dsn->ssl_ca)
        mysql_options(my, MYSQL_OPT_SSL_CA, dsn->ssl_ca);
    if (dsn->ssl_cert)
        mysql_options(my, MYSQL_OPT_SSL_CERT, dsn->ssl_cert);
    if (dsn->ssl_key)
        mysql_options(my, MYSQL_OPT_SSL_KEY, dsn->ssl_key);
}

/* LOAD DATA LOCAL is a capability said at connect: with it on, only our own handler stands between the server
 * and our files, so it is installed at once and stays. */
static void set_options(struct db_conn *c)
{
    const struct db_settings *s = c->settings;
    unsigned connect = (unsigned)s->connect_timeout, reading = (unsigned)s->read_timeout,
             writing = (unsigned)s->write_timeout, local = s->load_data;

    mysql_options(c->my, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(c->my, MYSQL_OPT_READ_TIMEOUT, &reading);
    mysql_options(c->my, MYSQL_OPT_WRITE_TIMEOUT, &writing);
    mysql_options(c->my, MYSQL_OPT_LOCAL_INFILE, &local);
    mysql_options(c->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set_ssl(c->my, &s->dsn);
}

static bool limit_locks(struct db_conn *c, struct error *err)
{
    const struct db_settings *s = c->settings;
    bool mariadb = db_is_mariadb(c);
    char text[160];

    if (s->lock_wait == 0)
        return true;
    int n = snprintf(text, sizeof(text), "SET SESSION innodb_lock_wait_timeout = %llu, SESSION %s = %llu",
                     (unsigned long long)s->lock_wait, mariadb ? "idle_transaction_timeout" : "wait_timeout",
                     (unsigned long long)(mariadb ? s->idle_transaction : 2 * s->idle_transaction));
    return conn_query(c, text, (size_t)n, err);
}

/* LOCAL makes errors warnings, even that a Galera node has given up the transaction for another node's: what
 * is loaded after that stays, whatever becomes of the rest. */
static bool look_at_load(struct db_conn *c, struct error *err)
{
    static const char sql[] = "SHOW VARIABLES WHERE Variable_name IN ('local_infile', 'wsrep_on')";
    bool local = false;
    MYSQL_RES *res;
    MYSQL_ROW row;

    if (!conn_query(c, sql, sizeof(sql) - 1, err))
        return false;
    res = mysql_store_result(c->my);
    if (!res)
        return conn_fail(c, mysql_errno(c->my), mysql_error(c->my), sql, err);
    c->galera = false;
    while ((row = mysql_fetch_row(res)))
        *(strcmp(row[0], "wsrep_on") == 0 ? &c->galera : &local) = row[1] && strcmp(row[1], "ON") == 0;
    mysql_free_result(res);
    c->can_load = c->settings->load_data && local && !c->galera;
    return true;
}

static bool session_set_up(struct db_conn *c, struct error *err)
{
    static const char set[] = "SET SESSION time_zone = '+00:00', SESSION sql_mode = "
                              "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
                              "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO',"
                              " SESSION transaction_isolation = 'READ-COMMITTED'";
    static const char set_mariadb[] =
        "SET SESSION time_zone = '+00:00', SESSION sql_mode = "
        "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO',"
        " SESSION tx_isolation = 'READ-COMMITTED'";

    if (db_is_mariadb(c) ? !conn_query(c, set_mariadb, sizeof(set_mariadb) - 1, err)
                         : !conn_query(c, set, sizeof(set) - 1, err))
        return false;
    return limit_locks(c, err) && look_at_load(c, err);
}

bool conn_open(struct db_conn *c, struct error *err)
{
    const struct db_dsn *dsn = &c->settings->dsn;

    c->broken = c->in_tx = c->in_commit = false;
    c->my = mysql_init(NULL);
    if (!c->my)
        mem_die(sizeof(MYSQL));
    set_options(c);
    bulk_install(c);
    if (!mysql_real_connect(c->my, dsn->host, dsn->user, dsn->password, dsn->name, dsn->port,
                            dsn->unix_socket, CLIENT_FOUND_ROWS)) {
        conn_fail(c, mysql_errno(c->my), mysql_error(c->my), "cannot connect", err);
        if (err)
            err->kind = ERROR_UNAVAILABLE;
        conn_close(c);
        return false;
    }
    if (!session_set_up(c, err)) {
        conn_close(c);
        return false;
    }
    return true;
}

void conn_close(struct db_conn *c)
{
    for (size_t i = 0; i < c->n_statements; i++) {
        mysql_stmt_close(c->statements[i].stmt);
        free(c->statements[i].sql);
    }
    c->n_statements = 0;
    if (c->my)
        mysql_close(c->my);
    c->my = NULL;
    c->in_tx = c->in_commit = false;
    c->broken = true;
}

bool conn_reopen(struct db_conn *c, struct error *err)
{
    conn_close(c);
    return conn_open(c, err);
}

bool conn_keeps(struct db_conn *c, struct error *err)
{
    if (!c->in_tx || (c->lost.kind == ERROR_NONE && (c->my->server_status & SERVER_STATUS_IN_TRANS)))
        return true;
    if (c->lost.kind == ERROR_NONE)
        conn_fail(c, ER_LOCK_DEADLOCK, "the server has given the transaction up", "statement", &c->lost);
    if (err)
        *err = c->lost;
    return false;
}

bool conn_still(struct db_conn *c, struct error *err)
{
    return !c->in_tx || !c->galera || (conn_query(c, "DO 0", 4, err) && conn_keeps(c, err));
}

bool conn_query(struct db_conn *c, const char *sql, size_t n, struct error *err)
{
    if (!c->my)
        return error_set(err, ERROR_UNAVAILABLE, "database: not connected");
    if (!conn_keeps(c, err))
        return false;
    if (mysql_real_query(c->my, sql, (unsigned long)n))
        return conn_fail(c, mysql_errno(c->my), mysql_error(c->my), sql[0] == 'L' ? "LOAD DATA" : "statement",
                         err);
    return true;
}

bool db_direct(struct db_conn *c, struct str sql, struct error *err)
{
    if (!conn_query(c, sql.p, sql.n, err))
        return false;
    MYSQL_RES *res = mysql_store_result(c->my);
    if (res)
        mysql_free_result(res);
    else if (mysql_errno(c->my))
        return conn_fail(c, mysql_errno(c->my), mysql_error(c->my), "statement", err);
    return true;
}

const char *db_quote_name(struct arena *arena, struct str name)
{
    char *out = arena_alloc(arena, name.n * 2 + 3);
    size_t n = 0;

    out[n++] = '`';
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '`')
            out[n++] = '`';
        out[n++] = name.p[i];
    }
    out[n++] = '`';
    out[n] = '\0';
    return out;
}

const char *db_server_version(struct db_conn *c)
{
    return mysql_get_server_info(c->my);
}

bool db_is_mariadb(struct db_conn *c)
{
    return strstr(db_server_version(c), "MariaDB") != NULL;
}
