#include "config.h"
#include "identity/driver.h"

#include <stddef.h>

/* nginx sets these with fastcgi_param, for instance from auth_request_set. A client's header reaches us only
 * as HTTP_<NAME>, a name that is never asked for here. */
static struct str param(const struct identity_request *req, const char *name)
{
    return req->param ? req->param(req->ctx, name) : (struct str){NULL, 0};
}

static void *proxy_start(const struct conf *conf, struct error *err)
{
    static char no_state;

    (void)conf;
    (void)err;
    return &no_state;
}

static void proxy_stop(void *state)
{
    (void)state;
}

static bool proxy_check(void *state, const struct conf *conf, const struct identity_request *req,
                        struct arena *arena, struct identity *out, struct error *err)
{
    (void)state;
    (void)conf;
    if (!str_eq(param(req, "TALLY_AUTH_STATUS"), STR("Confirmed")))
        return error_set(err, ERROR_UNAUTHORIZED, "The request you have made requires authentication");
    out->user_id = arena_str(arena, param(req, "TALLY_AUTH_USER_ID"));
    out->user_name = arena_str(arena, param(req, "TALLY_AUTH_USER_NAME"));
    out->project_id = arena_str(arena, param(req, "TALLY_AUTH_PROJECT_ID"));
    out->project_name = arena_str(arena, param(req, "TALLY_AUTH_PROJECT_NAME"));
    if (!identity_split_roles(arena_str(arena, param(req, "TALLY_AUTH_ROLES")), arena, out))
        return error_set(err, ERROR_UNAUTHORIZED, "the user has more than 256 roles");
    return true;
}

static bool proxy_healthy(void *state, const struct conf *conf)
{
    (void)state;
    (void)conf;
    return true;
}

const struct identity_ops identity_proxy = {"proxy", proxy_start, proxy_stop, proxy_check, proxy_healthy};
