/* listing.h - lists of any length: page after page, until --limit. */
#ifndef TALLY_CLI_LISTING_H
#define TALLY_CLI_LISTING_H

#include "cli/output.h"

enum listing_pages {
    LISTING_NEXT,     /* a page names the next one */
    LISTING_NUMBERED, /* "page", "pagination" */
    LISTING_WHOLE,    /* there is one page only */
};

struct listing {
    const char *path;   /* encoded, with its filters */
    const char *member; /* the reply's list; NULL: the reply is the list */
    enum listing_pages pages;
};

/* Prints it with the command's columns, in memory that does not grow with what is not a table. An exit code.
 */
int listing_print(struct cli *cli, const struct listing *listing);

/* Prints the list MEMBER at PATH, computed over runs: those that --meta and these OPTIONS choose. */
int listing_of_runs(struct cli *cli, const char *path, const char *member, enum listing_pages pages,
                    const char *options);

/* --limit; UINT64_MAX for all. */
bool listing_limit(const struct cli *cli, uint64_t *limit, struct error *err);

/* Makes the same call for each of the command's words: METHOD PREFIX/WORD. Goes on after one that fails; the
 * exit code of the first that did. DONE is what a note says of each: "deleted". */
int listing_each(struct cli *cli, const char *method, const char *prefix, const char *done);

#endif
