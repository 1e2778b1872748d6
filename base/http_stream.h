/* http_stream.h - HTTP exchanges with bodies of any size in constant memory, over libcurl.
 *
 * The caller writes the request's body and reads the reply's in blocks of his own; nothing is held but a
 * bounded buffer. One thread uses a stream at a time, and any number of streams share the connections of a
 * struct http_streams. As in http.h there is no proxy, no redirect is followed, nothing but http and https is
 * spoken, and URLs, headers and bodies are never logged.
 *
 *     s = http_stream_open(streams, &request, arena, err);
 *     while (...) http_stream_write(s, p, n, err);           only of an upload
 *     http_stream_head(s, &reply, err);                      status and headers
 *     do http_stream_read(s, p, n, &got, err); while (got);
 *     http_stream_close(s);
 *
 * Errors of all: ERROR_TIMEOUT (no byte for stall_timeout_ms), ERROR_ABORTED (stop() said so),
 * ERROR_FORBIDDEN (address_ok() refused every address of the host), ERROR_TOO_LARGE (headers over 64 KiB),
 * ERROR_UNAVAILABLE (no connection, or one that broke; err->code is libcurl's number).
 */
#ifndef TALLY_BASE_HTTP_STREAM_H
#define TALLY_BASE_HTTP_STREAM_H

#include "base/http.h"

struct http_streams;
struct http_stream;
struct sockaddr;

/* Uses OPTIONS' cafile, insecure and connect_timeout_ms, which are copied. Errors as http_new(). Free it when
 * all streams are closed. */
struct http_streams *http_streams_new(const struct http_options *options, struct error *err);
void http_streams_free(struct http_streams *streams);

struct http_stream_request {
    struct http_request http; /* body and timeout_ms do not count */
    bool upload;              /* a body will be written */
    int64_t size;             /* its bytes; -1: not known, it is sent in chunks */
    uint64_t stall_timeout_ms;
    bool (*stop)(void *ctx); /* asked at least each second, and before anything is waited for; NULL: never */
    void *ctx;
    /* May a connection go to ADDRESS, as resolved? Where it is set, no kept connection is used. NULL: any. */
    bool (*address_ok)(void *ctx, const struct sockaddr *address);
    void *address_ctx;
};

/* Begins; nothing has been sent yet. What REQUEST points to must last until http_stream_head() is true. NULL:
 * ERROR_BAD_REQUEST where it cannot be sent. */
struct http_stream *http_stream_open(struct http_streams *streams, const struct http_stream_request *request,
                                     struct arena *arena, struct error *err);

/* Sends N bytes of the body. False where they cannot be; when the peer has answered already (a refusal),
 * http_stream_answered() is true and http_stream_head() has what he says. */
bool http_stream_write(struct http_stream *s, const void *p, size_t n, struct error *err);
bool http_stream_answered(const struct http_stream *s);

/* Ends the body and waits for the reply's head. *OUT (without a body) lives in the arena of
 * http_stream_open(). */
bool http_stream_head(struct http_stream *s, struct http_response *out, struct error *err);

/* Up to N bytes of the reply's body; *GOT 0 at the end. A body shorter than its Content-Length, or a chunked
 * one without its end, is ERROR_UNAVAILABLE. */
bool http_stream_read(struct http_stream *s, void *p, size_t n, size_t *got, struct error *err);

/* The whole rest of the body, for short ones: ERROR_TOO_LARGE over MAX bytes. In the arena, a NUL behind it.
 */
bool http_stream_body(struct http_stream *s, size_t max, struct str *out, struct error *err);

/* Ends the exchange wherever it stands. The connection is kept where the reply was read to its end. NULL is
 * allowed. */
void http_stream_close(struct http_stream *s);

#endif
