#include "config.h"
#include "handlers/request.h"
#include "base/clock.h"

/* The parameter NAME, marked as used; false (400) where it stands twice. */
static bool find_once(struct request *r, const char *name, struct query_param **found, struct error *err)
{
    *found = NULL;
    for (size_t i = 0; i < r->n_query; i++) {
        if (!str_eq_cstr(r->query[i].name, name))
            continue;
        if (*found)
            return error_set(err, ERROR_BAD_REQUEST, "query parameter \"%s\" is given more than once", name);
        *found = &r->query[i];
        r->query[i].used = true;
    }
    return true;
}

bool query_get(struct request *r, const char *name, bool empty_ok, struct str *value, struct error *err)
{
    struct query_param *param;

    *value = (struct str){NULL, 0};
    if (!find_once(r, name, &param, err))
        return false;
    if (!param)
        return true;
    if (param->value.n == 0 && !empty_ok)
        return error_set(err, ERROR_BAD_REQUEST, "query parameter \"%s\" is empty", name);
    *value = param->value;
    return true;
}

bool query_u64(struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *out,
               struct error *err)
{
    struct str value;
    uint64_t number;

    if (!query_get(r, name, false, &value, err))
        return false;
    if (!value.p)
        return true;
    if (!str_to_u64(value, max, &number) || number < min)
        return error_set(err, ERROR_BAD_REQUEST,
                         "query parameter \"%s\" must be a number from %llu to %llu, not \"%.*s\"", name,
                         (unsigned long long)min, (unsigned long long)max, STR_ARG(value));
    *out = number;
    return true;
}

static bool is_one_of(struct str value, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(value, str_of(words[i])))
            return true;
    return false;
}

bool query_bool(struct request *r, const char *name, bool *out, struct error *err)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    struct str value;

    if (!query_get(r, name, false, &value, err))
        return false;
    if (!value.p)
        return true;
    if (is_one_of(value, yes, sizeof(yes) / sizeof(yes[0])))
        *out = true;
    else if (is_one_of(value, no, sizeof(no) / sizeof(no[0])))
        *out = false;
    else
        return error_set(err, ERROR_BAD_REQUEST, "query parameter \"%s\" must be true or false, not \"%.*s\"",
                         name, STR_ARG(value));
    return true;
}

bool query_time(struct request *r, const char *name, bool end, int64_t *us, bool *given, struct error *err)
{
    struct str value;
    int64_t time;

    if (!query_get(r, name, false, &value, err))
        return false;
    *given = value.p != NULL;
    if (!*given)
        return true;
    if (!clock_parse(value, &time))
        return error_set(err, ERROR_BAD_REQUEST, "%s: '%.*s' is no time like 2026-03-01 12:00:00", name,
                         STR_ARG(value));
    *us = time + (end && value.n == 10 ? (24 * 3600 - 1) * INT64_C(1000000) : 0);
    return true;
}

bool query_check(const struct request *r, struct error *err)
{
    for (size_t i = 0; i < r->n_query; i++)
        if (!r->query[i].used)
            return error_set(err, ERROR_BAD_REQUEST, "unknown query parameter \"%.*s\"",
                             STR_ARG(r->query[i].name));
    return true;
}
