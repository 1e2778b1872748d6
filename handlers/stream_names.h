/* stream_names.h - a test's id taken apart into its name and its attributes. */
#ifndef TALLY_HANDLERS_STREAM_NAMES_H
#define TALLY_HANDLERS_STREAM_NAMES_H

#include "db/spool.h"

#include <regex.h>

/* attr_regex_compile() of a user's; ERROR_BAD_REQUEST. Free with regfree(). */
bool stream_regex(struct str text, regex_t *out, struct error *err);

/* All zero but attr_regex is one that has read nothing. */
struct stream_names {
    struct str attr_regex; /* that stream_regex() takes; p NULL: the default one */
    regex_t regex;
    bool made;    /* and not freed */
    size_t bytes; /* that it has seen */
    uint64_t all_bytes;
    int64_t spent_us; /* of the processor, for them */
};
void stream_names_free(struct stream_names *names);

/* Fills T->name and T->attrs of T->stream_id: the name is the id without the attributes, but a bracket at the
 * very beginning stays in it. With the default expression a JUnit name's bracket is cut out only if it holds
 * a test's uuid as Tempest writes it: in other files it tells tests apart (pytest's parameters).
 * ERROR_BAD_REQUEST where the user's expression takes too long. */
bool stream_names_split(struct stream_names *names, struct arena *arena, bool junit, struct spool_test *t,
                        struct error *err);

#endif
