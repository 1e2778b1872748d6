/* dsn.h - [database] connection: "mysql://user:password@host:port/name?unix_socket=...&ssl_ca=..." in parts.
 *
 * SQLAlchemy's form, so that a Glance or RefStack setting can be copied: a "+driver" after "mysql" and the
 * parameters charset and their kin are accepted and ignored. Parts are percent-decoded.
 */
#ifndef TALLY_DB_DSN_H
#define TALLY_DB_DSN_H

#include "base/error.h"
#include "base/str.h"

struct db_dsn {
    char *user;
    char *password;
    char *host; /* NULL: the socket */
    unsigned port;
    char *name;
    char *unix_socket;
    char *ssl_ca;
    char *ssl_cert;
    char *ssl_key;
    bool ssl_verify; /* the server's name too; default true where ssl_ca is given */
    bool ssl;        /* asked for: no plain connection */
};

/* Fills *OUT; free with db_dsn_free(). The message of a mistake never holds the password. */
bool db_dsn_parse(struct str text, struct db_dsn *out, struct error *err);
void db_dsn_free(struct db_dsn *dsn);

#endif
