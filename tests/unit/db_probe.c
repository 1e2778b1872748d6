/* db_probe NAME SOCKET - one scenario of db/ against a real server; run by
 * tests/functional/test_645_database.py, which made table t (id INT PRIMARY KEY, v INT) with rows 1 and 2,
 * and table b (id INT PRIMARY KEY, x LONGBLOB, y VARCHAR(9)). Prints what came of it in one line. */
#include "config.h"
#include "base/arena.h"
#include "base/conf_options.h"
#include "db/db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct db *pool;
static pthread_barrier_t both;

struct job {
    int first, second; /* rows to lock, in this order */
    int tries;
    bool ok;
    struct error err;
};

static bool lock_two(struct db_conn *c, void *arg, struct error *err)
{
    struct job *j = arg;

    if (!DB_EXEC(c, NULL, err, "UPDATE t SET v = v + 1 WHERE id = ?", DB_INT(j->first)))
        return false;
    if (j->tries++ == 0)
        pthread_barrier_wait(&both);
    return DB_EXEC(c, NULL, err, "UPDATE t SET v = v + 1 WHERE id = ?", DB_INT(j->second));
}

static void *run_job(void *arg)
{
    struct job *j = arg;
    struct db_conn *c = db_acquire(pool, &j->err);

    j->ok = c && db_transaction(c, lock_two, NULL, j, &j->err);
    db_release(c);
    db_thread_end();
    return NULL;
}

/* Two transactions that lock two rows in opposite orders: one is the victim, runs again, and both count. */
static void deadlock(void)
{
    struct job jobs[2] = {{.first = 1, .second = 2}, {.first = 2, .second = 1}};
    pthread_t threads[2];

    pthread_barrier_init(&both, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_job, &jobs[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d %d tries %d\n", jobs[0].ok, jobs[1].ok, jobs[0].tries + jobs[1].tries);
}

struct loss {
    int tries;
    bool at_first;
    int64_t id; /* of the connection, to be killed */
};

static bool connection_id(struct db_conn *c, int64_t *id, struct error *err)
{
    bool found;
    struct db_rows *rows = db_query_one(c, "SELECT CONNECTION_ID() AS id", NULL, 0, &found, err);

    if (rows)
        *id = db_i64(rows, "id");
    db_close(rows);
    return rows != NULL;
}

static bool kill_connection(int64_t id, struct error *err)
{
    char sql[64];
    struct db_conn *other = db_acquire(pool, err);
    int n = snprintf(sql, sizeof(sql), "KILL %lld", (long long)id);
    bool ok = other && db_direct(other, (struct str){sql, (size_t)n}, err);

    db_release(other);
    return ok;
}

static bool lose_once(struct db_conn *c, void *arg, struct error *err)
{
    struct loss *l = arg;

    if (!DB_EXEC(c, NULL, err, "UPDATE t SET v = v + 10 WHERE id = 1"))
        return false;
    if (l->tries++ == 0 && (!connection_id(c, &l->id, err) || !kill_connection(l->id, err)))
        return false;
    return DB_EXEC(c, NULL, err, "UPDATE t SET v = v + 10 WHERE id = 2");
}

/* The connection is lost inside a transaction: it is run again from nothing on a new one. */
static void lost(void)
{
    struct error err = {.kind = ERROR_NONE};
    struct loss l = {.tries = 0};
    struct db_conn *c = db_acquire(pool, &err);
    bool ok = c && db_transaction(c, lose_once, NULL, &l, &err);

    db_release(c);
    printf("%d tries %d %s\n", ok, l.tries, err.message);
}

static bool bad_statement(struct db_conn *c, void *arg, struct error *err)
{
    ++*(int *)arg;
    return DB_EXEC(c, NULL, err, "INSERT INTO t (id, v) VALUES (1, 1)");
}

/* What no repetition mends is not repeated: a duplicate key. */
static void duplicate(void)
{
    struct error err = {.kind = ERROR_NONE};
    int tries = 0;
    struct db_conn *c = db_acquire(pool, &err);
    bool ok = c && db_transaction(c, bad_statement, NULL, &tries, &err);

    printf("%d tries %d kind %d code %d\n", ok, tries, err.kind == ERROR_CONFLICT, err.code);
    db_release(c);
}

static bool next_row(void *arg, struct db_value *row, bool *end, struct error *err)
{
    static const char bytes[] = "a\tb\nc\\d\0e\\N'\"\r\x80\xff";
    int *n = arg;

    (void)err;
    if (*n == 300) {
        *end = true;
        return true;
    }
    row[0] = DB_INT(++*n);
    row[1] = *n % 3 ? DB_BYTES(((struct str){bytes, sizeof(bytes) - 1})) : DB_NULL_VALUE;
    row[2] = *n % 2 ? DB_CSTR("\\N") : DB_CSTR("");
    return true;
}

static bool insert_rows(struct db_conn *c, void *arg, struct error *err)
{
    static const struct db_bulk into = {"b", "id, x, y", 3, true};
    uint64_t rows;
    int n = 0;

    return db_bulk_insert(c, &into, next_row, &n, &rows, err) && (*(uint64_t *)arg = rows, true);
}

/* Every byte that has a meaning in a bulk load comes out as it went in. */
static void bulk(void)
{
    struct error err = {.kind = ERROR_NONE};
    uint64_t rows = 0;
    struct db_conn *c = db_acquire(pool, &err);
    bool ok = c && db_transaction(c, insert_rows, NULL, &rows, &err);

    printf("%d rows %llu %s\n", ok, (unsigned long long)rows, err.message);
    error_clear(&err);
    ok = c && db_transaction(c, insert_rows, NULL, &rows, &err);
    printf("%d kind %d code %d\n", ok, err.kind == ERROR_CONFLICT, err.code);
    db_release(c);
}

static bool next_long(void *arg, struct db_value *row, bool *end, struct error *err)
{
    int *n = arg;

    (void)err;
    *end = *n == 1;
    row[0] = DB_INT(1000 + ++*n);
    row[1] = DB_NULL_VALUE;
    row[2] = DB_CSTR("ten characters");
    return true;
}

static bool insert_long(struct db_conn *c, void *arg, struct error *err)
{
    static const struct db_bulk into = {"b", "id, x, y", 3, false};
    int n = 0;

    (void)arg;
    return db_bulk_insert(c, &into, next_long, &n, NULL, err);
}

/* A value that does not fit is refused, never cut, LOCAL or not. */
static void too_long(void)
{
    struct error err = {.kind = ERROR_NONE};
    struct db_conn *c = db_acquire(pool, &err);
    bool ok = c && db_transaction(c, insert_long, NULL, NULL, &err);

    printf("%d code %d\n", ok, err.code);
    db_release(c);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } scenarios[] = {
        {"deadlock", deadlock}, {"lost", lost}, {"duplicate", duplicate}, {"bulk", bulk}, {"long", too_long}};
    struct conf *conf = conf_default();
    struct arena *arena = arena_new(0);
    struct error err;

    if (argc != 4)
        return 2;
    conf->database.connection = arena_printf(arena, "mysql://root@localhost/probe?unix_socket=%s", argv[2]);
    conf->database.load_data = strcmp(argv[3], "load") == 0;
    pool = db_new(conf, 4, &err);
    for (size_t i = 0; pool && i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            scenarios[i].fn();
    db_free(pool);
    conf_unref(conf);
    arena_free(arena);
    db_thread_end();
    return 0;
}
