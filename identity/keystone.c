#include "config.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "identity/cache.h"
#include "identity/driver.h"
#include "identity/session.h"
#include "identity/token.h"

#include <stdlib.h>

/* Validation as keystonemiddleware's auth_token does it: what is 401 there is here, and what is 503 too. */

#define SECOND 1000000LL

static const struct cache_limits limits = {.entries = 10000, .bytes = 16 << 20};

struct keystone {
    struct session *session;
    struct cache *cache;
};

static void keystone_stop(void *state)
{
    struct keystone *k = state;

    session_free(k->session);
    cache_free(k->cache);
    free(k);
}

static void *keystone_start(const struct conf *conf, struct error *err)
{
    struct keystone *k = mem_calloc(1, sizeof(*k));

    k->session = session_new(conf, err);
    k->cache = cache_new(&limits);
    if (k->session)
        return k;
    keystone_stop(k);
    return NULL;
}

/* What fetch() needs beside the cache. */
struct question {
    struct keystone *keystone;
    struct str token;
    bool allow_expired;
    int64_t timeout_us;
    struct arena *arena;
};

/* Asks Keystone: a cache_fetch. */
static bool fetch(void *ctx, struct token_info **out, struct error *err)
{
    struct question *q = ctx;
    const struct http_header headers[] = {
        {"X-Subject-Token", q->token},
        /* we check access rules; without this Keystone refuses tokens that have some */
        {"OpenStack-Identity-Access-Rules", STR("1.0")},
    };
    const char *path = q->allow_expired ? "/auth/tokens?nocatalog&allow_expired=1" : "/auth/tokens?nocatalog";
    struct http_response reply;

    if (!token_text_ok(q->token))
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not valid");
    if (!session_get(q->keystone->session, path, headers, 2, q->timeout_us, q->arena, &reply, err))
        return false;
    if (reply.status == 200)
        return token_info_parse(reply.body, q->arena, out, err);
    if (reply.status == 404)
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not valid");
    return session_trouble(q->keystone->session, err,
                           arena_printf(q->arena, "answers %d to a validation", reply.status));
}

static void info_unref(void *arg)
{
    token_info_unref(arg);
}

/* What is known of a token; *OUT lives as long as the arena. An expired one passes only with ALLOW_EXPIRED.
 */
static bool validate(struct keystone *k, const struct conf *conf, struct str token, bool allow_expired,
                     struct arena *arena, struct token_info **out, struct error *err)
{
    struct question q = {.keystone = k,
                         .token = token,
                         .allow_expired = allow_expired,
                         .timeout_us = (int64_t)conf->identity.timeout * SECOND,
                         .arena = arena};
    struct cache_times times = {.good = (int64_t)conf->keystone_authtoken.token_cache_time * SECOND,
                                .refused = (int64_t)conf->keystone_authtoken.negative_cache_time * SECOND,
                                .wait = q.timeout_us + SECOND};
    unsigned char key[SHA256_SIZE];

    hash_sha256(token.p, token.n, key);
    /* Keystone's answer depends on allow_expired, so the key does */
    for (size_t i = 0; allow_expired && i < sizeof(key); i++)
        key[i] = (unsigned char)~key[i];
    if (!cache_get(k->cache, key, &times, fetch, &q, out, err))
        return false;
    arena_defer(arena, info_unref, *out);
    if (!allow_expired && (*out)->id.expires_us <= clock_now_us())
        return error_set(err, ERROR_UNAUTHORIZED, "the token has expired");
    return true;
}

/* Looks at X-Service-Token: false where the request must be refused for it, *SERVICE where it counts. */
static bool check_service(struct keystone *k, const struct conf *conf, struct str token, struct arena *arena,
                          bool *service, struct error *err)
{
    const struct conf_list *roles = &conf->keystone_authtoken.service_token_roles;
    struct token_info *info;

    *service = false;
    if (!token.n)
        return true;
    if (!validate(k, conf, token, false, arena, &info, err)) {
        if (err && err->kind == ERROR_UNAUTHORIZED)
            error_set(err, ERROR_UNAUTHORIZED, "the service token is not valid");
        return false;
    }
    for (size_t i = 0; i < roles->n; i++)
        *service = *service || identity_has_role(&info->id, str_of(roles->item[i]));
    if (!*service && conf->keystone_authtoken.service_token_roles_required)
        return error_set(err, ERROR_UNAUTHORIZED, "the service token has none of the roles that it needs");
    return true;
}

/* An application credential's own rules. A request that a service passes on for its user was judged there. */
static bool check_rules(const struct conf *conf, const struct token_info *info,
                        const struct identity_request *req, struct error *err)
{
    const char *service = str_eq(req->path, STR("/v1")) || str_starts(req->path, STR("/v1/"))
                              ? conf->keystone_authtoken.results_service_type
                              : conf->keystone_authtoken.service_type;

    if (info->restricted &&
        !access_rules_allow(info->rules, info->n_rules, str_of(service), req->method, req->path))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the application credential's access rules do not allow this request");
    return true;
}

static bool keystone_check(void *state, const struct conf *conf, const struct identity_request *req,
                           struct arena *arena, struct identity *out, struct error *err)
{
    struct keystone *k = state;
    struct str token = str_trim(req->token);
    struct token_info *info;
    bool service;

    if (!token.n)
        return error_set(err, ERROR_UNAUTHORIZED, "The request you have made requires authentication");
    if (!check_service(k, conf, str_trim(req->service_token), arena, &service, err) ||
        !validate(k, conf, token, service, arena, &info, err))
        return false;
    if (!service && !check_rules(conf, info, req, err))
        return false;
    if (!info->id.project_id.n)
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not scoped to a project");
    *out = info->id;
    return true;
}

static bool keystone_healthy(void *state, const struct conf *conf)
{
    struct keystone *k = state;

    return session_healthy(k->session, (int64_t)conf->identity.timeout * SECOND);
}

const struct identity_ops identity_keystone = {"keystone", keystone_start, keystone_stop, keystone_check,
                                               keystone_healthy};
