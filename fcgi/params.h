/* params.h - a request's parameters, read once from envp into a table. */
#ifndef TALLY_FCGI_PARAMS_H
#define TALLY_FCGI_PARAMS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct params {
    struct param {
        struct str name;
        struct str value;
    } * item;
    size_t n;
};

/* The views point into ENVP's strings. */
void params_read(struct arena *arena, char *const *envp, struct params *out);

/* The first value of NAME; p is NULL where there is none. */
struct str params_get(const struct params *params, const char *name);

/* The value of the HTTP header NAME ("X-Signature"). */
struct str params_header(const struct params *params, const char *name);

/* 400 where a header that decides something is there twice: nginx sends a repeated header as a repeated
 * parameter, and two readers might believe two different ones. */
bool params_check_repeated(const struct params *params, struct error *err);

#endif
