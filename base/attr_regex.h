/* attr_regex.h - the expression that finds a test's attributes in its id: subunit2sql's attr_regex. */
#ifndef TALLY_BASE_ATTR_REGEX_H
#define TALLY_BASE_ATTR_REGEX_H

#include "base/str.h"

#include <regex.h>

/* Compiles TEXT: a POSIX extended regular expression with a group. No repeat counts, no back references and
 * not many '+' within each other, which cost without bound. NULL: *OUT is made; free it with regfree().
 * Otherwise what is wrong, a text that lasts until this thread's next call. */
const char *attr_regex_compile(struct str text, regex_t *out);

#endif
