/* identity.h - who is asking, by one of three drivers.
 *
 * keystone: tokens validated by Keystone v3 with a service user, cached; proxy: parameters that nginx itself
 * sets, for sites whose nginx authenticates; static: tokens in a file of mode 0600, for trying out.
 */
#ifndef TALLY_IDENTITY_IDENTITY_H
#define TALLY_IDENTITY_IDENTITY_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/str.h"

/* Who asks. All strings live in the arena given to identity_check(). */
struct identity {
    struct str user_id;
    struct str user_name;
    struct str user_domain_id;
    struct str project_id;
    struct str project_name;
    struct str project_domain_id;
    const struct str *roles; /* whole names, as the driver gave them */
    size_t n_roles;
    int64_t expires_us; /* 0: does not expire */
    bool is_admin;      /* has one of [identity] admin_roles: all on /v2 */
    bool is_staff;      /* has one of [identity] foundation_roles: foundation staff on /v1 */
};

/* What a driver looks at. A missing header is a view whose p is NULL. */
struct identity_request {
    struct str token;         /* X-Auth-Token */
    struct str service_token; /* X-Service-Token */
    struct str method;        /* for application credentials' access rules */
    struct str path;
    /* A parameter that only nginx itself can set (no HTTP_ name); NULL-p where it did not. */
    struct str (*param)(void *ctx, const char *name);
    void *ctx;
};

struct identity_driver;

/* Makes the driver that [identity] driver names. Used by all threads at once; free with identity_free().
 * Keeps a reference to CONF. Does not ask Keystone anything yet. NULL: the configuration is wrong. */
struct identity_driver *identity_new(const struct conf *conf, struct error *err);
void identity_free(struct identity_driver *d);

/* Fills *OUT. False with ERROR_UNAUTHORIZED (no token, or one that does not hold, or an application
 * credential's access rules do not allow this request: keystonemiddleware says 401 there too) or
 * ERROR_UNAVAILABLE (Keystone cannot be asked). The message names neither token nor URL. */
bool identity_check(struct identity_driver *d, const struct identity_request *req, struct arena *arena,
                    struct identity *out, struct error *err);

/* Has it a role of this whole name? */
bool identity_has_role(const struct identity *id, struct str role);

/* The WWW-Authenticate value of a 401, e.g. Keystone uri="https://...". Lives as long as the driver. */
const char *identity_challenge(const struct identity_driver *d);

/* For GET /healthz: can the driver answer (Keystone reachable; the answer is at most 10 seconds old)? Never
 * blocks for longer than [identity] timeout. WHAT names the driver. */
bool identity_healthy(struct identity_driver *d, const char **what);

#endif
