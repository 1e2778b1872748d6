/* app.h - what the whole process has: configuration, database pool, identity driver, stores; and their
 * reload. */
#ifndef TALLY_FCGI_APP_H
#define TALLY_FCGI_APP_H

#include "base/conf.h"
#include "base/error.h"
#include "db/db.h"
#include "identity/identity.h"

#include <pthread.h>

struct image_context;

/* An identity driver with references: a request may still use the one that a reload has replaced. */
struct shared_identity {
    struct identity_driver *driver;
    unsigned refs;
};

/* What handlers of images and tasks need, likewise. */
struct shared_images {
    struct image_context *context;
    unsigned refs;
};

/* What a request holds on to while it runs. */
struct context {
    struct conf *conf;
    struct shared_identity *identity;
    struct shared_images *images;
};

struct app {
    const char *conf_path; /* NULL: defaults */
    struct db *db;
    pthread_mutex_t lock;
    struct context now;
    bool schema_checked; /* false while the database could not be asked; this and the next are the main
                            thread's */
    int64_t next_check_us;
};

/* Reads the configuration, opens the log, makes pool and driver, checks the database's revisions. False with
 * every mistake in the log, or where the database is not one that we can work on; one that does not answer is
 * no reason not to start. */
bool app_init(struct app *app, const char *conf_path, struct error *err);
void app_free(struct app *app);

/* What there is at this moment, with a reference on each part; give it back with
 * app_release(). */
struct context app_acquire(struct app *app);
void app_release(struct app *app, struct context context);

/* SIGHUP: reads the file anew, and settles the names of the version tables. A mistake: all are logged and
 * everything stays. The log is opened anew in any case. */
void app_reload(struct app *app);

/* Tries again to check the revisions, if that is still to be done. */
void app_tick(struct app *app);

#endif
