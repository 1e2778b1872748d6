/* wake.h - a tally.fcgi wakes the workers of its host: one empty datagram to each of their sockets.
 *
 * A worker's socket is [worker] wake_socket with "." and its pid behind. Nobody relies on a datagram: who
 * misses one looks at the queue by himself a little later.
 */
#ifndef TALLY_BASE_WAKE_H
#define TALLY_BASE_WAKE_H

#include "base/conf.h"
#include "base/error.h"

struct wake;

/* Wakes every worker of this host. Never waits and never fails; sockets that nobody holds any more, and full
 * ones (their worker is awake then), are passed over. */
void wake_send(const struct conf *conf);

/* Opens this process's socket, in the place of an older one of its name, and removes those that nobody holds
 * any more. Where [worker] wake_socket is empty, a struct wake without a descriptor. NULL: ERROR_INTERNAL
 * with errno; a worker can go on without. */
struct wake *wake_listen(const struct conf *conf, struct error *err);

/* To be polled for reading; -1 (which poll() passes over) where there is none, as for NULL. */
int wake_fd(const struct wake *w);

/* Takes all datagrams that have come; never waits. True where there was one. */
bool wake_drain(struct wake *w);

/* Closes and removes the socket. NULL is fine. */
void wake_free(struct wake *w);

#endif
