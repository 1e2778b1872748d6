#include "config.h"
#include "base/arena.h"
#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16384 };

struct block {
    struct block *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *head; /* newest; the last of the list is FIRST */
    struct block *first;
    struct cleanup *cleanups;
    size_t used;
};

static struct block *block_new(size_t size)
{
    struct block *b = mem_alloc(sizeof(*b) + size);

    b->next = NULL;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *arena_new(size_t keep)
{
    struct arena *a = mem_calloc(1, sizeof(*a));

    a->first = a->head = block_new(keep ? keep : BLOCK_SIZE);
    return a;
}

void arena_reset(struct arena *a)
{
    while (a->cleanups) {
        struct cleanup *c = a->cleanups;

        a->cleanups = c->next;
        c->fn(c->arg);
    }
    while (a->head != a->first) {
        struct block *b = a->head;

        a->head = b->next;
        free(b);
    }
    a->first->used = 0;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    arena_reset(a);
    free(a->first);
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct block *b = a->head;

    if (size > SIZE_MAX / 2)
        mem_die(size);
    size = (size + align - 1) & ~(align - 1);
    if (b->size - b->used < size) {
        b = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);
        b->next = a->head;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += size;
    a->used += size;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        mem_die(SIZE_MAX);
    void *p = arena_alloc(a, total);
    memset(p, 0, total);
    return p;
}

char *arena_memdup(struct arena *a, const void *p, size_t n)
{
    char *copy = arena_alloc(a, n + 1);

    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_memdup(a, s, strlen(s));
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){arena_memdup(a, s.p, s.n), s.n};
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char text[256];
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(text, sizeof(text), fmt, again);
    va_end(again);
    if (n < 0)
        n = 0;
    if ((size_t)n < sizeof(text))
        return arena_memdup(a, text, (size_t)n);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct cleanup *c = arena_alloc(a, sizeof(*c));

    c->fn = fn;
    c->arg = arg;
    c->next = a->cleanups;
    a->cleanups = c;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
