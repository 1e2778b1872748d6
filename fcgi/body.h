/* body.h - a request's body: the STDIN records behind its parameters.
 *
 * Reads block for at most the socket's SO_RCVTIMEO.
 */
#ifndef TALLY_FCGI_BODY_H
#define TALLY_FCGI_BODY_H

#include "base/error.h"
#include "fcgi/record.h"

#include <stddef.h>
#include <stdint.h>

struct body {
    int fd;
    uint16_t request_id;
    uint8_t *buf; /* the worker's; what of the input is not used yet stands at [start, end) */
    size_t size;
    size_t start;
    size_t end;
    size_t content; /* of the current record, not read yet */
    size_t padding;
    bool eof;    /* the empty STDIN record has come */
    bool broken; /* no more can be read; the connection is of no more use */
    uint64_t bytes;
};

/* Up to N > 0 bytes, as many as are at hand; *GOT = 0 at the end. False: ERROR_ABORTED (the web server closed
 * the connection, sent ABORT_REQUEST, or something that does not belong there), ERROR_TIMEOUT. */
bool body_read(struct body *b, void *p, size_t n, size_t *got, struct error *err);

/* Is the end of the body here already, or in the buffer? Never blocks. */
bool body_at_end(struct body *b);

/* What record_skip needs to go over the rest of the body, from b->start on. */
struct record_rest body_rest(const struct body *b);

#endif
