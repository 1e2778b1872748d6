/* http.h - a small HTTP client over libcurl, for short exchanges with a service that the configuration names.
 *
 * One struct http a peer, used by any number of threads at once: each exchange borrows a handle from a pool,
 * so that connections are kept and used again. The whole reply is held in memory up to a limit. There is no
 * proxy (the environment's are ignored), no redirect is followed, and nothing but http and https is spoken.
 * URLs, headers and bodies are never logged: they carry tokens and passwords.
 */
#ifndef TALLY_BASE_HTTP_H
#define TALLY_BASE_HTTP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct http;

struct http_options {
    const char *cafile;          /* certificates to trust; NULL or "": the system's */
    bool insecure;               /* do not check the peer's certificate */
    uint64_t connect_timeout_ms; /* 0: timeout_ms */
    uint64_t timeout_ms;         /* for one exchange as a whole */
    size_t max_response;         /* bytes of a reply's body */
};

struct http_header {
    const char *name;
    struct str value;
};

struct http_request {
    const char *method; /* "GET", ... in capitals */
    const char *url;
    const struct http_header *headers;
    size_t n_headers;
    struct str body;     /* p NULL: none */
    uint64_t timeout_ms; /* for this exchange; 0: the client's */
};

struct http_response {
    int status;
    struct str body; /* followed by a NUL that n does not count */
    struct http_header *headers;
    size_t n_headers;
};

/* Makes libcurl ready, once a process, whichever thread comes first. http_new() calls it. */
bool http_init(struct error *err);

/* A client with these options, which are copied. NULL and ERROR_INTERNAL where libcurl cannot start, or
 * ERROR_BAD_REQUEST where the cafile cannot be read. Free with http_free(), when no exchange is under way. */
struct http *http_new(const struct http_options *options, struct error *err);
void http_free(struct http *http);

/* One exchange. *OUT lives in ARENA. True whenever a whole reply came, whatever its status.
 *
 * False: ERROR_BAD_REQUEST (a header's name or value with CR, LF or NUL, a URL that is none: nothing was
 * sent), ERROR_TIMEOUT (no whole reply in time), ERROR_TOO_LARGE (the body is over max_response, or headers
 * are over 64 KiB), ERROR_UNAVAILABLE (no connection, a broken one, TLS refused); err->code is libcurl's. */
bool http_exchange(struct http *http, const struct http_request *request, struct arena *arena,
                   struct http_response *out, struct error *err);

/* A reply's header (case does not matter; the last, if it is repeated), or a view whose p is NULL. */
struct str http_response_header(const struct http_response *response, const char *name);

/* Is S fit for a header's value: no CR, LF, NUL or other control character but tab? */
bool http_value_ok(struct str s);

#endif
