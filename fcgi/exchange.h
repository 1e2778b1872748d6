/* exchange.h - one request and its reply, on a connection that a worker has taken. */
#ifndef TALLY_FCGI_EXCHANGE_H
#define TALLY_FCGI_EXCHANGE_H

#include "fcgi/app.h"
#include "fcgi/body.h"
#include "fcgi/peer.h"
#include "fcgi/params.h"
#include "handlers/request.h"
#include "handlers/response.h"

#include <fcgiapp.h>
#include <stdatomic.h>

struct exchange {
    struct request request;
    struct context context;
    struct peer *peer;
    const _Atomic bool *stop; /* the process must end at once */
    FCGX_Request *fcgx;
    struct params params;
    struct body body;
    uint64_t body_limit; /* bytes that the route takes */
    struct identity identity;
    int64_t began_us;
    struct str method_text; /* as it came */
};

/* Answers the request whose parameters stand in X's fcgx and whose arena, response, peer, body, context and
 * database are set. False: the reply is not whole, and the connection must be cut off. */
bool exchange_run(struct exchange *x);

#endif
