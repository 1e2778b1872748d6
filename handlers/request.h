/* request.h - a request as a handler sees it, and the response that it makes.
 *
 * fcgi/ implements what is declared here over FastCGI; handlers know nothing of that. A request and all that
 * hangs on its arena live until the response is finished.
 */
#ifndef TALLY_HANDLERS_REQUEST_H
#define TALLY_HANDLERS_REQUEST_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/str.h"
#include "db/db.h"
#include "identity/identity.h"

enum method {
    METHOD_OTHER = 0, /* one that no route takes: 405 or 404 */
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_PUT = 8,
    METHOD_PATCH = 16,
    METHOD_DELETE = 32
};

struct query_param {
    struct str name; /* decoded */
    struct str value;
    bool used; /* query_get() and its kin have seen it: request_query_check() complains of the others */
};

enum { REQUEST_CAPTURES = 4 };

struct image_context;
struct route;
struct response;

struct request {
    struct arena *arena;
    const struct conf *conf; /* as it was when the request began */
    struct db *db;           /* db_acquire() a connection from it when one is needed */
    struct identity_driver *identity_driver;
    const struct image_context *images; /* image_context.h */
    const char *id;                     /* req-<uuid> */
    enum method method;
    struct str path; /* decoded, without the query */
    struct query_param *query;
    size_t n_query;
    const struct route *route;
    struct str capture[REQUEST_CAPTURES]; /* the path's {…} parts, in order */
    size_t n_captures;
    struct identity *identity; /* NULL: anonymous */
    int64_t content_length;    /* -1: not said (chunked at nginx) */
    struct response *response;
    void *impl; /* fcgi's own */
};

/* --- the request -------------------------------------------------------------------------------- */

/* A header's value ("X-Signature"; case does not matter), or a view whose p is NULL. */
struct str request_header(const struct request *r, const char *name);

/* Reads up to N bytes of the body; *GOT = 0 at its end. False: the client went away, was too slow or sent
 * fewer bytes than it said (ERROR_ABORTED, ERROR_TIMEOUT), or more than the route's limit (ERROR_TOO_LARGE).
 */
bool request_body_read(struct request *r, void *p, size_t n, size_t *got, struct error *err);

/* The whole body in the arena; ERROR_TOO_LARGE past MAX. */
bool request_body_all(struct request *r, size_t max, struct str *body, struct error *err);

/* Has the client gone (best effort), or the process been asked to stop its work at once? For long replies. */
bool request_gone(const struct request *r);

/* --- its query ---------------------------------------------------------------------------------- */

/* The value of a parameter that may stand once; *VALUE has p NULL where it is missing. False (400) where it
 * stands twice, or is empty while EMPTY_OK is false. Marks it as used. */
bool query_get(struct request *r, const char *name, bool empty_ok, struct str *value, struct error *err);
/* Decimal number in [MIN, MAX]; *OUT keeps its value where the parameter is missing. */
bool query_u64(struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *out,
               struct error *err);
/* true/false (1/0, yes/no, on/off). */
bool query_bool(struct request *r, const char *name, bool *out, struct error *err);
/* A time like "2026-03-01 12:00:00" or a day, which is its first second, or with END its last. *GIVEN says
 * whether it is there; *US is untouched where not. */
bool query_time(struct request *r, const char *name, bool end, int64_t *us, bool *given, struct error *err);
/* 400 that names the first parameter that nothing has asked for. */
bool query_check(const struct request *r, struct error *err);

/* --- the response ------------------------------------------------------------------------------- */

/* Status and headers may be set until the first byte of body is written. Header values with CR, LF or NUL are
 * refused by an assertion: callers never pass on what a client sent unchecked. */
void response_status(struct request *r, int status);
void response_header(struct request *r, const char *name, const char *value);
void response_headerf(struct request *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to the body: streamed through a small buffer, so any length will do. False once the client is gone
 * or too slow: stop then. For HEAD nothing is sent and it says true. */
bool response_write(struct request *r, const void *p, size_t n);
bool response_printf(struct request *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A complete JSON reply (Content-Type and Content-Length set). */
void response_json(struct request *r, int status, struct str json);

/* A reply in the path's error form (API.md: v1 and v2). EXTRA, NULL or JSON members without braces
 * ("\"a\":1"), stands beside the error's own. */
void response_error(struct request *r, const struct error *err, const char *extra);

/* True once the first byte of the reply has gone to the client: an error can then only cut the reply off. */
bool response_started(const struct request *r);

#endif
