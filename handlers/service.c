#include "config.h"
#include "handlers/service.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/json.h"
#include "base/log.h"
#include "db/workers.h"
#include "handlers/image_context.h"
#include "handlers/metrics.h"

/* The image API's minor versions that Glance 25 announces without its optional features, newest first. */
static const char *const versions[] = {"v2.15", "v2.13", "v2.12", "v2.11", "v2.10", "v2.9", "v2.8", "v2.7",
                                       "v2.6",  "v2.5",  "v2.4",  "v2.3",  "v2.2",  "v2.1", "v2.0"};

static void write_version(struct json_writer *w, const char *version, bool current, const char *href)
{
    json_obj_begin(w);
    json_key_cstr(w, "id", version);
    json_key_cstr(w, "status", current ? "CURRENT" : "SUPPORTED");
    json_key(w, "links");
    json_arr_begin(w);
    json_obj_begin(w);
    json_key_cstr(w, "rel", "self");
    json_key_cstr(w, "href", href);
    json_obj_end(w);
    json_arr_end(w);
    json_obj_end(w);
}

static bool reply_versions(struct request *r, int status)
{
    const char *href = arena_printf(r->arena, "%s/v2/", r->conf->api.public_url);
    struct json_writer w;
    struct buf body;

    buf_init(&body, 64 * 1024);
    json_writer_init(&w, &body);
    json_obj_begin(&w);
    json_key(&w, "versions");
    json_arr_begin(&w);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        write_version(&w, versions[i], i == 0, href);
    json_arr_end(&w);
    json_obj_end(&w);
    response_json(r, status, buf_str(&body));
    buf_free(&body);
    return true;
}

bool service_root(struct request *r, struct error *err)
{
    (void)err;
    return reply_versions(r, 300);
}

bool service_versions(struct request *r, struct error *err)
{
    (void)err;
    return reply_versions(r, 200);
}

bool service_v2(struct request *r, struct error *err)
{
    (void)err;
    response_status(r, 302);
    response_headerf(r, "Location", "%s/v2/", r->conf->api.public_url);
    return true;
}

static bool database_answers(struct request *r)
{
    struct error why;

    error_clear(&why);
    if (r->db && db_ping(r->db, &why))
        return true;
    log_warning("health: the database does not answer: %s", why.message);
    return false;
}

/* The reasons are for the log: the reply is public. */
/* Seconds since the newest sign of life of a worker; -1: there is none. */
static int64_t worker_seen(struct request *r)
{
    struct error why;
    struct db_conn *c = db_acquire(r->db, &why);
    int64_t seconds = -1;

    if (!c || !workers_last_seen(c, &seconds, &why))
        log_warning("health: workers: %s", why.message);
    db_release(c);
    return seconds;
}

static const char *state(bool ok)
{
    return ok ? "ok" : "failing";
}

/* Without the database or an identity nothing is served: 503. Without the image store the rest is: 200, but
 * "degraded". Of workers only the age of the newest heartbeat is told: who runs none has none. */
bool service_healthz(struct request *r, struct error *err)
{
    const char *driver = "none";
    bool db_ok = database_answers(r);
    bool identity_ok = r->identity_driver && identity_healthy(r->identity_driver, &driver);
    bool store_ok = store_healthy(r->images->store), ok = db_ok && identity_ok;
    int64_t seen = db_ok ? worker_seen(r) : -1;
    struct json_writer w;
    struct buf body;

    (void)err;
    buf_init(&body, 4096);
    json_writer_init(&w, &body);
    json_obj_begin(&w);
    json_key_cstr(&w, "status", !ok ? "failing" : store_ok ? "ok" : "degraded");
    json_key(&w, "checks");
    json_obj_begin(&w);
    json_key_cstr(&w, "database", state(db_ok));
    json_key_cstr(&w, "identity", state(identity_ok));
    json_key_cstr(&w, "image_store", state(store_ok));
    json_obj_end(&w);
    json_key_cstr(&w, "identity_driver", driver);
    if (seen < 0)
        json_key_null(&w, "worker_heartbeat_seconds");
    else
        json_key_i64(&w, "worker_heartbeat_seconds", seen);
    json_obj_end(&w);
    response_header(r, "Cache-Control", "no-store");
    response_json(r, ok ? 200 : 503, buf_str(&body));
    buf_free(&body);
    return true;
}

bool service_metrics(struct request *r, struct error *err)
{
    unsigned open, idle, most;
    struct buf body;

    (void)err;
    db_usage(r->db, &open, &idle, &most);
    buf_init(&body, 64 * 1024);
    metrics_print(&body);
    metrics_print_gauge(&body, "tally_database_connections", "Open connections to the database", open);
    metrics_print_gauge(&body, "tally_database_connections_in_use", "Those that a request holds",
                        open - idle);
    metrics_print_gauge(&body, "tally_database_connections_limit", "How many there may be", most);
    response_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response_write(r, body.p, body.n);
    buf_free(&body);
    return true;
}
