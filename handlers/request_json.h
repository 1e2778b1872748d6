/* request_json.h - a request's body as JSON, and which forms a body may have. */
#ifndef TALLY_HANDLERS_REQUEST_JSON_H
#define TALLY_HANDLERS_REQUEST_JSON_H

#include "base/json.h"
#include "handlers/request.h"

/* Is R's Content-Type TYPE ("application/json"), whatever its parameters, but charset=utf-8 if it names one?
 * No Content-Type is JSON's. */
bool request_is_type(struct request *r, const char *type);

/* ERROR_MEDIA_TYPE where the body has a Content-Encoding. */
bool request_uncoded(struct request *r, struct error *err);

/* The whole body (at most [api] max_json_bytes) as one JSON value; NULL with ERROR_MEDIA_TYPE for another
 * Content-Type than TYPE, ERROR_TOO_LARGE, ERROR_BAD_REQUEST for an empty body or what is no JSON. */
struct json *request_json(struct request *r, const char *type, struct error *err);

/* The same of an application/json that must be an object. */
struct json *request_json_object(struct request *r, struct error *err);

#endif
