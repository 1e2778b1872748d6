/* buf.h - a growing string of bytes with a limit.
 *
 * Appending past the limit does not fail at once: the buffer remembers it (buf_ok() says false) and takes no
 * more, so that a run of appends is checked once. The bytes are always followed by a NUL that n does not
 * count.
 */
#ifndef TALLY_BASE_BUF_H
#define TALLY_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *p;
    size_t n;
    size_t size; /* allocated */
    size_t max;  /* n never exceeds it */
    bool over;
};

/* An empty buffer that takes MAX bytes at most; nothing is allocated yet. Free with buf_free(). */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empty again, the memory kept. */
void buf_clear(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Room for N bytes at the end, to be filled by the caller and then claimed by buf_grow(); NULL past the
 * limit. */
char *buf_room(struct buf *b, size_t n);
void buf_grow(struct buf *b, size_t n);

/* Drops the first N bytes. */
void buf_shift(struct buf *b, size_t n);

/* False once an append did not fit. */
bool buf_ok(const struct buf *b);
struct str buf_str(const struct buf *b);

#endif
