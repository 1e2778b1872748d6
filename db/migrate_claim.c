#include "config.h"
#include "db/migrate_claim.h"
#include "db/migrate_guard.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LEASE "UTC_TIMESTAMP(6) + INTERVAL 60 SECOND"
#define SERVER "CONCAT_WS(':', @@hostname, @@port, @@datadir)"

static bool make_row(struct db_conn *c, struct error *err)
{
    static const char table[] =
        "CREATE TABLE IF NOT EXISTS tally_migration ("
        "id TINYINT NOT NULL, owner VARCHAR(255) NOT NULL DEFAULT '', "
        "account VARCHAR(255) NOT NULL DEFAULT '', server VARCHAR(512) NOT NULL DEFAULT '', "
        "started BIGINT NOT NULL DEFAULT 0, connection_id BIGINT NOT NULL DEFAULT 0, "
        "epoch BIGINT NOT NULL DEFAULT 0, lease_until DATETIME(6) NOT NULL, "
        "family VARCHAR(32) NOT NULL DEFAULT '', revision VARCHAR(64) NOT NULL DEFAULT '', "
        "done INT NOT NULL DEFAULT 0, PRIMARY KEY (id)"
        ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    bool found;

    if (!migrate_has_table(c, STR("tally_migration"), &found, err))
        return false;
    if (!found && !db_direct(c, str_of(table), err))
        return false;
    return db_exec(c, "INSERT IGNORE INTO tally_migration (id, lease_until) VALUES (1, UTC_TIMESTAMP(6))",
                   NULL, 0, NULL, err);
}

/* When the server was started, by its own clock, to a second or two: connections have had new numbers since.
 */
static bool server_started(struct db_conn *c, int64_t *seconds, struct error *err)
{
    const char *sql = db_is_mariadb(c)
                          ? "SELECT UNIX_TIMESTAMP() - variable_value AS started "
                            "FROM information_schema.global_status WHERE variable_name = 'UPTIME'"
                          : "SELECT UNIX_TIMESTAMP() - variable_value AS started "
                            "FROM performance_schema.global_status WHERE variable_name = 'Uptime'";
    bool found;
    struct db_rows *rows = db_query_one(c, sql, NULL, 0, &found, err);

    if (!rows)
        return false;
    *seconds = found ? (int64_t)db_real(rows, "started") : 0;
    db_close(rows);
    return true;
}

struct holder {
    uint64_t epoch;
    uint64_t connection;
    bool leased; /* by the clock */
    bool here;   /* same server and account: we would see its connection */
    bool alive;  /* we do see it */
    bool before; /* the server has been started anew since */
    bool idle;   /* and it waits for its client */
    char owner[256];
};

static bool look(struct db_conn *c, int64_t started, struct holder *h, struct error *err)
{
    const struct db_value values[] = {DB_INT(started)};
    bool found;
    struct db_rows *rows = db_query_one(
        c,
        "SELECT m.epoch AS epoch, m.connection_id AS connection, m.owner AS owner, "
        "m.lease_until > UTC_TIMESTAMP(6) AS leased, "
        "m.server = " SERVER
        " AND m.account = CURRENT_USER() AS here, ABS(m.started - ?) > 2 AS before_start, "
        "p.id IS NOT NULL AND p.id <> CONNECTION_ID() AS alive, COALESCE(p.command = 'Sleep', 0) AS idle "
        "FROM tally_migration m LEFT JOIN information_schema.processlist p ON p.id = m.connection_id "
        "WHERE m.id = 1",
        values, 1, &found, err);

    if (!rows)
        return false;
    if (found) {
        h->epoch = db_u64(rows, "epoch");
        h->connection = db_u64(rows, "connection");
        h->leased = db_i64(rows, "leased");
        h->here = db_i64(rows, "here");
        h->before = h->here && db_i64(rows, "before_start");
        h->alive = db_i64(rows, "alive") && !h->before;
        h->idle = db_i64(rows, "idle");
        snprintf(h->owner, sizeof(h->owner), "%.*s", STR_ARG(db_str(rows, "owner")));
    }
    db_close(rows);
    return found || error_set(err, ERROR_INTERNAL, "database: tally_migration has lost its row");
}

/* A statement may take longer than the lease; a client that neither works nor writes for that long is
 * stopped. */
static bool is_held(const struct holder *h)
{
    if (h->connection == 0 || h->before)
        return false;
    if (!h->here)
        return h->leased;
    return h->alive && (h->leased || !h->idle);
}

static bool take_over(struct db_conn *c, int64_t started, const struct holder *h, bool *taken,
                      struct error *err)
{
    char host[200], owner[256], sql[64];
    struct db_done done;

    if (gethostname(host, sizeof(host)) != 0)
        host[0] = '\0';
    host[sizeof(host) - 1] = '\0';
    snprintf(owner, sizeof(owner), "%s, process %ld", host, (long)getpid());
    if (!DB_EXEC(c, &done, err,
                 "UPDATE tally_migration SET owner = ?, account = CURRENT_USER(), server = " SERVER ", "
                 "started = ?, connection_id = CONNECTION_ID(), epoch = epoch + 1, lease_until = " LEASE " "
                 "WHERE id = 1 AND epoch = ?",
                 DB_CSTR(owner), DB_INT(started), DB_UINT(h->epoch)))
        return false;
    *taken = done.affected == 1;
    if (*taken && h->here && h->alive) {
        snprintf(sql, sizeof(sql), "KILL %llu", (unsigned long long)h->connection);
        if (!db_direct(c, str_of(sql), NULL))
            log_debug("the earlier migration's connection has ended");
    }
    return true;
}

bool migrate_claim_take(struct db_conn *c, uint64_t seconds, uint64_t *epoch, struct error *err)
{
    int64_t until = clock_mono_us() + (int64_t)seconds * 1000000;
    struct holder h = {0};
    bool taken = false, said = false;
    int64_t started;

    if (!make_row(c, err) || !server_started(c, &started, err))
        return false;
    for (;;) {
        if (!look(c, started, &h, err))
            return false;
        if (!is_held(&h)) {
            if (!take_over(c, started, &h, &taken, err))
                return false;
            if (taken)
                break;
        }
        if (!said)
            log_info("waiting for a migration that is going on (%s)", h.owner);
        said = true;
        if (clock_mono_us() >= until)
            return error_set(err, ERROR_UNAVAILABLE,
                             "another migration has been going on for %llu seconds (%s)",
                             (unsigned long long)seconds, h.owner);
        usleep(50000);
    }
    *epoch = h.epoch + 1;
    return true;
}

static bool ours(const struct db_done *done, struct error *err)
{
    return done->affected == 1 ||
           error_set(err, ERROR_CONFLICT, "another process has taken the migration over");
}

bool migrate_claim_renew(struct db_conn *c, uint64_t epoch, struct error *err)
{
    struct db_done done;

    return DB_EXEC(c, &done, err,
                   "UPDATE tally_migration SET connection_id = CONNECTION_ID(), lease_until = " LEASE " "
                   "WHERE id = 1 AND epoch = ?",
                   DB_UINT(epoch)) &&
           ours(&done, err);
}

void migrate_claim_release(struct db_conn *c, uint64_t epoch)
{
    struct error err;

    if (!DB_EXEC(c, NULL, &err,
                 "UPDATE tally_migration SET connection_id = 0, owner = '', lease_until = UTC_TIMESTAMP(6) "
                 "WHERE id = 1 AND epoch = ?",
                 DB_UINT(epoch)))
        log_warning("the claim on migrations is left to run out: %s", err.message);
}

bool migrate_progress_get(struct db_conn *c, const char *family, const char *revision, uint64_t *done,
                          bool *started, struct error *err)
{
    const struct db_value values[] = {DB_CSTR(family), DB_CSTR(revision)};

    *done = 0;
    if (!migrate_has_table(c, STR("tally_migration"), started, err))
        return false;
    if (!*started)
        return true;
    struct db_rows *rows =
        db_query_one(c, "SELECT done FROM tally_migration WHERE id = 1 AND family = ? AND revision = ?",
                     values, 2, started, err);
    if (!rows)
        return false;
    if (*started)
        *done = db_u64(rows, "done");
    db_close(rows);
    return true;
}

bool migrate_progress_set(struct db_conn *c, uint64_t epoch, const char *family, const char *revision,
                          uint64_t done, struct error *err)
{
    struct db_done written;

    return DB_EXEC(c, &written, err,
                   "UPDATE tally_migration SET family = ?, revision = ?, done = ? WHERE id = 1 AND epoch = ?",
                   DB_CSTR(family), DB_CSTR(revision), DB_UINT(done), DB_UINT(epoch)) &&
           ours(&written, err);
}
