/* text.h - texts of a server's on a terminal: nothing of theirs moves the cursor, changes the direction of
 * writing or the number of lines.
 */
#ifndef TALLY_CLI_TEXT_H
#define TALLY_CLI_TEXT_H

#include "base/buf.h"

/* Makes the widths of characters known: once, before anything else of this file. */
void text_init(void);

/* Appends S and returns how many columns it takes. Escaped: controls (\n, \x1b, \u0085), the marks that turn
 * the direction of writing, invisible and unknown characters, line separators, a heap of combining marks,
 * bytes that are no UTF-8. */
size_t text_escape(struct buf *out, struct str s);

/* The columns of an escaped text. */
size_t text_width(struct str s);

/* Appends as much of an escaped text as fits into WIDTH columns, with an ellipsis where that is not all.
 * Returns its columns. */
size_t text_cut(struct buf *out, struct str s, size_t width);

/* The same as text_escape() for a JSON text: what its strings hold that could drive a terminal becomes
 * \uXXXX, so that it says the same. */
void text_json(struct buf *out, struct str json);

#endif
