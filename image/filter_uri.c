#include "config.h"
#include "image/filter_uri.h"
#include "base/conf_options.h"
#include "image/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { URL_MAX = 2048, HOST_MAX = 253, LABEL_MAX = 63, PORT_MAX = 65535 };

/* A URL taken apart. No path and query here: they are the server's business. */
struct target {
    struct str scheme;
    char host[HOST_MAX + 1]; /* lower case, without the final dot; an address without brackets */
    uint64_t port;
    bool is_v4;
    bool is_v6;
    struct in_addr v4;
    struct in6_addr v6;
};

static bool bad(struct error *err, const char *what)
{
    return error_set(err, ERROR_BAD_REQUEST, "the URL %s", what);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* --- taking it apart ------------------------------------------------------------------------------ */

/* What two readers could read in two ways is in no URL that we take. */
static bool check_characters(struct str url, struct error *err)
{
    if (url.n > URL_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "the URL has more than %d characters", URL_MAX);
    for (size_t i = 0; i < url.n; i++) {
        unsigned char c = (unsigned char)url.p[i];

        if (c <= ' ' || c == 0x7f)
            return bad(err, "holds a blank or a control character");
        if (c > 0x7f)
            return bad(err, "holds a character that is not ASCII: encode it, a host's name as xn--...");
        if (c == '\\')
            return bad(err, "holds a backslash");
        if (c == '#')
            return bad(err, "must not have a fragment");
    }
    return true;
}

static bool cut_scheme(struct str url, struct str *scheme, struct str *rest, struct error *err)
{
    size_t n = 0;

    while (n < url.n && (is_letter(url.p[n]) || (n > 0 && (is_digit(url.p[n]) || strchr("+-.", url.p[n])))))
        n++;
    if (n == 0 || url.n < n + 3 || memcmp(url.p + n, "://", 3) != 0)
        return bad(err, "must begin with a scheme and \"://\"");
    *scheme = (struct str){url.p, n};
    *rest = (struct str){url.p + n + 3, url.n - n - 3};
    return true;
}

/* What stands between "//" and the path. */
static bool cut_authority(struct str rest, struct str *authority, struct error *err)
{
    size_t n = 0;

    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    *authority = (struct str){rest.p, n};
    if (memchr(rest.p, '@', n))
        return bad(err, "must not hold a user's name or password");
    return n > 0 || bad(err, "names no host");
}

static bool read_port(struct str text, uint64_t *port, struct error *err)
{
    if (text.n == 0 || text.n > 5 || text.p[0] == '0' || !str_to_u64(text, PORT_MAX, port))
        return bad(err, "has no port from 1 to 65535 behind the ':'");
    return true;
}

/* "[::1]:80": the address has its own brackets. */
static bool split_v6(struct str authority, struct target *t, struct str *port, struct error *err)
{
    const char *end = memchr(authority.p, ']', authority.n);
    size_t n = end ? (size_t)(end - authority.p) - 1 : 0;
    struct str behind = end ? (struct str){end + 1, authority.n - n - 2} : (struct str){NULL, 0};

    *port = (struct str){NULL, 0};
    if (!end || n == 0 || n > HOST_MAX || (behind.n > 0 && behind.p[0] != ':'))
        return bad(err, "has brackets that hold no address");
    if (behind.n > 0)
        *port = (struct str){behind.p + 1, behind.n - 1};
    for (size_t i = 0; i < n; i++)
        t->host[i] = lower(authority.p[i + 1]);
    t->is_v6 = inet_pton(AF_INET6, t->host, &t->v6) == 1;
    return t->is_v6 || bad(err, "has brackets that hold no IPv6 address");
}

/* Letters, digits, '-' and '_' in labels of 1 to 63. */
static bool is_host_name(const char *host, size_t n)
{
    size_t label = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i == n || host[i] == '.') {
            if (label == 0 || label > LABEL_MAX || host[i - 1] == '-' || host[i - label] == '-')
                return false;
            label = 0;
        } else if (is_letter(host[i]) || is_digit(host[i]) || host[i] == '-' || host[i] == '_') {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

/* Would inet_aton() or a browser take HOST for an IPv4 address: is its last label a number? */
static bool ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.'), *label = dot ? dot + 1 : host;
    size_t n = strlen(label), digits = 0;

    if (n > 1 && label[0] == '0' && label[1] == 'x') {
        for (size_t i = 2; i < n; i++)
            digits += is_hex(label[i]);
        return digits == n - 2;
    }
    for (size_t i = 0; i < n; i++)
        digits += is_digit(label[i]);
    return digits == n;
}

static bool split_name(struct str authority, struct target *t, struct str *port, struct error *err)
{
    struct str name;

    if (!str_cut(authority, ':', &name, port))
        *port = (struct str){NULL, 0};
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--; /* the root's dot changes nothing */
    if (name.n > HOST_MAX || !is_host_name(name.p, name.n))
        return bad(err, "has no well-formed host name");
    for (size_t i = 0; i < name.n; i++)
        t->host[i] = lower(name.p[i]);
    t->is_v4 = inet_pton(AF_INET, t->host, &t->v4) == 1;
    if (!t->is_v4 && ends_in_number(t->host))
        return bad(err, "has a numeric host that is no address of four decimal numbers");
    return true;
}

/* --- the lists ------------------------------------------------------------------------------------ */

static bool has_word(const struct conf_list *list, struct str word)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq_nocase(str_of(list->item[i]), word))
            return true;
    return false;
}

static bool has_port(const struct conf_list *list, uint64_t port)
{
    uint64_t number;

    for (size_t i = 0; i < list->n; i++)
        if (str_to_u64(str_of(list->item[i]), PORT_MAX, &number) && number == port)
            return true;
    return false;
}

/* An address is the same one however the list writes it. */
static bool is_address(struct str item, const struct target *t)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;

    if (item.n > 2 && item.p[0] == '[' && item.p[item.n - 1] == ']')
        item = (struct str){item.p + 1, item.n - 2};
    if (!t->is_v6 || item.n >= sizeof(text))
        return false;
    memcpy(text, item.p, item.n);
    text[item.n] = '\0';
    return inet_pton(AF_INET6, text, &v6) == 1 && memcmp(&v6, &t->v6, sizeof(v6)) == 0;
}

/* "*": every host; ".example.org": every one below it; else this one. */
static bool has_host(const struct conf_list *list, const struct target *t)
{
    struct str host = str_of(t->host);

    for (size_t i = 0; i < list->n; i++) {
        struct str item = str_of(list->item[i]);

        if (item.n > 1 && item.p[item.n - 1] == '.')
            item.n--;
        if (str_eq_cstr(item, "*") || str_eq_nocase(item, host) || is_address(item, t))
            return true;
        if (item.n > 1 && item.p[0] == '.' && host.n > item.n &&
            str_eq_nocase((struct str){host.p + host.n - item.n, item.n}, item))
            return true;
    }
    return false;
}

static bool check_scheme(const struct conf *conf, struct str scheme, struct error *err)
{
    const struct conf_list *allowed = &conf->import_filtering_opts.allowed_schemes;
    bool known = str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https"));
    bool ok = allowed->n > 0 ? has_word(allowed, scheme)
                             : !has_word(&conf->import_filtering_opts.disallowed_schemes, scheme);

    return (known && ok) || error_set(err, ERROR_BAD_REQUEST, "the URL's scheme \"%.*s\" is not allowed",
                                      (int)(scheme.n < 32 ? scheme.n : 32), scheme.p);
}

/* Everything is taken apart before anything is compared, but for the scheme: what stands behind another one
 * may have another form. */
static bool take_apart(const struct conf *conf, struct str url, struct target *t, struct error *err)
{
    struct str rest = {NULL, 0}, authority, port;

    memset(t, 0, sizeof(*t));
    if (!check_characters(url, err) || !cut_scheme(url, &t->scheme, &rest, err) ||
        !check_scheme(conf, t->scheme, err) || !cut_authority(rest, &authority, err))
        return false;
    if (!(authority.p[0] == '[' ? split_v6 : split_name)(authority, t, &port, err))
        return false;
    t->port = str_eq_nocase(t->scheme, STR("https")) ? 443 : 80;
    return !port.p || read_port(port, &t->port, err);
}

static bool check_host(const struct conf *conf, const struct target *t, struct error *err)
{
    if (has_host(&conf->import_filtering_opts.allowed_hosts, t) &&
        !has_host(&conf->import_filtering_opts.disallowed_hosts, t))
        return true;
    return error_set(err, ERROR_BAD_REQUEST, "the URL's host \"%s\" is not allowed", t->host);
}

static bool check_port(const struct conf *conf, uint64_t port, struct error *err)
{
    const struct conf_list *allowed = &conf->import_filtering_opts.allowed_ports;
    bool ok = allowed->n > 0 ? has_port(allowed, port)
                             : !has_port(&conf->import_filtering_opts.disallowed_ports, port);

    return ok || error_set(err, ERROR_BAD_REQUEST, "the URL's port %u is not allowed", (unsigned)port);
}

static bool check_literal(const struct conf *conf, const struct target *t, struct error *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = t->v4};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = t->v6};
    bool ok = t->is_v4   ? filter_address_ok(conf, (const struct sockaddr *)&v4)
              : t->is_v6 ? filter_address_ok(conf, (const struct sockaddr *)&v6)
                         : true;

    return ok || error_set(err, ERROR_BAD_REQUEST, "the URL's address %s is not a public one", t->host);
}

bool filter_uri_check(const struct conf *conf, struct str url, struct error *err)
{
    struct target t;

    if (conf->import_filtering_opts.allowed_hosts.n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "imports from URLs are switched off: name container/object");
    return take_apart(conf, url, &t, err) && check_host(conf, &t, err) && check_port(conf, t.port, err) &&
           check_literal(conf, &t, err);
}

bool filter_address_ok(const struct conf *conf, const struct sockaddr *address)
{
    return !network_is_special(address) ||
           networks_have(str_of(conf->import_filtering_opts.allowed_networks), address);
}

const char *filter_networks_check(struct str list)
{
    return networks_check(list);
}
