/* metrics.h - what GET /metrics tells: counters that any thread may raise.
 *
 * A fixed set, in atomics: counting costs no lock, and no client can make a new series.
 */
#ifndef TALLY_HANDLERS_METRICS_H
#define TALLY_HANDLERS_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric {
    METRIC_CONNECTIONS_ACCEPTED,
    METRIC_CONNECTIONS_REFUSED, /* malformed FastCGI, or too slow with a request's beginning */
    METRIC_ACCEPT_ERRORS,       /* EMFILE and its kin */
    METRIC_REQUESTS_CUT,        /* past their deadline, or cut off by the end of the process */
    METRIC_REQUESTS_ABORTED,    /* the client went away */
    METRIC_UPLOADS_STORED,
    METRIC_UPLOADS_REFUSED,
    METRIC_UPLOADS_FAILED,
    METRIC_UPLOAD_BYTES,
    METRIC_UPLOAD_TESTS,
    METRIC_RELOADS,
    METRICS
};

void metrics_add(enum metric metric, uint64_t n);
uint64_t metrics_get(enum metric metric);

/* A request begins; it ends with its method's name, its status and its duration. */
void metrics_request_begin(void);
void metrics_request_end(const char *method, int status, uint64_t micros);

/* Idle and open connections from nginx, set by the accept loop. */
void metrics_set_connections(uint64_t open);

/* Appends Prometheus' text format (0.0.4). */
void metrics_print(struct buf *out);

/* One gauge in that format. */
void metrics_print_gauge(struct buf *out, const char *name, const char *help, uint64_t value);

#endif
