/* record.h - FastCGI 1.0 records as they come from the web server, checked before libfcgi sees them.
 *
 * libfcgi believes the lengths that it reads and blocks until the parameters are there. So we collect a
 * request's beginning ourselves, without blocking, bound it, and hand it over only when it is whole.
 */
#ifndef TALLY_FCGI_RECORD_H
#define TALLY_FCGI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_HEADER = 8,
    RECORD_MAX_HEAD = 64 * 1024, /* BEGIN_REQUEST and PARAMS together; nginx' headers end at 32 KiB */
    RECORD_MAX_PARAMS = 256,
    RECORD_BEGIN = 1,
    RECORD_ABORT = 2,
    RECORD_PARAMS = 4,
    RECORD_STDIN = 5
};

struct record {
    uint8_t type;
    uint16_t request_id;
    size_t content; /* bytes */
    size_t padding;
};

/* Reads the header at P (RECORD_HEADER bytes). False: not FastCGI 1. */
bool record_parse(const uint8_t *p, struct record *out);

struct record_head {
    uint16_t request_id;
    size_t bytes; /* BEGIN_REQUEST to the empty PARAMS, both included */
};

enum record_scan { RECORD_MORE, RECORD_READY, RECORD_BAD };

/* Looks at the N bytes with which a request begins. RECORD_READY when BEGIN_REQUEST, all PARAMS and the
 * header of the record behind them are there, and every parameter's lengths hold; RECORD_BAD, with *WHY, when
 * more bytes cannot help. SCRATCH has room for RECORD_MAX_HEAD bytes. */
enum record_scan record_scan_head(const uint8_t *p, size_t n, uint8_t *scratch, struct record_head *head,
                                  const char **why);

/* The rest of a body that nobody reads, as it comes. */
struct record_rest {
    uint16_t request_id;
    size_t left; /* bytes of the current record still to come, its padding included */
    bool last;   /* that record is the body's end */
    size_t n_header;
    uint8_t header[RECORD_HEADER]; /* of the next record, N_HEADER bytes of it */
};

/* Goes over the N bytes that came next; *USED of them belong to the body. RECORD_READY when the body ended
 * there, RECORD_BAD when something came that belongs to no body. */
enum record_scan record_skip(struct record_rest *rest, const uint8_t *p, size_t n, size_t *used);

#endif
