/* workers.h - which workers there are, and what each has in its hands. */
#ifndef TALLY_DB_WORKERS_H
#define TALLY_DB_WORKERS_H

#include "db/db.h"

struct worker_row {
    struct str name;
    struct str host;
    int64_t pid;
    int64_t slots;
    bool draining;
    int64_t started_us; /* not read by worker_beat() */
    int64_t beat_us;
    int64_t age_us; /* since its last sign of life, by the database's clock */
};

/* Writes the row of a worker that lives. */
bool worker_beat(struct db_conn *c, const struct worker_row *row, struct error *err);

/* A worker that ends takes its row with it. */
bool worker_gone(struct db_conn *c, struct str name, struct error *err);

/* Every worker with the tasks that it holds: EACH is called with TASK NULL for a worker that holds none. */
struct worker_task {
    struct str task_id;
    struct str type;
    struct str project;
    int64_t epoch;
    int64_t attempts;
    int64_t lease_us; /* until its end; negative: it ran out */
    int64_t bytes_done;
    int64_t bytes_total; /* -1: not known */
};
typedef bool (*worker_each_fn)(void *arg, const struct worker_row *row, const struct worker_task *task,
                               struct error *err);
bool worker_list(struct db_conn *c, worker_each_fn each, void *arg, struct error *err);

/* Seconds since any worker was last heard of, in *SECONDS; -1: none is known. */
bool workers_last_seen(struct db_conn *c, int64_t *seconds, struct error *err);

#endif
