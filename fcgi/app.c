#include "config.h"
#include "fcgi/app.h"
#include "base/buf.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "base/mem.h"
#include "handlers/metrics.h"

#include <stdlib.h>
#include <string.h>

enum { MISTAKES_MAX = 64 * 1024 };

/* One log line for each line of TEXT. */
static void log_lines(struct str text)
{
    while (text.n > 0) {
        struct str line;

        str_cut(text, '\n', &line, &text);
        if (line.n > 0)
            log_error("%.*s", STR_ARG(line));
    }
}

static struct conf *read_conf(const char *path)
{
    struct buf mistakes;
    struct conf *conf;

    if (!path)
        return conf_default();
    buf_init(&mistakes, MISTAKES_MAX);
    conf = conf_read(path, &mistakes);
    if (!conf)
        log_lines(buf_str(&mistakes));
    buf_free(&mistakes);
    return conf;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_LEVEL_INFO;
}

static bool open_log(const struct conf *conf, struct error *err)
{
    struct log_options options = {
        .level = level_of(conf->main.log_level),
        .target = strcmp(conf->main.log_target, "file") == 0     ? LOG_TO_FILE
                  : strcmp(conf->main.log_target, "syslog") == 0 ? LOG_TO_SYSLOG
                                                                 : LOG_TO_STDERR,
        .file = conf->main.log_file,
        .json = conf->main.log_json,
        .program = "tally.fcgi",
    };

    return log_open(&options, err);
}

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

/* The lock is held, or nobody else is left. */
static void drop(struct context context)
{
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

static bool set_up(struct app *app, struct error *err)
{
    app->now.conf = read_conf(app->conf_path);
    if (!app->now.conf)
        return error_set(err, ERROR_BAD_REQUEST, "%s has mistakes", app->conf_path);
    if (!open_log(app->now.conf, err))
        return false;
    app->now.identity = new_identity(app->now.conf, err);
    if (!app->now.identity)
        return false;
    app->db = db_new(app->now.conf, (unsigned)app->now.conf->api.threads, err);
    return app->db != NULL;
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

static void say_immutable(const struct conf *old, struct conf *new_conf)
{
    struct buf changed;

    buf_init(&changed, MISTAKES_MAX);
    conf_keep_immutable(old, new_conf, &changed);
    if (changed.n > 0)
        log_warning("reload: a restart is needed for %.*s", STR_ARG(buf_str(&changed)));
    buf_free(&changed);
}

static void swap(struct app *app, struct conf *conf, struct shared_identity *identity)
{
    struct context old;

    pthread_mutex_lock(&app->lock);
    old = app->now;
    app->now = (struct context){conf, identity};
    drop(old);
    pthread_mutex_unlock(&app->lock);
}

void app_reload(struct app *app)
{
    struct context old = app_acquire(app);
    struct conf *conf = read_conf(app->conf_path);
    struct shared_identity *identity = NULL;
    struct error err;

    error_clear(&err);
    if (conf)
        say_immutable(old.conf, conf);
    if (!open_log(conf ? conf : old.conf, &err))
        log_error("reload: %s", err.message);
    if (conf && same_identity(old.conf, conf)) {
        identity = app_acquire(app).identity; /* the reference becomes the new context's */
        conf_unref(old.conf);
    } else if (conf) {
        identity = new_identity(conf, &err);
        if (!identity)
            log_error("reload: %s", err.message);
    }
    if (identity) {
        swap(app, conf, identity);
        metrics_add(METRIC_RELOADS, 1);
        log_info("reload: the configuration is taken over");
    } else {
        conf_unref(conf);
        log_error("reload: the old configuration stays");
    }
    app_release(app, old);
}
