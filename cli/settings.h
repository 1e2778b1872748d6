/* settings.h - who is calling and where to: options, the cloud of clouds.yaml, OS_* variables, in this order.
 */
#ifndef TALLY_CLI_SETTINGS_H
#define TALLY_CLI_SETTINGS_H

#include "cli/options.h"

/* NULL: not set. */
struct settings {
    const char *url; /* Tally's */
    const char *auth_url;
    const char *auth_type;
    const char *username, *user_id, *user_domain_name, *user_domain_id, *password;
    const char *project_name, *project_id, *project_domain_name, *project_domain_id;
    const char *default_domain, *default_domain_id; /* where a domain is needed and not set */
    const char *token;
    const char *credential_id, *credential_name, *credential_secret; /* an application credential */
    const char *region, *interface;
    const char *cacert;
    bool insecure;
};

/* Fills *OUT. Errors are those of clouds_read(). */
bool settings_read(struct arena *arena, const struct args *args, struct settings *out, struct error *err);

/* Is there anything that a token could be had with? */
bool settings_has_identity(const struct settings *s);

#endif
