/* download.h - replies of any size into a file or onto standard output.
 *
 * A file appears under its name when it is whole; a link that breaks is tried again from the beginning. What
 * has gone to standard output cannot be taken back: then it is said.
 */
#ifndef TALLY_CLI_DOWNLOAD_H
#define TALLY_CLI_DOWNLOAD_H

#include "cli/cli.h"

/* GET PATH into FILE (NULL or "-": standard output, which must be no terminal). WHAT is for messages. */
bool download(struct cli *cli, const char *path, const char *file, const char *what, struct error *err);

#endif
