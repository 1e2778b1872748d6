/* exchange.h - one request whose reply fits into memory. Ctrl-C ends it. */
#ifndef TALLY_CLI_EXCHANGE_H
#define TALLY_CLI_EXCHANGE_H

#include "cli/cli.h"

/* True whenever a whole reply came, whatever its status; *OUT lives in CLI's arena. Of a refusal over 1 MiB
 * the body is left out. Errors are those of base/http_stream.h; ERROR_TOO_LARGE for a reply over 64 MiB. */
bool exchange(struct cli *cli, const struct http_request *request, struct http_response *out,
              struct error *err);

#endif
