/* route.h - the one table of what Tally answers.
 *
 * The dispatcher, 405 with Allow, HEAD, body limits, the OpenAPI reference and tests come from it.
 */
#ifndef TALLY_HANDLERS_ROUTE_H
#define TALLY_HANDLERS_ROUTE_H

#include "handlers/request.h"

enum auth_need {
    AUTH_NONE,     /* no identity is looked at */
    AUTH_OPTIONAL, /* anonymous without a token; a bad token is 401 */
    AUTH_REQUIRED,
};

/* Answers through the response. False: ERR says why, and the dispatcher answers with it (or cuts a reply off
 * that has started, so that the client sees it is not whole). */
typedef bool (*handler_fn)(struct request *r, struct error *err);

struct route {
    enum method method;  /* GET serves HEAD too */
    const char *pattern; /* "/v1/subunit/{uuid}/attachments/{id}"; a segment in braces captures one segment */
    handler_fn handler;
    enum auth_need auth;
    enum body_limit {
        BODY_NONE,
        BODY_JSON,
        BODY_UPLOAD,
        BODY_IMAGE
    } body;              /* nothing, [api] max_json_bytes, [subunit] max_upload_bytes, [image] max_bytes */
    bool long_reply;     /* may take [api] upload_deadline: a download, a stream */
    const char *summary; /* for the reference */
};

extern const struct route routes[];
extern const size_t n_routes;

/* Finds the route of METHOD and PATH and fills R's route and captures. /v1 takes one trailing slash, /v2
 * none. Returns 200; 404; or 405 with *ALLOW a header value in R's arena ("GET, HEAD, POST"). */
int route_find(struct request *r, const char **allow);

/* "GET" -> METHOD_GET; METHOD_OTHER for what no route takes (names are case-sensitive). And back. */
enum method method_from_name(struct str name);
const char *method_name(enum method method);

#endif
