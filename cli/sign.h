/* sign.h - RSA private keys in PEM, as RefStack's users have them: signatures, and their public keys as
 * OpenSSH writes them.
 */
#ifndef TALLY_CLI_SIGN_H
#define TALLY_CLI_SIGN_H

#include "cli/cli.h"

struct sign_key;

/* Reads FILE; a passphrase is asked for at the terminal. It belongs to CLI's arena. Errors name the file:
 * ERROR_NOT_FOUND, ERROR_UNAUTHORIZED (its passphrase), or ERROR_BAD_REQUEST for what is no RSA key in PEM. A
 * file that others can get at is noted. */
struct sign_key *sign_key_read(struct cli *cli, const char *file, struct error *err);

/* "ssh-rsa AAAA..." */
const char *sign_public(struct cli *cli, const struct sign_key *key, struct error *err);

/* The signature of P (PKCS#1 v1.5, SHA-256) in hexadecimal text. */
const char *sign_text(struct cli *cli, const struct sign_key *key, struct str p, struct error *err);

#endif
