#include "config.h"
#include "fcgi/app.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "db/version_tables.h"
#include "handlers/image_context.h"
#include "handlers/metrics.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_US = 5000000 };

static struct shared_identity *new_identity(const struct conf *conf, struct error *err)
{
    struct identity_driver *driver = identity_new(conf, err);
    struct shared_identity *shared;

    if (!driver)
        return NULL;
    shared = mem_calloc(1, sizeof(*shared));
    shared->driver = driver;
    shared->refs = 1;
    return shared;
}

static struct shared_images *new_images(const struct conf *conf, struct error *err)
{
    struct buf mistakes;
    struct image_context *images;
    struct shared_images *shared = NULL;

    buf_init(&mistakes, PROGRAM_MISTAKES_MAX);
    images = image_context_new(conf, &mistakes, err);
    program_log_lines(buf_str(&mistakes));
    buf_free(&mistakes);
    if (images) {
        shared = mem_calloc(1, sizeof(*shared));
        *shared = (struct shared_images){.context = images, .refs = 1};
    }
    return shared;
}

/* The lock is held, or nobody else is left. */
static void drop(struct context context)
{
    if (context.images && --context.images->refs == 0) {
        image_context_free(context.images->context);
        free(context.images);
    }
    if (context.identity && --context.identity->refs == 0) {
        identity_free(context.identity->driver);
        free(context.identity);
    }
    conf_unref(context.conf);
}

void app_free(struct app *app)
{
    drop(app->now);
    if (app->db)
        db_free(app->db);
    pthread_mutex_destroy(&app->lock);
}

/* Are the database's revisions ours, under the names that CONF gives? A database that cannot be asked now is
 * asked again by app_tick(). */
static bool check_schema(struct app *app, const struct conf *conf, struct error *err)
{
    struct version_names names = version_names_of(conf);
    struct db_conn *c = db_acquire(app->db, err);
    bool ok = c && version_tables_check(c, &names, err);

    db_release(c);
    app->schema_checked = ok;
    if (!ok && err->kind == ERROR_UNAVAILABLE) {
        log_warning("the database's revisions are not checked yet: %s", err->message);
        app->next_check_us = clock_mono_us() + RETRY_US;
        return true;
    }
    return ok;
}

void app_tick(struct app *app)
{
    struct context context;
    struct error err;

    if (app->schema_checked || clock_mono_us() < app->next_check_us)
        return;
    error_clear(&err);
    context = app_acquire(app);
    if (!check_schema(app, context.conf, &err)) {
        log_error("%s", err.message);
        app->next_check_us = clock_mono_us() + RETRY_US;
    }
    app_release(app, context);
}

static bool set_up(struct app *app, struct error *err)
{
    app->now.conf = program_conf(app->conf_path);
    if (!app->now.conf)
        return error_set(err, ERROR_BAD_REQUEST, "%s has mistakes", app->conf_path);
    if (!program_log(app->now.conf, "tally.fcgi", err))
        return false;
    app->now.identity = new_identity(app->now.conf, err);
    if (!app->now.identity)
        return false;
    app->now.images = new_images(app->now.conf, err);
    if (!app->now.images)
        return false;
    /* A run's export holds two, and one is for this thread. */
    app->db = db_new(app->now.conf, 2 * (unsigned)app->now.conf->api.threads + 1, err);
    return app->db && check_schema(app, app->now.conf, err);
}

bool app_init(struct app *app, const char *conf_path, struct error *err)
{
    memset(app, 0, sizeof(*app));
    app->conf_path = conf_path;
    pthread_mutex_init(&app->lock, NULL);
    if (set_up(app, err))
        return true;
    app_free(app);
    return false;
}

struct context app_acquire(struct app *app)
{
    struct context context;

    pthread_mutex_lock(&app->lock);
    context = app->now;
    context.identity->refs++;
    context.images->refs++;
    conf_ref(context.conf);
    pthread_mutex_unlock(&app->lock);
    return context;
}

void app_release(struct app *app, struct context context)
{
    pthread_mutex_lock(&app->lock);
    drop(context);
    pthread_mutex_unlock(&app->lock);
}

/* May the driver go on under the new configuration? A new one begins with an empty cache, which would end
 * service to known tokens while Keystone is away. The static driver's file is read at every reload. */
static bool same_identity(const struct conf *a, const struct conf *b)
{
    return strcmp(a->identity.driver, "static") != 0 && conf_section_same(a, b, "identity") &&
           conf_section_same(a, b, "keystone_authtoken");
}

static void swap(struct app *app, struct context fresh)
{
    pthread_mutex_lock(&app->lock);
    struct context old = app->now;

    app->now = fresh;
    drop(old);
    pthread_mutex_unlock(&app->lock);
}

/* The driver for CONF: the old one, where that may go on. NULL with ERR. */
static struct shared_identity *identity_for(struct app *app, const struct context *old,
                                            const struct conf *conf, struct error *err)
{
    if (!same_identity(old->conf, conf))
        return new_identity(conf, err);
    pthread_mutex_lock(&app->lock);
    old->identity->refs++;
    pthread_mutex_unlock(&app->lock);
    return old->identity;
}

void app_reload(struct app *app)
{
    struct context old = app_acquire(app), fresh = {.conf = program_conf(app->conf_path)};
    struct error err, log_err;

    error_set(&err, ERROR_BAD_REQUEST, "the file has mistakes");
    if (fresh.conf)
        program_keep_immutable(old.conf, fresh.conf);
    if (!program_log(fresh.conf ? fresh.conf : old.conf, "tally.fcgi", &log_err))
        log_error("reload: %s", log_err.message);
    if (fresh.conf)
        fresh.identity = identity_for(app, &old, fresh.conf, &err);
    if (fresh.identity)
        fresh.images = new_images(fresh.conf, &err);
    if (fresh.images && check_schema(app, fresh.conf, &err)) {
        swap(app, fresh);
        metrics_add(METRIC_RELOADS, 1);
        log_info("reload: the configuration is taken over");
    } else {
        app_release(app, fresh);
        log_error("reload: the old configuration stays: %s", err.message);
    }
    app_release(app, old);
}
