/* send.h - uploads: bodies of any size in constant memory, with progress, sent again where the link breaks.
 *
 * The service stores an upload whole or not at all, and a project's stream once. So a stream is sent again
 * whenever its source can be read again; what may have been stored without its answer having come back is
 * found by the service's answer to the repetition.
 */
#ifndef TALLY_CLI_SEND_H
#define TALLY_CLI_SEND_H

#include "cli/cli.h"
#include "cli/source.h"

struct send {
    const char *method;
    const char *path; /* encoded, with its query */
    const char *what; /* for progress and messages: the file's name */
    struct source *source;
    const struct http_header *headers; /* besides the token, type and coding */
    size_t n_headers;
    bool once; /* the service does not know a repetition: not sent again once it may have arrived */
};

struct sent {
    const struct json *reply;
    int status;
    bool repeated; /* 409 to a stream that is stored; the reply names it */
    bool by_us;    /* ... by an earlier attempt of ours, as far as can be known */
    int64_t bytes;
    double seconds;
};

/* Sends it. True for 2xx, and for a 409 that names what is stored. */
bool send_body(struct cli *cli, const struct send *send, struct sent *out, struct error *err);

#endif
