/* progress.h - a line on the terminal that says how far an upload, a download or a task is. Nothing where
 * stderr is no terminal, or with --quiet.
 */
#ifndef TALLY_CLI_PROGRESS_H
#define TALLY_CLI_PROGRESS_H

#include "cli/cli.h"

struct progress {
    bool shown;
    const char *what;
    int64_t total; /* -1: not known */
    int64_t done;
    int64_t began_us, drawn_us, rated_us;
    int64_t rated_done;
    double rate; /* bytes a second, smoothed */
};

void progress_begin(struct progress *p, const struct cli *cli, const char *what, int64_t total);

/* DONE bytes are through; draws at most ten times a second. */
void progress_update(struct progress *p, int64_t done);

/* Takes the line away. */
void progress_end(struct progress *p);

/* Takes away whatever line is drawn; the next update draws it again. */
void progress_hide(void);

/* The line's text, for WIDTH columns, as of NOW; without control characters. */
void progress_text(const struct progress *p, int64_t now_us, size_t width, struct buf *out);

#endif
