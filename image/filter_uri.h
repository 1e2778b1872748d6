/* filter_uri.h - which URLs an import may read: the one gate, called at POST and again in the worker. */
#ifndef TALLY_IMAGE_FILTER_URI_H
#define TALLY_IMAGE_FILTER_URI_H

#include "base/conf.h"
#include "base/error.h"
#include "base/str.h"

struct sockaddr;

/* Does URL pass [import_filtering_opts]: scheme, host, port; no userinfo, no fragment, no control characters,
 * no address in disguise (decimal, hex, octal, short, IPv6-mapped)? 400 that says what is wrong and never
 * prints userinfo. No network is used. URL imports are off until allowed_hosts names some. */
bool filter_uri_check(const struct conf *conf, struct str url, struct error *err);

/* May a connection for URL's host go to ADDRESS (as resolved)? Private, link-local, loopback, multicast,
 * reserved and mapped addresses only where [import_filtering_opts] allowed_networks has them. */
bool filter_address_ok(const struct conf *conf, const struct sockaddr *address);

/* Is LIST fit for allowed_networks: "10.0.0.0/8, fd00::/8"? NULL, or what is wrong. */
const char *filter_networks_check(struct str list);

#endif
