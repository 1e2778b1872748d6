#include "config.h"
#include "worker/tools.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "identity/service.h"

#include <stdlib.h>
#include <string.h>

static void free_tools(struct tools *t)
{
    if (!t)
        return;
    store_free(t->images);
    store_free(t->containers);
    identity_service_free(t->service);
    http_streams_free(t->streams);
    property_protection_free(t->protection);
    conf_unref(t->conf);
    free(t);
}

static bool read_protection(struct tools *t, struct error *err)
{
    struct buf mistakes;

    buf_init(&mistakes, PROGRAM_MISTAKES_MAX);
    t->protection = property_protection_read(t->conf->image.property_protection_file, &mistakes);
    program_log_lines(buf_str(&mistakes));
    buf_free(&mistakes);
    return t->protection ||
           error_set(err, ERROR_BAD_REQUEST, "[image] property_protection_file has mistakes");
}

static bool make_streams(struct tools *t, struct error *err)
{
    const struct http_options options = {.connect_timeout_ms = t->conf->object_store.connect_timeout * 1000};

    t->streams = http_streams_new(&options, err);
    return t->streams != NULL;
}

/* Takes CONF over in any case. */
static struct tools *make_tools(struct conf *conf, struct error *err)
{
    struct tools *t = mem_calloc(1, sizeof(*t));

    t->conf = conf;
    t->refs = 1;
    if (read_protection(t, err) && make_streams(t, err) && (t->service = identity_service_new(conf, err)) &&
        (t->images = store_images_new(conf, identity_service_auth(t->service), err)) &&
        (t->containers = store_containers_new(conf, identity_service_auth(t->service), err)))
        return t;
    free_tools(t);
    return NULL;
}

bool toolbox_init(struct toolbox *box, const char *conf_path, struct error *err)
{
    struct conf *conf = program_conf(conf_path);

    *box = (struct toolbox){.conf_path = conf_path};
    if (!conf)
        return error_set(err, ERROR_BAD_REQUEST, "%s has mistakes", conf_path);
    if (!program_log(conf, "tally-worker", err)) {
        conf_unref(conf);
        return false;
    }
    box->now = make_tools(conf, err);
    if (!box->now)
        return false;
    pthread_mutex_init(&box->lock, NULL);
    return true;
}

void toolbox_free(struct toolbox *box)
{
    toolbox_release(box, box->now);
    pthread_mutex_destroy(&box->lock);
}

struct tools *toolbox_acquire(struct toolbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct tools *t = box->now;

    t->refs++;
    pthread_mutex_unlock(&box->lock);
    return t;
}

void toolbox_release(struct toolbox *box, struct tools *tools)
{
    pthread_mutex_lock(&box->lock);
    bool last = --tools->refs == 0;

    pthread_mutex_unlock(&box->lock);
    if (last)
        free_tools(tools);
}

void toolbox_reload(struct toolbox *box)
{
    struct tools *old = toolbox_acquire(box), *fresh = NULL;
    struct conf *conf = program_conf(box->conf_path);
    struct error err;

    error_set(&err, ERROR_BAD_REQUEST, "the file has mistakes");
    if (conf)
        program_keep_immutable(old->conf, conf);
    if (!program_log(conf ? conf : old->conf, "tally-worker", &err))
        log_error("reload: %s", err.message);
    if (conf)
        fresh = make_tools(conf, &err);
    if (fresh) {
        pthread_mutex_lock(&box->lock);
        box->now = fresh;
        pthread_mutex_unlock(&box->lock);
        toolbox_release(box, old); /* the box's own */
        log_info("reload: the configuration is taken over");
    } else {
        log_error("reload: the old configuration stays: %s", err.message);
    }
    toolbox_release(box, old);
}
