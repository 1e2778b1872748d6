#include "config.h"
#include "cli/catalog.h"
#include "base/digest.h"

#include <ctype.h>
#include <string.h>

/* The member KEY is this text. */
static bool is(const struct json *j, const char *key, struct str text)
{
    struct str value;

    return json_to_str(json_get(j, key), &value) && str_eq(value, text);
}

static bool is_region(const struct json *endpoint, const char *region)
{
    return !region || is(endpoint, "region_id", str_of(region)) || is(endpoint, "region", str_of(region));
}

static const char *endpoint_of(const struct json *service, const char *region, struct str interface,
                               struct arena *arena)
{
    struct str url;

    for (const struct json *e = JSON_FIRST(json_get(service, "endpoints")); e; e = e->next)
        if (is(e, "interface", interface) && is_region(e, region) && json_to_str(json_get(e, "url"), &url))
            return arena_str(arena, url).p;
    return NULL;
}

const char *catalog_endpoint(const struct json *catalog, const char *region, const char *interface,
                             struct arena *arena)
{
    static const char *const types[] = {"results", "image"};
    struct str which = str_of(interface ? interface : "public");
    const char *url = NULL;

    if (str_ends(which, STR("URL")))
        which.n -= 3;
    for (size_t i = 0; !url && i < sizeof(types) / sizeof(types[0]); i++)
        for (const struct json *s = JSON_FIRST(catalog); s && !url; s = s->next)
            if (is(s, "type", str_of(types[i])))
                url = endpoint_of(s, region, which, arena);
    return url;
}

const char *catalog_base_url(struct arena *arena, const char *url)
{
    struct str s = str_of(url);

    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    if (str_ends(s, STR("/v1")) || str_ends(s, STR("/v2")))
        s.n -= 3;
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return arena_str(arena, s).p;
}

const char *catalog_identity_id(const struct json *catalog, struct arena *arena)
{
    struct str id;

    for (const struct json *s = JSON_FIRST(catalog); s; s = s->next)
        if (is(s, "type", STR("identity")) && json_to_str(json_get(s, "id"), &id) && id.n)
            return arena_str(arena, id).p;
    return NULL;
}

/* The bytes of "https://" or "http://" that URL begins with; 0: neither. */
static size_t scheme_of(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

bool catalog_url_ok(const char *url, const char *whose, struct error *err)
{
    size_t scheme = scheme_of(url);

    if (!scheme)
        return error_set(err, ERROR_BAD_REQUEST, "%s URL does not begin with https:// or http://", whose);
    if (memchr(url + scheme, '@', strcspn(url + scheme, "/?#")))
        return error_set(err, ERROR_BAD_REQUEST, "%s URL holds a user or a password: neither belongs there",
                         whose);
    return true;
}

/* The host as Python's urlparse() finds it: behind the last @, without brackets and port. */
static struct str host_of(struct str url)
{
    struct str host, rest;
    const char *at;

    host = (struct str){url.p, strcspn(url.p, "/?#")};
    if ((at = memrchr(host.p, '@', host.n)))
        host = (struct str){at + 1, (size_t)(host.p + host.n - at - 1)};
    if (host.n && host.p[0] == '[')
        str_cut((struct str){host.p + 1, host.n - 1}, ']', &host, &rest);
    else
        str_cut(host, ':', &host, &rest);
    return host;
}

const char *catalog_cpid_of_url(struct arena *arena, const char *url, struct error *err)
{
    struct str s = str_of(url), host = {NULL, 0};
    size_t scheme = scheme_of(url);
    char hex[DIGEST_HEX_SIZE];
    struct digest *d;
    char *lower;

    if (scheme)
        host = host_of((struct str){s.p + scheme, s.n - scheme});
    if (!host.n) {
        error_set(err, ERROR_BAD_REQUEST, "the Keystone endpoint '%s' is no http:// or https:// URL", url);
        return NULL;
    }
    lower = arena_memdup(arena, host.p, host.n);
    for (size_t i = 0; i < host.n; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    d = digest_new(DIGEST_MD5);
    digest_add(d, lower, host.n);
    digest_end(d, hex);
    digest_free(d);
    return arena_strdup(arena, hex);
}
