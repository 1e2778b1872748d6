/* listing.h - lists of any length: page after page, until --limit. */
#ifndef TALLY_CLI_LISTING_H
#define TALLY_CLI_LISTING_H

#include "cli/output.h"

struct listing {
    const char *path;   /* encoded, with its filters */
    const char *member; /* the reply's list; NULL: the reply is the list */
    const struct column *columns;
    size_t n_columns;
    bool numbered; /* pages by number ("page", "pagination"), not by "next" */
};

/* Prints it. An exit code. */
int listing_print(struct cli *cli, const struct listing *listing);

/* --limit; UINT64_MAX for all. */
bool listing_limit(const struct cli *cli, uint64_t *limit, struct error *err);

/* Makes the same call for each of the command's words: METHOD PREFIX/WORD. Goes on after one that fails; the
 * exit code of the first that did. DONE is what a note says of each: "deleted". */
int listing_each(struct cli *cli, const char *method, const char *prefix, const char *done);

#endif
