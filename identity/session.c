#include "config.h"
#include "identity/session.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "identity/token.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000LL

enum {
    MAX_REPLY = 1 << 20,
    MAX_URL = 2048,
    RENEW_BEFORE = 60, /* seconds before our token expires */
    REFUSED_PAUSE = 5, /* seconds until credentials that were refused are tried again: accounts get locked */
    HEALTH_KEEPS = 10, /* seconds */
    COMPLAIN_EVERY = 10, /* seconds between two log lines on one trouble */
};

struct session {
    struct http *http;
    char *url;            /* ends in /v3 */
    struct str login;     /* the body that asks for a token */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t renewed;
    char *token;      /* NULL: none yet */
    char *project_id; /* that it is scoped to */
    uint64_t generation;
    int64_t renew_us; /* wall clock */
    bool renewing;
    uint64_t failures;        /* of renewals */
    int64_t refused_until_us; /* monotonic, as all below */
    unsigned under_way;       /* exchanges */
    bool stalled;             /* the last one ran into its time-out */
    int64_t spoke_us;
    int64_t tried_us; /* when health was last asked for */
    bool healthy;     /* as it was found then; true before */
    int64_t complained_us;
};

/* --- making one --------------------------------------------------------------------------------- */

static char *v3_url(const char *auth_url)
{
    struct str base = str_of(auth_url);
    struct buf b;

    buf_init(&b, MAX_URL);
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    buf_add_str(&b, base);
    if (!str_ends(base, STR("/v3")))
        buf_add_cstr(&b, "/v3");
    if (buf_ok(&b))
        return b.p;
    buf_free(&b);
    return NULL;
}

static void add_named(struct json_writer *w, const char *key, const char *name, const char *domain)
{
    json_key(w, key);
    json_obj_begin(w);
    json_key_cstr(w, "name", name);
    json_key(w, "domain");
    json_obj_begin(w);
    json_key_cstr(w, "name", domain);
    json_obj_end(w);
}

/* POST /v3/auth/tokens:
 * https://docs.openstack.org/api-ref/identity/v3/#password-authentication-with-scoped-authorization */
static struct str login_body(const struct conf *conf)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, 65536);
    json_writer_init(&w, &b);
    json_obj_begin(&w);
    json_key(&w, "auth");
    json_obj_begin(&w);
    json_key(&w, "identity");
    json_obj_begin(&w);
    json_key(&w, "methods");
    json_arr_begin(&w);
    json_cstr(&w, "password");
    json_arr_end(&w);
    json_key(&w, "password");
    json_obj_begin(&w);
    add_named(&w, "user", conf->keystone_authtoken.username, conf->keystone_authtoken.user_domain_name);
    json_key_cstr(&w, "password", conf->keystone_authtoken.password);
    json_obj_end(&w);
    json_obj_end(&w);
    json_obj_end(&w);
    json_key(&w, "scope");
    json_obj_begin(&w);
    add_named(&w, "project", conf->keystone_authtoken.project_name,
              conf->keystone_authtoken.project_domain_name);
    json_obj_end(&w);
    json_obj_end(&w);
    json_obj_end(&w);
    json_obj_end(&w);
    return buf_str(&b);
}

struct session *session_new(const struct conf *conf, struct error *err)
{
    struct http_options options = {.cafile = conf->keystone_authtoken.cafile,
                                   .insecure = conf->keystone_authtoken.insecure,
                                   .timeout_ms = conf->identity.timeout * 1000,
                                   .max_response = MAX_REPLY};
    struct session *s;
    pthread_condattr_t attr;

    if (!*conf->keystone_authtoken.auth_url) {
        error_set(err, ERROR_BAD_REQUEST, "[keystone_authtoken] auth_url is needed for driver = keystone");
        return NULL;
    }
    s = mem_calloc(1, sizeof(*s));
    s->healthy = true;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->renewed, &attr);
    pthread_condattr_destroy(&attr);
    s->login = login_body(conf);
    s->url = v3_url(conf->keystone_authtoken.auth_url);
    if (!s->url)
        error_set(err, ERROR_BAD_REQUEST, "[keystone_authtoken] auth_url is too long");
    else
        s->http = http_new(&options, err);
    if (s->http)
        return s;
    session_free(s);
    return NULL;
}

static void secret_free(char *p, size_t n)
{
    if (p)
        explicit_bzero(p, n);
    free(p);
}

void session_free(struct session *s)
{
    if (!s)
        return;
    http_free(s->http);
    secret_free((char *)s->login.p, s->login.n);
    secret_free(s->token, s->token ? strlen(s->token) : 0);
    free(s->project_id);
    free(s->url);
    pthread_cond_destroy(&s->renewed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- one exchange ------------------------------------------------------------------------------- */

bool session_trouble(struct session *s, struct error *err, const char *what)
{
    int64_t now = clock_mono_us();
    bool say;

    pthread_mutex_lock(&s->lock);
    say = s->complained_us == 0 || now - s->complained_us > COMPLAIN_EVERY * SECOND;
    if (say)
        s->complained_us = now;
    pthread_mutex_unlock(&s->lock);
    if (say)
        log_error("identity: Keystone at %s: %s", s->url, what);
    return error_set(err, ERROR_UNAVAILABLE, "The Keystone service is temporarily unavailable");
}

/* While Keystone is stalled, one exchange at a time finds out whether it still is. */
static bool gate_enter(struct session *s)
{
    bool open;

    pthread_mutex_lock(&s->lock);
    open = !s->stalled || s->under_way == 0;
    s->under_way += open;
    pthread_mutex_unlock(&s->lock);
    return open;
}

static void gate_leave(struct session *s, bool spoke, bool timed_out)
{
    pthread_mutex_lock(&s->lock);
    s->under_way--;
    s->stalled = timed_out;
    if (spoke)
        s->spoke_us = clock_mono_us();
    pthread_mutex_unlock(&s->lock);
}

/* True: a whole reply of a status below 500 came before UNTIL_US. */
static bool ask(struct session *s, struct http_request *request, int64_t until_us, struct arena *arena,
                struct http_response *out, struct error *err)
{
    int64_t left = until_us - clock_mono_us();
    struct error why = {.kind = ERROR_NONE};
    bool ok;

    if (left < 1000)
        return session_trouble(s, err, "no time is left for another request");
    if (!gate_enter(s))
        return session_trouble(s, err, "does not answer, and one request is trying");
    request->timeout_ms = (uint64_t)(left / 1000);
    ok = http_exchange(s->http, request, arena, out, &why);
    gate_leave(s, ok && out->status < 500, why.kind == ERROR_TIMEOUT);
    if (!ok)
        return session_trouble(s, err, why.message);
    if (out->status >= 500)
        return session_trouble(s, err, arena_printf(arena, "answers %d", out->status));
    return true;
}

/* --- our token ---------------------------------------------------------------------------------- */

/* What Keystone gave us. */
struct own_token {
    struct str token, project_id;
    int64_t expires_us;
    bool refused; /* nothing: our credentials will not do */
};

/* Gets a token; the lock is not held. */
static bool login(struct session *s, int64_t until_us, struct arena *arena, struct own_token *out,
                  struct error *err)
{
    static const struct http_header json = {"Content-Type", {"application/json", 16}};
    struct http_request request = {.method = "POST",
                                   .url = arena_printf(arena, "%s/auth/tokens?nocatalog", s->url),
                                   .headers = &json,
                                   .n_headers = 1,
                                   .body = s->login};
    struct http_response reply;

    if (!ask(s, &request, until_us, arena, &reply, err))
        return false;
    out->refused = reply.status == 401 || reply.status == 403;
    if (reply.status != 201)
        return session_trouble(s, err,
                               arena_printf(arena, "answers %d to our own credentials", reply.status));
    out->token = http_response_header(&reply, "X-Subject-Token");
    if (!token_text_ok(out->token) || !token_expiry_parse(reply.body, arena, &out->expires_us, NULL))
        return session_trouble(s, err, "answers our credentials with what is no token");
    out->project_id = token_project_parse(reply.body, arena);
    return true;
}

static char *copy_of(struct str s)
{
    char *p = mem_alloc(s.n + 1);

    memcpy(p, s.n ? s.p : "", s.n);
    p[s.n] = '\0';
    return p;
}

/* Puts the outcome of login() where all see it; the lock is held. */
static void token_take(struct session *s, bool ok, const struct own_token *t)
{
    int64_t now = clock_now_us();
    int64_t early = (t->expires_us - now) / 10; /* of a short-lived one a tenth, else a minute */

    s->renewing = false;
    if (t->refused)
        s->refused_until_us = clock_mono_us() + REFUSED_PAUSE * SECOND;
    s->failures += !ok;
    if (!ok)
        return;
    secret_free(s->token, s->token ? strlen(s->token) : 0);
    free(s->project_id);
    s->token = copy_of(t->token);
    s->project_id = copy_of(t->project_id);
    s->renew_us = t->expires_us - (early < RENEW_BEFORE * SECOND ? early : RENEW_BEFORE * SECOND);
    s->generation++;
}

static void wait_renewed(struct session *s, int64_t until_us)
{
    struct timespec ts = {.tv_sec = until_us / SECOND, .tv_nsec = until_us % SECOND * 1000};

    while (s->renewing && pthread_cond_timedwait(&s->renewed, &s->lock, &ts) == 0)
        ;
}

/* Our token, in the arena, and its generation. One that is not newer than STALE is not good enough.
 * PROJECT_ID may be NULL. */
static bool token_get(struct session *s, uint64_t stale, int64_t until_us, struct arena *arena,
                      struct str *token, struct str *project_id, uint64_t *generation, struct error *err)
{
    struct own_token fresh = {.expires_us = 0};
    uint64_t failures;
    bool ok;

    pthread_mutex_lock(&s->lock);
    failures = s->failures;
    wait_renewed(s, until_us);
    ok = s->token && s->generation > stale && clock_now_us() < s->renew_us;
    if (!ok && (s->renewing || s->failures != failures || clock_mono_us() < s->refused_until_us)) {
        pthread_mutex_unlock(&s->lock); /* who waited for a renewal shares its failure */
        return session_trouble(s, err, "our own credentials were refused, or a new token takes too long");
    }
    if (!ok) {
        s->renewing = true;
        pthread_mutex_unlock(&s->lock);
        ok = login(s, until_us, arena, &fresh, err);
        pthread_mutex_lock(&s->lock);
        token_take(s, ok, &fresh);
        pthread_cond_broadcast(&s->renewed);
    }
    if (ok) {
        *token = arena_str(arena, str_of(s->token));
        *generation = s->generation;
        if (project_id)
            *project_id = arena_str(arena, str_of(s->project_id));
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

bool session_token(struct session *s, uint64_t stale, int64_t timeout_us, struct arena *arena,
                   struct str *token, struct str *project_id, uint64_t *generation, struct error *err)
{
    return token_get(s, stale, clock_mono_us() + timeout_us, arena, token, project_id, generation, err);
}

bool session_get(struct session *s, const char *path, const struct http_header *headers, size_t n_headers,
                 int64_t timeout_us, struct arena *arena, struct http_response *out, struct error *err)
{
    int64_t until_us = clock_mono_us() + timeout_us;
    struct http_header *all = arena_calloc(arena, n_headers + 1, sizeof(*all));
    struct http_request request = {.method = "GET",
                                   .url = arena_printf(arena, "%s%s", s->url, path),
                                   .headers = all,
                                   .n_headers = n_headers + 1};
    uint64_t generation = 0;

    if (n_headers)
        memcpy(all + 1, headers, n_headers * sizeof(*headers));
    for (int attempt = 0; attempt < 2; attempt++) {
        all[0] = (struct http_header){"X-Auth-Token", {NULL, 0}};
        if (!token_get(s, generation, until_us, arena, &all[0].value, NULL, &generation, err) ||
            !ask(s, &request, until_us, arena, out, err))
            return false;
        if (out->status != 401)
            return true;
    }
    return session_trouble(s, err, "answers 401 to a token that it has just issued to us");
}

bool session_healthy(struct session *s, int64_t timeout_us)
{
    int64_t now = clock_mono_us();
    struct http_request request = {.method = "GET", .url = s->url};
    struct http_response reply;
    struct arena *arena;
    bool ok, known;

    pthread_mutex_lock(&s->lock);
    known = s->spoke_us && now - s->spoke_us < HEALTH_KEEPS * SECOND;
    ok = known || s->healthy;
    if (!known && s->tried_us && now - s->tried_us < HEALTH_KEEPS * SECOND)
        known = true;
    if (!known)
        s->tried_us = now;
    pthread_mutex_unlock(&s->lock);
    if (known)
        return ok;
    arena = arena_new(0);
    ok = ask(s, &request, now + timeout_us, arena, &reply, NULL);
    arena_free(arena);
    pthread_mutex_lock(&s->lock);
    s->healthy = ok;
    pthread_mutex_unlock(&s->lock);
    return ok;
}
