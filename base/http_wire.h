/* http_wire.h - what http.c and http_stream.c share of libcurl. Inside base/http*.c only. */
#ifndef TALLY_BASE_HTTP_WIRE_H
#define TALLY_BASE_HTTP_WIRE_H

#include "base/http.h"

#include <curl/curl.h>

enum { HTTP_MAX_HEADERS = 128, HTTP_MAX_HEADER_BYTES = 64 * 1024 };

/* A reply's head while it comes. */
struct http_head {
    struct arena *arena;
    struct http_response *out; /* its headers have room for HTTP_MAX_HEADERS */
    size_t bytes;
    bool over;     /* they were too many: the transfer was ended */
    bool complete; /* the blank line behind a final status has come */
};

/* Makes HEAD take what comes for CURL. */
void http_head_begin(struct http_head *head, CURL *curl, struct arena *arena, struct http_response *out);

/* Can this be sent: method and scheme? ERROR_BAD_REQUEST where not. */
bool http_request_ok(const struct http_request *request, struct error *err);

/* The headers as libcurl wants them; NULL and *ERR where one is unfit. EXPECT: ask for a 100 Continue before
 * the body. Free it with http_headers_free(), which wipes the tokens. */
struct curl_slist *http_headers_list(const struct http_request *request, bool expect, struct error *err);
void http_headers_free(struct curl_slist *list);

/* Sets what holds for every transfer: http and https only, no redirect, no proxy, no netrc; method, URL, TLS.
 */
CURLcode http_options_set(CURL *curl, const struct http_request *request, struct curl_slist *headers,
                          const char *cafile, bool insecure);

/* A time as libcurl takes it, at most a day. */
long http_clamp_ms(uint64_t ms);

/* libcurl's result in our kinds; TEXT is its error buffer. Its own words name hosts and ports at most. Always
 * false. */
bool http_failed(CURLcode code, const char *text, struct error *err);

#endif
