/* property_protection.h - who may create, read, update, delete which image properties: Glance's file.
 *
 * [regex] sections in order, the first that matches a property's name decides; in each: create, read, update,
 * delete = roles, comma-separated, '@' everybody, '!' nobody. A property that no section matches is nobody's
 * to touch; without a file everybody may do all. A section without one of the four, a line that is none, or a
 * bad expression is a mistake.
 */
#ifndef TALLY_IMAGE_PROPERTY_PROTECTION_H
#define TALLY_IMAGE_PROPERTY_PROTECTION_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct property_protection;

enum property_right { PROPERTY_CREATE, PROPERTY_READ, PROPERTY_UPDATE, PROPERTY_DELETE };

/* Reads PATH ("" : no protection, all is allowed). Every mistake is appended to MISTAKES as "PATH:LINE:
 * what"; NULL is returned if there is one. Immutable, for all threads; free with property_protection_free().
 */
struct property_protection *property_protection_read(const char *path, struct buf *mistakes);
void property_protection_free(struct property_protection *p);

/* May somebody with these roles (whole names; case does not matter, as Keystone's) do this to the property
 * NAME? */
bool property_protection_allows(const struct property_protection *p, enum property_right right,
                                struct str name, const struct str *roles, size_t n_roles);

#endif
