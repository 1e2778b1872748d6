#include "config.h"
#include "db/dsn.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A percent-decoded copy; NULL for a bad escape or a NUL byte. */
static char *decode(struct str s)
{
    char *out = mem_alloc(s.n + 1);
    size_t n;

    if (str_percent_decode(s, false, out, &n) && !memchr(out, '\0', n))
        return out;
    free(out);
    return NULL;
}

static bool take(struct str s, char **out)
{
    free(*out);
    *out = decode(s);
    return *out != NULL;
}

static bool parse_authority(struct str authority, struct db_dsn *out)
{
    struct str user_part = {NULL, 0}, host = authority, user, password, port;
    uint64_t number = 3306;
    const char *at = authority.n ? memrchr(authority.p, '@', authority.n) : NULL;

    if (at) {
        user_part = (struct str){authority.p, (size_t)(at - authority.p)};
        host = (struct str){at + 1, authority.n - user_part.n - 1};
        bool has_password = str_cut(user_part, ':', &user, &password);

        if (!take(user, &out->user) || (has_password && !take(password, &out->password)))
            return false;
    }
    if (host.n && host.p[0] == '[') { /* an IPv6 address */
        struct str address, rest;

        if (!str_cut((struct str){host.p + 1, host.n - 1}, ']', &address, &rest) ||
            !take(address, &out->host))
            return false;
        port = rest.n && rest.p[0] == ':' ? (struct str){rest.p + 1, rest.n - 1} : (struct str){NULL, 0};
    } else {
        struct str name;

        str_cut(host, ':', &name, &port);
        if (name.n && !take(name, &out->host))
            return false;
    }
    if (port.p && !str_to_u64(port, 65535, &number))
        return false;
    out->port = (unsigned)number;
    return true;
}

static bool parse_parameter(struct str key, struct str value, struct db_dsn *out, bool *verify_set)
{
    if (str_eq_cstr(key, "unix_socket"))
        return take(value, &out->unix_socket);
    if (str_eq_cstr(key, "ssl_ca"))
        return take(value, &out->ssl_ca);
    if (str_eq_cstr(key, "ssl_cert"))
        return take(value, &out->ssl_cert);
    if (str_eq_cstr(key, "ssl_key"))
        return take(value, &out->ssl_key);
    if (str_eq_cstr(key, "ssl_verify") || str_eq_cstr(key, "ssl")) {
        bool yes = str_eq_cstr(value, "true") || str_eq_cstr(value, "1");

        if (!yes && !str_eq_cstr(value, "false") && !str_eq_cstr(value, "0"))
            return false;
        if (str_eq_cstr(key, "ssl")) {
            out->ssl = yes;
        } else {
            out->ssl_verify = yes;
            *verify_set = true;
        }
        return true;
    }
    return str_eq_cstr(key, "charset") || str_eq_cstr(key, "plugin");
}

static bool parse_query(struct str query, struct db_dsn *out, struct error *err)
{
    bool verify_set = false;

    while (query.n) {
        struct str pair, key, value;

        str_cut(query, '&', &pair, &query);
        str_cut(pair, '=', &key, &value);
        if (!parse_parameter(key, value, out, &verify_set))
            return error_set(err, ERROR_BAD_REQUEST, "database connection: unknown or bad parameter '%.*s'",
                             STR_ARG(key));
    }
    if (!verify_set)
        out->ssl_verify = out->ssl_ca != NULL;
    out->ssl = out->ssl || out->ssl_ca || out->ssl_cert;
    return true;
}

bool db_dsn_parse(struct str text, struct db_dsn *out, struct error *err)
{
    struct str scheme, rest, authority, name, query;

    memset(out, 0, sizeof(*out));
    str_cut(text, ':', &scheme, &rest);
    if (!str_eq_cstr(scheme, "mysql") && !str_starts(scheme, STR("mysql+")) &&
        !str_eq_cstr(scheme, "mariadb"))
        return error_set(err, ERROR_BAD_REQUEST, "database connection: it must begin with mysql://");
    if (!str_starts(rest, STR("//")))
        return error_set(err, ERROR_BAD_REQUEST, "database connection: '//' is missing after '%.*s:'",
                         STR_ARG(scheme));
    rest = (struct str){rest.p + 2, rest.n - 2};
    if (!str_cut(rest, '/', &authority, &rest))
        return error_set(err, ERROR_BAD_REQUEST, "database connection: the database's name is missing");
    str_cut(rest, '?', &name, &query);
    if (name.n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "database connection: the database's name is missing");
    if (!parse_authority(authority, out) || !take(name, &out->name)) {
        db_dsn_free(out);
        return error_set(err, ERROR_BAD_REQUEST,
                         "database connection: user, password, host, port or name cannot be read");
    }
    if (!parse_query(query, out, err)) {
        db_dsn_free(out);
        return false;
    }
    return true;
}

void db_dsn_free(struct db_dsn *dsn)
{
    char **const parts[] = {&dsn->user,        &dsn->password, &dsn->host,     &dsn->name,
                            &dsn->unix_socket, &dsn->ssl_ca,   &dsn->ssl_cert, &dsn->ssl_key};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        free(*parts[i]);
        *parts[i] = NULL;
    }
}
