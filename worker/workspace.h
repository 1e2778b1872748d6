/* workspace.h - a folder of this process for files that live no longer than it does.
 *
 * It lies in [worker] work_dir under a lock that ends with the process: the next worker that starts there
 * removes what a killed one has left.
 */
#ifndef TALLY_WORKER_WORKSPACE_H
#define TALLY_WORKER_WORKSPACE_H

#include "base/error.h"

struct workspace {
    char *path; /* NULL: there is none */
    int lock;
};

/* Makes a folder below PARENT, and removes those that nobody holds any more. */
bool workspace_open(struct workspace *w, const char *parent, struct error *err);

/* Removes it with all that is in it. */
void workspace_close(struct workspace *w);

#endif
