#include "config.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>

bool json_is(const struct json *j, enum json_type type)
{
    return j && j->type == type;
}

const char *json_type_name(const struct json *j)
{
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};

    return names[j ? j->type : JSON_NULL];
}

const struct json *json_get(const struct json *j, const char *key)
{
    if (!json_is(j, JSON_OBJECT))
        return NULL;
    for (const struct json *m = j->first; m; m = m->next)
        if (str_eq_cstr(m->key, key))
            return m;
    return NULL;
}

bool json_to_str(const struct json *j, struct str *out)
{
    if (!json_is(j, JSON_STRING))
        return false;
    *out = j->str;
    return true;
}

bool json_to_i64(const struct json *j, int64_t min, int64_t max, int64_t *out)
{
    return json_is(j, JSON_NUMBER) && str_to_i64(j->str, min, max, out);
}

bool json_to_double(const struct json *j, double *out)
{
    if (!json_is(j, JSON_NUMBER))
        return false;
    double v = strtod(j->str.p, NULL);
    if (!isfinite(v))
        return false;
    *out = v;
    return true;
}

bool json_to_bool(const struct json *j, bool *out)
{
    if (!json_is(j, JSON_BOOL))
        return false;
    *out = j->boolean;
    return true;
}

/* The member that json_member_*() is about. False: there is nothing to convert, *OK is what to return. */
static bool member(const struct json *obj, const char *key, bool required, const struct json **m, bool *ok,
                   struct error *err)
{
    *m = json_get(obj, key);
    if (*m)
        return true;
    *ok = !required || error_set(err, ERROR_BAD_REQUEST, "\"%s\" is missing", key);
    return false;
}

static bool wrong(const struct json *m, const char *key, const char *want, struct error *err)
{
    return error_set(err, ERROR_BAD_REQUEST, "\"%s\" must be %s, not %s", key, want, json_type_name(m));
}

bool json_member_str(const struct json *obj, const char *key, bool required, struct str *out,
                     struct error *err)
{
    const struct json *m;
    bool ok;

    if (!member(obj, key, required, &m, &ok, err))
        return ok;
    return json_to_str(m, out) || wrong(m, key, "a string", err);
}

bool json_member_i64(const struct json *obj, const char *key, bool required, int64_t min, int64_t max,
                     int64_t *out, struct error *err)
{
    const struct json *m;
    bool ok;

    if (!member(obj, key, required, &m, &ok, err))
        return ok;
    if (m->type != JSON_NUMBER)
        return wrong(m, key, "an integer", err);
    return json_to_i64(m, min, max, out) ||
           error_set(err, ERROR_BAD_REQUEST, "\"%s\" must be an integer from %lld to %lld, not %.*s", key,
                     (long long)min, (long long)max, (int)(m->str.n < 40 ? m->str.n : 40), m->str.p);
}

bool json_member_bool(const struct json *obj, const char *key, bool required, bool *out, struct error *err)
{
    const struct json *m;
    bool ok;

    if (!member(obj, key, required, &m, &ok, err))
        return ok;
    return json_to_bool(m, out) || wrong(m, key, "true or false", err);
}

bool json_member_node(const struct json *obj, const char *key, bool required, enum json_type type,
                      const struct json **out, struct error *err)
{
    const struct json *m;
    bool ok;

    *out = NULL;
    if (!member(obj, key, required, &m, &ok, err))
        return ok;
    if (m->type != type)
        return wrong(m, key, json_type_name(&(struct json){.type = type}), err);
    *out = m;
    return true;
}

bool json_only(const struct json *obj, const char *const *keys, size_t n, struct error *err)
{
    for (const struct json *m = JSON_FIRST(obj); m; m = m->next) {
        size_t i = 0;

        while (i < n && !str_eq_cstr(m->key, keys[i]))
            i++;
        if (i == n)
            return error_set(err, ERROR_BAD_REQUEST, "unknown member \"%.*s\"",
                             (int)(m->key.n < 100 ? m->key.n : 100), m->key.p);
    }
    return true;
}
