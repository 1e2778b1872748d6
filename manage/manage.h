/* manage.h - tally-manage: what its commands share. */
#ifndef TALLY_MANAGE_MANAGE_H
#define TALLY_MANAGE_MANAGE_H

#include "base/conf_options.h"
#include "base/error.h"
#include "db/db.h"

/* What the command line's start says. */
struct manage {
    const char *config;
    struct conf *conf; /* NULL until manage_conf() */
    struct db *db;     /* NULL until manage_connect() */
};

/* A command's arguments: what follows its name. Exit code in return; a message goes to stderr. */
typedef int (*manage_fn)(struct manage *m, int argc, char **argv);

int manage_db_sync(struct manage *m, int argc, char **argv);
int manage_db_version(struct manage *m, int argc, char **argv);
int manage_db_check(struct manage *m, int argc, char **argv);
int manage_db_expire(struct manage *m, int argc, char **argv);
int manage_db_signatures(struct manage *m, int argc, char **argv);
int manage_owner_set(struct manage *m, int argc, char **argv);
int manage_run_export(struct manage *m, int argc, char **argv);
int manage_run_import(struct manage *m, int argc, char **argv);
int manage_task_list(struct manage *m, int argc, char **argv);
int manage_task_show(struct manage *m, int argc, char **argv);
int manage_task_fail(struct manage *m, int argc, char **argv);
int manage_task_requeue(struct manage *m, int argc, char **argv);
int manage_task_cancel(struct manage *m, int argc, char **argv);
int manage_task_purge(struct manage *m, int argc, char **argv);
int manage_worker_list(struct manage *m, int argc, char **argv);
int manage_store_check(struct manage *m, int argc, char **argv);
int manage_config_sample(struct manage *m, int argc, char **argv);

/* Reads the configuration; every mistake is printed. */
bool manage_conf(struct manage *m, struct error *err);
/* The configuration, and a connection that waits for its statements as long as they take; NULL on error. */
struct db_conn *manage_connect(struct manage *m, struct error *err);

/* The same, where the schema is at head. */
struct db_conn *manage_connect_at_head(struct manage *m, struct error *err);

/* Prints ERR and gives its exit code. */
int manage_fail(const struct error *err);
/* "tally-manage: FMT", and the exit code of a wrong command line. */
int manage_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints a line to stdout; a version_say_fn. */
void manage_say(void *arg, const char *what);

#endif
