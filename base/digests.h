/* digests.h - md5 and sha512 of one stream at once, each in a thread of its own where the stream is long.
 *
 * The caller goes on while they are computed: it fills one buffer while the other is hashed.
 */
#ifndef TALLY_BASE_DIGESTS_H
#define TALLY_BASE_DIGESTS_H

#include "base/digest.h"

#include <stddef.h>

struct digests;

struct digests *digests_new(void);
/* Ends the threads, whatever they are at. NULL is allowed. */
void digests_free(struct digests *d);

/* Begins with the N bytes at P, when those before are done with. P must stay as it is until the next
 * digests_add() or digests_wait() has returned. */
void digests_add(struct digests *d, const void *p, size_t n);
/* Returns when all that was added is done with. */
void digests_wait(struct digests *d);

/* Both, of all that was added, as lower-case hexadecimal text. */
void digests_end(struct digests *d, char md5[DIGEST_HEX_SIZE], char sha512[DIGEST_HEX_SIZE]);

#endif
