/* auth_body.h - what Keystone is asked for a token with. */
#ifndef TALLY_CLI_AUTH_BODY_H
#define TALLY_CLI_AUTH_BODY_H

#include "cli/cli.h"

/* The body of POST /v3/auth/tokens, in CLI's arena, from its settings: by password (which the terminal is
 * asked for where it is not set) or by application credential. ERROR_UNAUTHORIZED where something is missing.
 */
bool auth_body(struct cli *cli, struct str *out, struct error *err);

#endif
