/* failure.h - what a test's failure is at its core: the line of its traceback that says what went wrong.
 *
 * Two failures are alike when these lines are, once what differs from run to run (numbers, addresses, ids,
 * paths) has made room for a placeholder.
 */
#ifndef TALLY_BASE_FAILURE_H
#define TALLY_BASE_FAILURE_H

#include "base/buf.h"

enum {
    FAILURE_TAIL = 16 * 1024,   /* bytes of a traceback's end that are looked at */
    FAILURE_LINE = 512,         /* bytes of a line that count */
    FAILURE_SIGNATURE_SIZE = 16 /* bytes of a signature */
};

/* Of the attachments of a failed test, how well one that is called NAME of type MIME (p NULL: none) says what
 * went wrong: 0 not at all; of two, the larger one is it. */
int failure_rank(struct str name, struct str mime);

/* The line, within TAIL: the exception's of a Python traceback (the first one behind the last frame), the
 * last cause of a Java one, else the last line that is not blank. Blanks at its ends are off; empty where
 * there is none. */
struct str failure_line(struct str tail);

/* Appends LINE with its placeholders (<uuid>, <hex>, <ip>, <path>, <url>, <N>), at most FAILURE_LINE bytes,
 * well-formed UTF-8 without control characters. */
void failure_normalise(struct str line, struct buf *out);

/* The signature of a line that failure_normalise() made. */
void failure_signature(struct str normal, unsigned char out[FAILURE_SIGNATURE_SIZE]);

#endif
