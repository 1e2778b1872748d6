#include "config.h"
#include "db/conn.h"
#include "base/fault.h"
#include "base/log.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdlib.h>
#include <time.h>

/* 1213, 1205, 1020: the server has undone the statement or the transaction and says "again". */
static bool is_again(int code)
{
    return code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT || code == ER_CHECKREAD;
}

/* 10 to 20 ms the first time, doubling up to 640 to 1,280 ms; random so that two rivals part. */
static void pause_before(uint64_t attempt)
{
    long base = 10000000L << (attempt < 6 ? attempt : 6);
    long ns = base + random() % base;
    struct timespec ts = {ns / 1000000000L, ns % 1000000000L};

    nanosleep(&ts, NULL);
}

static bool roll_back(struct db_conn *c)
{
    c->in_tx = false;
    if (!c->broken && mysql_rollback(c->my))
        c->broken = true;
    return !c->broken;
}

/* As if the connection had gone at this moment of the COMMIT. */
static bool commit_lost(struct db_conn *c, struct error *err)
{
    c->broken = true;
    error_set(err, ERROR_UNAVAILABLE, "database: the connection was lost (fault point)");
    err->code = CR_SERVER_LOST;
    return false;
}

/* One try. */
static bool attempt(struct db_conn *c, db_tx_fn fn, void *arg, struct error *err)
{
    c->in_commit = false;
    if (!conn_query(c, "START TRANSACTION", 17, err))
        return false;
    c->in_tx = true;
    error_clear(&c->lost);
    if (!fn(c, arg, err))
        return false;
    if (fault_point("db.before_commit"))
        return error_set(err, ERROR_INTERNAL, "database: fault point db.before_commit");
    c->in_commit = true;
    if (fault_point("db.lose_commit"))
        return commit_lost(c, err);
    if (!conn_query(c, "COMMIT", 6, err))
        return false;
    if (fault_point("db.lose_answer"))
        return commit_lost(c, err);
    c->in_commit = c->in_tx = false;
    fault_point("db.after_commit");
    return true;
}

/* The connection was lost in COMMIT: did it count? *DONE is what CONFIRM finds on a new connection. */
static bool resolve_commit(struct db_conn *c, db_confirm_fn confirm, void *arg, bool *done, struct error *err)
{
    struct error lost = *err;

    if (!confirm || !conn_reopen(c, err) || !confirm(c, arg, done, err)) {
        error_set(err, ERROR_UNAVAILABLE,
                  "%s, while the transaction was being committed: it is not known whether it was",
                  lost.message);
        err->code = CR_SERVER_LOST;
        err->unknown = true;
        return false;
    }
    log_warning("%s, in mid-COMMIT: the transaction had %s", lost.message, *done ? "counted" : "not counted");
    return true;
}

bool db_transaction(struct db_conn *c, db_tx_fn fn, db_confirm_fn confirm, void *arg, struct error *err)
{
    struct error local;

    err = err ? err : &local;
    for (uint64_t tries = 0;; tries++) {
        error_clear(err);
        if (attempt(c, fn, arg, err))
            return true;
        bool lost = c->broken, in_commit = c->in_commit, again = is_again(err->code);

        roll_back(c);
        if (lost && in_commit) {
            bool done = false;

            if (!resolve_commit(c, confirm, arg, &done, err))
                return false;
            if (done)
                return true;
        } else if (!lost && !again) {
            return false;
        }
        if (tries >= c->settings->max_retries)
            return false;
        log_debug("transaction again (%llu): %s", (unsigned long long)tries + 1, err->message);
        pause_before(tries);
        /* What FN reports after a new connection could not be had is the reason why there is none. */
        if (c->broken && !conn_reopen(c, err))
            log_debug("no new connection: %s", err->message);
    }
}
