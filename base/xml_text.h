/* xml_text.h - bytes of unknown origin as the text of an XML 1.0 document.
 *
 * What XML would read as markup is escaped; what it forbids (most control characters, U+FFFE, U+FFFF, bytes
 * that are no UTF-8) becomes U+FFFD. Line ends and tabs come through any parser as they were.
 */
#ifndef TALLY_BASE_XML_TEXT_H
#define TALLY_BASE_XML_TEXT_H

#include "base/buf.h"

/* Text that comes in pieces; zero it before the first one. A character may be split between two. */
struct xml_text {
    char pending[4];
    size_t n;
};

/* Appends PIECE to OUT. */
void xml_text_add(struct xml_text *t, struct buf *out, struct str piece);
/* The text has ended: what waits is the beginning of a character that never came. */
void xml_text_end(struct xml_text *t, struct buf *out);

/* Appends ` NAME="VALUE"`, at most MAX bytes of VALUE (cut at a character's end). */
void xml_attribute(struct buf *out, const char *name, struct str value, size_t max);

#endif
