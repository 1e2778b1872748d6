/* service.h - ourselves as a client of other OpenStack services: our own token, and Keystone's catalogue. */
#ifndef TALLY_IDENTITY_SERVICE_H
#define TALLY_IDENTITY_SERVICE_H

#include "base/conf.h"
#include "base/service_auth.h"

struct identity_service;

/* Our service user's session of [keystone_authtoken], used by all threads at once. Asks nobody yet. Without
 * an auth_url it is made too, and each use of it fails: who has no Swift needs no Keystone. NULL: the
 * configuration will not do. Free with identity_service_free(), after the stores that use it. */
struct identity_service *identity_service_new(const struct conf *conf, struct error *err);
void identity_service_free(struct identity_service *s);

/* What store_images_new() and store_containers_new() want. Lives as long as S. The catalogue is kept for five
 * minutes, and the old one longer while Keystone does not answer. */
const struct service_auth *identity_service_auth(const struct identity_service *s);

#endif
