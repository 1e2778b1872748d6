#include "config.h"
#include "fcgi/params.h"

#include <string.h>
#include <strings.h>

static const char *const once[] = {
    "X-Auth-Token",
    "X-Service-Token",
    "X-Subject-Token",
    "X-Signature",
    "X-Public-Key",
    "Content-Encoding",
    "Content-Type",
    "Content-Length",
    "Host",
    "Transfer-Encoding",
    "Range",
    "Authorization",
    "X-Openstack-Request-Id",
};

void params_read(struct arena *arena, char *const *envp, struct params *out)
{
    size_t n = 0;

    while (envp[n])
        n++;
    out->item = arena_calloc(arena, n, sizeof(out->item[0]));
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct param *param = &out->item[out->n];

        if (str_cut(str_of(envp[i]), '=', &param->name, &param->value))
            out->n++;
    }
}

struct str params_get(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++)
        if (str_eq_cstr(params->item[i].name, name))
            return params->item[i].value;
    return (struct str){NULL, 0};
}

/* Is PARAM, e.g. HTTP_X_SIGNATURE, the CGI name of HEADER? */
static bool is_header(struct str param, const char *header)
{
    size_t n = strlen(header);

    if (param.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = header[i] == '-' ? '_' : header[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (param.p[i] != c)
            return false;
    }
    return true;
}

/* These two come without HTTP_, and empty where the client sent none. */
static bool is_cgi_name(const char *header)
{
    return strcasecmp(header, "Content-Type") == 0 || strcasecmp(header, "Content-Length") == 0;
}

static bool is_http_param(struct str param, const char *header)
{
    return str_starts(param, STR("HTTP_")) && is_header((struct str){param.p + 5, param.n - 5}, header);
}

struct str params_header(const struct params *params, const char *name)
{
    bool cgi = is_cgi_name(name);

    for (size_t i = 0; i < params->n; i++) {
        const struct param *param = &params->item[i];

        if (cgi && is_header(param->name, name) && param->value.n > 0)
            return param->value;
        if (!cgi && is_http_param(param->name, name))
            return param->value;
    }
    return (struct str){NULL, 0};
}

bool params_check_repeated(const struct params *params, struct error *err)
{
    enum { N_ONCE = sizeof(once) / sizeof(once[0]) };
    size_t lengths[N_ONCE];
    unsigned as_http[N_ONCE] = {0}, as_cgi[N_ONCE] = {0};

    for (size_t h = 0; h < N_ONCE; h++)
        lengths[h] = strlen(once[h]);
    for (size_t i = 0; i < params->n; i++) {
        struct str name = params->item[i].name;
        bool http = str_starts(name, STR("HTTP_"));

        if (http)
            name = (struct str){name.p + 5, name.n - 5};
        for (size_t h = 0; h < N_ONCE; h++) {
            if (name.n != lengths[h] || !is_header(name, once[h]))
                continue;
            if (http ? ++as_http[h] > 1 : is_cgi_name(once[h]) && ++as_cgi[h] > 1)
                return error_set(err, ERROR_BAD_REQUEST, "header %s is given more than once", once[h]);
        }
    }
    return true;
}
