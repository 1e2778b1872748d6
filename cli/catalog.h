/* catalog.h - Keystone's catalogue: where Tally is, and the cloud's id. */
#ifndef TALLY_CLI_CATALOG_H
#define TALLY_CLI_CATALOG_H

#include "base/json.h"

/* The URL of the endpoint of type "results", else "image" (Tally is both), in REGION (NULL: any) with
 * INTERFACE (NULL: public; "publicURL" is understood). NULL where there is none. */
const char *catalog_endpoint(const struct json *catalog, const char *region, const char *interface,
                             struct arena *arena);

/* Is WHOSE ("Tally's") URL one of http or https, and does it hold no user or password? Those would be in
 * every message, and nobody asks for them. ERROR_BAD_REQUEST does not quote it. */
bool catalog_url_ok(const char *url, const char *whose, struct error *err);

/* URL without slashes at its end, and without a version ("/v1", "/v2"). */
const char *catalog_base_url(struct arena *arena, const char *url);

/* The id of the identity service: the cloud's cpid as refstack-client takes it. NULL where it is not there.
 */
const char *catalog_identity_id(const struct json *catalog, struct arena *arena);

/* The cpid that refstack-client makes of a Keystone's URL: md5 of the host's name in lower case. NULL, and
 * ERROR_BAD_REQUEST, where it has no http scheme or no host. */
const char *catalog_cpid_of_url(struct arena *arena, const char *url, struct error *err);

#endif
