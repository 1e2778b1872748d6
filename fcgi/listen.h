/* listen.h - the listening socket: descriptor 0 from spawn-fcgi or systemd, or one of our own. */
#ifndef TALLY_FCGI_LISTEN_H
#define TALLY_FCGI_LISTEN_H

#include "base/error.h"

/* Opens what of descriptors 0, 1 and 2 is closed (on /dev/null), so that no connection gets such a number. */
void listen_open_std(void);

/* Moves descriptor 0, a listening socket, out of the way of what reads standard input. -1: it is none. */
int listen_inherited(struct error *err);

/* A socket at "unix:/path", mode 0660; a stale one in its place is removed, one that answers is not. */
int listen_at(const char *where, struct error *err);

#endif
