#include "config.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4};
}

void buf_free(struct buf *b)
{
    free(b->p);
    b->p = NULL;
    b->n = b->size = 0;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->over = false;
    if (b->p)
        b->p[0] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->over || n > b->max - b->n) {
        b->over = true;
        return NULL;
    }
    if (b->n + n + 1 > b->size) {
        size_t size = b->size ? b->size * 2 : 256;

        while (size < b->n + n + 1)
            size *= 2;
        b->p = mem_realloc(b->p, size);
        b->size = size;
    }
    return b->p + b->n;
}

void buf_grow(struct buf *b, size_t n)
{
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *at = buf_room(b, n);

    if (!at)
        return;
    if (n)
        memcpy(at, p, n);
    buf_grow(b, n);
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_cstr(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    /* Most texts fit what is there already, and are formatted once. */
    size_t room = b->over || !b->p ? 0 : b->size - b->n;
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, again);
    va_end(again);
    char *at = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (!at) {
        if (room)
            b->p[b->n] = '\0';
        return;
    }
    if ((size_t)n >= room)
        vsnprintf(at, (size_t)n + 1, fmt, ap);
    buf_grow(b, (size_t)n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_shift(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

bool buf_ok(const struct buf *b)
{
    return !b->over;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}
