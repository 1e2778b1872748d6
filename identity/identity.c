#include "config.h"
#include "identity/identity.h"
#include "base/mem.h"
#include "identity/driver.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROLES = 256, MAX_FIELD = 255 };

struct identity_driver {
    const struct identity_ops *ops;
    void *state;
    char *challenge;
    struct conf *conf;
};

/* Keystone uri="..." with the URL that clients know; ours where no Keystone is configured. */
static char *make_challenge(const struct conf *conf, struct error *err)
{
    const char *uri = conf->keystone_authtoken.www_authenticate_uri;
    size_t size;
    char *text;

    if (!*uri)
        uri = conf->keystone_authtoken.auth_url;
    if (!*uri)
        uri = conf->api.public_url;
    if (strpbrk(uri, "\"\\\r\n")) {
        error_set(err, ERROR_BAD_REQUEST, "[keystone_authtoken] www_authenticate_uri is not a URL");
        return NULL;
    }
    size = strlen(uri) + sizeof("Keystone uri=\"\"");
    text = mem_alloc(size);
    memcpy(text, "Keystone uri=\"", 14);
    memcpy(text + 14, uri, strlen(uri));
    memcpy(text + 14 + strlen(uri), "\"", 2);
    return text;
}

struct identity_driver *identity_new(const struct conf *conf, struct error *err)
{
    static const struct identity_ops *const all[] = {&identity_keystone, &identity_proxy, &identity_static};
    struct identity_driver *d;

    d = mem_calloc(1, sizeof(*d));
    d->conf = conf_ref((struct conf *)conf); /* counting does not change it */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(conf->identity.driver, all[i]->name) == 0)
            d->ops = all[i];
    if (!d->ops)
        error_set(err, ERROR_BAD_REQUEST, "[identity] driver: %s is none of keystone, proxy, static",
                  conf->identity.driver);
    else if ((d->challenge = make_challenge(conf, err)) && (d->state = d->ops->start(conf, err)))
        return d;
    identity_free(d);
    return NULL;
}

void identity_free(struct identity_driver *d)
{
    if (!d)
        return;
    if (d->state)
        d->ops->stop(d->state);
    conf_unref(d->conf);
    free(d->challenge);
    free(d);
}

bool identity_has_role(const struct identity *id, struct str role)
{
    for (size_t i = 0; i < id->n_roles; i++)
        if (str_eq(id->roles[i], role))
            return true;
    return false;
}

static bool has_one_of(const struct identity *id, const struct conf_list *roles)
{
    for (size_t i = 0; i < roles->n; i++)
        if (identity_has_role(id, str_of(roles->item[i])))
            return true;
    return false;
}

bool identity_split_roles(struct str list, struct arena *arena, struct identity *out)
{
    struct str *roles = arena_calloc(arena, MAX_ROLES, sizeof(*roles));
    struct str head;
    bool more = true;

    out->roles = roles;
    out->n_roles = 0;
    while (more) {
        more = str_cut(list, ',', &head, &list);
        head = str_trim(head);
        if (!head.n)
            continue;
        if (out->n_roles == MAX_ROLES)
            return false;
        roles[out->n_roles++] = head;
    }
    return true;
}

/* What goes into the database, the log and a reply is text of a bounded length, whoever said it. */
static bool field_ok(struct str s, bool required)
{
    if (s.n > MAX_FIELD || (required && s.n == 0) || !str_is_utf8(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

bool identity_check(struct identity_driver *d, const struct identity_request *req, struct arena *arena,
                    struct identity *out, struct error *err)
{
    const struct conf *conf = d->conf;

    *out = (struct identity){0};
    if (!d->ops->check(d->state, conf, req, arena, out, err))
        return false;
    if (!field_ok(out->user_id, true) || !field_ok(out->project_id, true) ||
        !field_ok(out->user_name, false) || !field_ok(out->project_name, false) ||
        !field_ok(out->user_domain_id, false) || !field_ok(out->project_domain_id, false))
        return error_set(err, ERROR_UNAUTHORIZED, "the user's or project's id or name cannot be used");
    out->is_admin = has_one_of(out, &conf->identity.admin_roles);
    out->is_staff = has_one_of(out, &conf->identity.foundation_roles);
    return true;
}

const char *identity_challenge(const struct identity_driver *d)
{
    return d->challenge;
}

bool identity_healthy(struct identity_driver *d, const char **what)
{
    *what = d->ops->name;
    return d->ops->healthy(d->state, d->conf);
}
