/* clouds.h - clouds.yaml and secure.yaml, as openstacksdk finds and merges them.
 *
 * clouds.yaml: OS_CLIENT_CONFIG_FILE, else in the working directory, ~/.config/openstack or /etc/openstack,
 * the first that there is. secure.yaml likewise (OS_CLIENT_SECURE_FILE); what it says of a cloud stands
 * above.
 */
#ifndef TALLY_CLI_CLOUDS_H
#define TALLY_CLI_CLOUDS_H

#include "base/arena.h"
#include "base/error.h"

struct clouds;

/* Reads the files, into ARENA. NAME is the cloud; NULL: the only one that there is, if it is only one. *OUT
 * is NULL where there is none and NAME is NULL. Errors: ERROR_NOT_FOUND (no such file or cloud; it names
 * those that there are), ERROR_BAD_REQUEST (no YAML, with the line; over 1 MiB). */
bool clouds_read(struct arena *arena, const char *name, struct clouds **out, struct error *err);

/* The scalar at PATH ("auth.username") of the cloud; one of "auth" is looked for without it too. NULL: none,
 * or no scalar. Merge keys ("<<") count. */
const char *clouds_get(const struct clouds *clouds, const char *path);

/* The value at PATH as a truth, as YAML 1.1 writes it; FALLBACK where there is none. */
bool clouds_true(const struct clouds *clouds, const char *path, bool fallback);

#endif
