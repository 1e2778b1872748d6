/* uuid.h - random (version 4) UUIDs in lower case. */
#ifndef TALLY_BASE_UUID_H
#define TALLY_BASE_UUID_H

#include "base/str.h"

enum { UUID_TEXT_SIZE = 37 };

/* Writes a new UUID and a NUL. */
void uuid_new(char out[UUID_TEXT_SIZE]);

/* Is S a UUID as 36 characters, 8-4-4-4-12, hex digits in lower case? */
bool uuid_is(struct str s);

#endif
