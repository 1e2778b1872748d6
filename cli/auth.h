/* auth.h - the token, and what the catalogue says. A token or a password is never printed. */
#ifndef TALLY_CLI_AUTH_H
#define TALLY_CLI_AUTH_H

#include "cli/cli.h"

enum auth_need {
    AUTH_NONE,     /* the command speaks to nobody */
    AUTH_OPTIONAL, /* a token is sent if there is one to be had */
    AUTH_NEEDED,
};

/* Makes CLI's streams, url, token and catalog ready. Errors: ERROR_UNAUTHORIZED (no credentials, or
 * Keystone refused them), ERROR_BAD_REQUEST (settings that do not go together), ERROR_NOT_FOUND (no address
 * of the service), ERROR_UNAVAILABLE. */
bool auth_begin(struct cli *cli, enum auth_need need, struct error *err);

/* Another token in the place of one that has ended. False where there is nothing to get it with. */
bool auth_renew(struct cli *cli, struct error *err);

/* Reads the password at the terminal; NULL where there is none. */
const char *auth_ask_secret(struct cli *cli, const char *prompt);

#endif
