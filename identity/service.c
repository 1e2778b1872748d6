#include "config.h"
#include "identity/service.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "identity/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000LL

enum { CATALOGUE_KEEPS = 300 /* seconds */, RETRY_PAUSE = 10 };

struct identity_service {
    struct service_auth auth;
    struct session *session; /* NULL: no Keystone is configured */
    int64_t timeout_us;
    pthread_mutex_t lock; /* of all that follows */
    char *catalogue;      /* Keystone's reply; NULL: none yet */
    size_t catalogue_n;
    int64_t fresh_until_us; /* monotonic */
};

static bool no_keystone(struct error *err)
{
    log_error("identity: [keystone_authtoken] auth_url is needed to reach other services");
    return error_set(err, ERROR_INTERNAL, "no Keystone is configured");
}

static bool own_token(void *ctx, uint64_t stale, struct arena *arena, struct service_token *out,
                      struct error *err)
{
    struct identity_service *s = ctx;

    if (!s->session)
        return no_keystone(err);
    return session_token(s->session, stale, s->timeout_us, arena, &out->token, &out->project_id,
                         &out->generation, err);
}

/* --- the catalogue ------------------------------------------------------------------------------ */

static void catalogue_keep(struct identity_service *s, struct str body)
{
    pthread_mutex_lock(&s->lock);
    free(s->catalogue);
    s->catalogue = mem_alloc(body.n + 1);
    memcpy(s->catalogue, body.p, body.n);
    s->catalogue_n = body.n;
    s->fresh_until_us = clock_mono_us() + CATALOGUE_KEEPS * SECOND;
    pthread_mutex_unlock(&s->lock);
}

/* Keystone's reply, from memory where it is fresh enough; the old one where Keystone does not answer. */
static bool catalogue_get(struct identity_service *s, struct arena *arena, struct str *out, struct error *err)
{
    struct http_response reply;
    bool fresh;

    pthread_mutex_lock(&s->lock);
    fresh = s->catalogue && clock_mono_us() < s->fresh_until_us;
    *out = s->catalogue ? arena_str(arena, (struct str){s->catalogue, s->catalogue_n}) : STR("");
    if (!fresh && s->catalogue)
        s->fresh_until_us = clock_mono_us() + RETRY_PAUSE * SECOND; /* one asks, the others go on */
    pthread_mutex_unlock(&s->lock);
    if (fresh)
        return true;
    if (!session_get(s->session, "/auth/catalog", NULL, 0, s->timeout_us, arena, &reply, err))
        return out->n > 0;
    if (reply.status != 200)
        return out->n > 0 ||
               session_trouble(s->session, err,
                               arena_printf(arena, "answers %d for its catalogue", reply.status));
    *out = reply.body;
    catalogue_keep(s, reply.body);
    return true;
}

static bool member_is(const struct json *j, const char *key, const char *value)
{
    struct str s;

    return json_to_str(json_get(j, key), &s) && str_eq_cstr(s, value);
}

/* The URL of the first endpoint that fits; p NULL where none does. */
static struct str find(const struct json *catalogue, const char *type, const char *region,
                       const char *interface)
{
    struct str url;

    for (const struct json *service = JSON_FIRST(catalogue); service; service = service->next) {
        if (!member_is(service, "type", type))
            continue;
        for (const struct json *e = JSON_FIRST(json_get(service, "endpoints")); e; e = e->next)
            if (member_is(e, "interface", interface) &&
                (!*region || member_is(e, "region_id", region) || member_is(e, "region", region)) &&
                json_to_str(json_get(e, "url"), &url))
                return url;
    }
    return (struct str){NULL, 0};
}

/* URL with every ID in it as "%(project_id)s", and without slashes at its end. */
static const char *with_placeholder(struct str url, struct str id, struct arena *arena)
{
    struct buf b;
    const char *text;

    buf_init(&b, 4096);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    for (size_t i = 0; i < url.n;) {
        bool here = id.n && str_starts((struct str){url.p + i, url.n - i}, id);

        buf_add_str(&b, here ? STR("%(project_id)s") : (struct str){url.p + i, 1});
        i += here ? id.n : 1;
    }
    text = buf_ok(&b) ? arena_memdup(arena, b.p ? b.p : "", b.n) : NULL;
    buf_free(&b);
    return text;
}

static bool endpoint(void *ctx, const char *type, const char *region, const char *interface,
                     struct arena *arena, const char **url, struct error *err)
{
    struct identity_service *s = ctx;
    struct service_token own;
    struct str body, found;
    const struct json *reply;

    if (!s->session)
        return no_keystone(err);
    if (!own_token(s, 0, arena, &own, err) || !catalogue_get(s, arena, &body, err))
        return false;
    reply = json_parse_object(arena, body, NULL, NULL);
    found = find(json_get(reply, "catalog"), type, region, interface);
    *url = found.n ? with_placeholder(found, own.project_id, arena) : NULL;
    if (*url)
        return true;
    log_error("identity: Keystone's catalogue has no %s endpoint of %s%s%s", interface, type,
              *region ? " in region " : "", region);
    return error_set(err, ERROR_INTERNAL, "Keystone's catalogue does not name the service %s", type);
}

/* --- making one --------------------------------------------------------------------------------- */

struct identity_service *identity_service_new(const struct conf *conf, struct error *err)
{
    struct identity_service *s = mem_calloc(1, sizeof(*s));

    s->auth = (struct service_auth){own_token, endpoint, s};
    s->timeout_us = (int64_t)conf->identity.timeout * SECOND;
    pthread_mutex_init(&s->lock, NULL);
    if (*conf->keystone_authtoken.auth_url) {
        s->session = session_new(conf, err);
        if (!s->session) {
            identity_service_free(s);
            return NULL;
        }
    }
    return s;
}

void identity_service_free(struct identity_service *s)
{
    if (!s)
        return;
    session_free(s->session);
    pthread_mutex_destroy(&s->lock);
    free(s->catalogue);
    free(s);
}

const struct service_auth *identity_service_auth(const struct identity_service *s)
{
    return &s->auth;
}
