/* access_rules.h - does an application credential's rule allow a request? Inside identity/ only. */
#ifndef TALLY_IDENTITY_ACCESS_RULES_H
#define TALLY_IDENTITY_ACCESS_RULES_H

#include "base/str.h"

struct access_rule {
    struct str service; /* a service type */
    struct str method;
    struct str path; /* a pattern */
};

/* Does PATTERN cover the whole of PATH? '*' and "{name}" stand for one or more characters but '/', "**" for
 * any number of any; everything else, a brace without its mate included, for itself. */
bool access_rule_path_matches(struct str pattern, struct str path);

/* Is there a rule for this service type, method and path? No rule allows nothing. */
bool access_rules_allow(const struct access_rule *rules, size_t n, struct str service, struct str method,
                        struct str path);

#endif
