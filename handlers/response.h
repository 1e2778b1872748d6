/* response.h - what handlers/request.h's response functions fill, over a sink that fcgi/ gives.
 *
 * A body that fits the buffer goes out whole, with its Content-Length; a longer one is streamed. For HEAD the
 * body is only counted.
 */
#ifndef TALLY_HANDLERS_RESPONSE_H
#define TALLY_HANDLERS_RESPONSE_H

#include "base/buf.h"
#include "handlers/request.h"

enum { RESPONSE_BUFFER = 16 * 1024, RESPONSE_HEADERS_MAX = 16 * 1024 };

/* Takes N bytes of the CGI reply; false once the client is gone or too slow. */
typedef bool (*response_sink_fn)(void *ctx, const void *p, size_t n);

struct response {
    response_sink_fn sink;
    void *ctx;
    int status;
    bool head;       /* the body is counted, not sent */
    bool started;    /* the status line has gone to the sink */
    bool failed;     /* the sink has refused, or the reply must be cut off */
    bool has_length; /* a handler has set Content-Length */
    struct buf headers;
    struct buf body; /* what has not been sent */
    uint64_t bytes;  /* of body, so far */
};

/* One a thread: the buffers are kept over requests. */
void response_init(struct response *s);
void response_free(struct response *s);

/* Ready for the next request. */
void response_begin(struct response *s, bool head, response_sink_fn sink, void *ctx);

/* Sends what is left, the headers included. False where the reply is not whole at the client: then the
 * connection must be cut off. */
bool response_end(struct request *r);

/* response_error() with a status that no kind of error has. */
void response_error_as(struct request *r, int status, const struct error *err, const char *extra);

/* "Not Found" for 404; "Unknown" for what we never send. */
const char *http_reason(int status);

#endif
