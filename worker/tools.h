/* tools.h - what tasks are carried out with: the configuration and all that is made of it. Counted
 * references: a reload makes new ones, and a task keeps those that it began with.
 */
#ifndef TALLY_WORKER_TOOLS_H
#define TALLY_WORKER_TOOLS_H

#include "base/conf_options.h"
#include "base/http_stream.h"
#include "image/property_protection.h"
#include "store/store.h"

#include <pthread.h>

struct identity_service;

struct tools {
    struct conf *conf;
    struct identity_service *service; /* our own token, for the stores */
    struct property_protection *protection;
    struct http_streams *streams; /* for imports from URLs */
    struct store *images;         /* Tally's image store */
    struct store *containers;     /* customers' containers */
    unsigned refs;                /* of toolbox's lock */
};

struct toolbox {
    const char *workspace; /* this process's folder for files; NULL: none */
    const char *conf_path; /* NULL: defaults */
    pthread_mutex_t lock;
    struct tools *now;
};

/* Reads the configuration, opens the log, makes the stores. False: every mistake is in the log. */
bool toolbox_init(struct toolbox *box, const char *conf_path, struct error *err);
void toolbox_free(struct toolbox *box);

/* The tools of this moment; give them back with toolbox_release(). */
struct tools *toolbox_acquire(struct toolbox *box);
void toolbox_release(struct toolbox *box, struct tools *tools);

/* SIGHUP: reads the file anew. A mistake: all are logged and everything stays. The log is opened anew in any
 * case. */
void toolbox_reload(struct toolbox *box);

#endif
