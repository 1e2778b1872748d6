/* text.h - UTF-8 as Python's strict decoder sees it, and comparisons of views. Internal to the library. */
#ifndef SUBUNIT_TEXT_H
#define SUBUNIT_TEXT_H

#include "subunit/tally-subunit.h"

enum utf8_state {
    UTF8_COMPLETE,   /* one whole character */
    UTF8_INCOMPLETE, /* the beginning of one */
    UTF8_INVALID,
};

/* What the N (at least 1) bytes at P are, when they should be one character. */
enum utf8_state subunit_utf8_character(const unsigned char *p, size_t n);

enum text_fault {
    TEXT_FINE,
    TEXT_NUL,     /* holds a NUL byte */
    TEXT_PARTIAL, /* ends inside a character */
    TEXT_INVALID,
};

/* Whether S is UTF-8 without NUL; *CHARS gets the number of code points when it is, and of a character that
 * is cut off the number of bytes. */
enum text_fault subunit_text_check(struct subunit_str s, size_t *chars);

bool subunit_str_same(struct subunit_str a, struct subunit_str b);
/* As memcmp, shorter first on a tie. */
int subunit_str_order(struct subunit_str a, struct subunit_str b);

/* Removes doubles from the N views at V, keeping the first of each; returns how many stay, SIZE_MAX when out
 * of memory. */
size_t subunit_str_unique(struct subunit_str *v, size_t n);

#endif
