/* suggest.h - the nearest of several words, for who mistyped one. */
#ifndef TALLY_CLI_SUGGEST_H
#define TALLY_CLI_SUGGEST_H

#include "base/str.h"

enum { SUGGEST_FAR = 4 }; /* so many changes are no mistyping any more */

/* How many letters must be added, removed, changed or swapped with their neighbour to make B of A; words over
 * 64 bytes count as different. */
size_t suggest_distance(struct str a, struct str b);

/* Makes CANDIDATE the *NEAREST, where it is nearer to WORD than *DISTANCE. */
void suggest_nearer(struct str word, const char *candidate, const char **nearest, size_t *distance);

#endif
