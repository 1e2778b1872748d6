/* networks.h - which addresses are not of the public internet, and lists of networks. */
#ifndef TALLY_IMAGE_NETWORKS_H
#define TALLY_IMAGE_NETWORKS_H

#include "base/str.h"

struct sockaddr;

/* Is ADDRESS anything but a public unicast one: private, shared, link-local, loopback, multicast, reserved,
 * for documentation, or one that carries an IPv4 address in disguise (mapped, 6to4, Teredo, NAT64)? What is
 * neither IPv4 nor IPv6 is special too. */
bool network_is_special(const struct sockaddr *address);

/* Is ADDRESS in one of LIST's networks ("10.0.0.0/8, fd00::/8")? What is malformed has nothing in it. */
bool networks_have(struct str list, const struct sockaddr *address);

/* NULL, or what is wrong with LIST. */
const char *networks_check(struct str list);

#endif
