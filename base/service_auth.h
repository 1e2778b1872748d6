/* service_auth.h - what a client of another OpenStack service asks of identity/: our own token, and where the
 * service is.
 *
 * store/ uses it and identity/service.h makes it, so that neither knows the other.
 */
#ifndef TALLY_BASE_SERVICE_AUTH_H
#define TALLY_BASE_SERVICE_AUTH_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* Our own token, as it is now. */
struct service_token {
    struct str token;      /* in the arena */
    struct str project_id; /* what it is scoped to */
    uint64_t generation;   /* grows with each renewal */
};

/* May be called from all threads at once. Both fail with ERROR_UNAVAILABLE (Keystone) or ERROR_INTERNAL (the
 * catalogue has no such service), with a message fit for a customer; what an administrator needs is logged.
 */
struct service_auth {
    /* A token of a generation above STALE (0: any): what a 401 is answered with. */
    bool (*token)(void *ctx, uint64_t stale, struct arena *arena, struct service_token *out,
                  struct error *err);
    /* The URL of the endpoint of service type TYPE, without a slash at its end; our own project's id in it is
     * replaced by "%(project_id)s". REGION "": any. INTERFACE: public, internal, admin. */
    bool (*endpoint)(void *ctx, const char *type, const char *region, const char *interface,
                     struct arena *arena, const char **url, struct error *err);
    void *ctx;
};

#endif
