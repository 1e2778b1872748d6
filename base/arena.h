/* arena.h - memory with one owner's lifetime, and what must be undone with it.
 *
 * An arena belongs to one request or one task step and is reset as a whole; it is used by one thread at a
 * time. Running out of memory ends the process with a log line: what comes from an arena is bounded by limits
 * checked before.
 */
#ifndef TALLY_BASE_ARENA_H
#define TALLY_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena;

/* A new arena that keeps its first KEEP bytes over resets. Free with arena_free(). */
struct arena *arena_new(size_t keep);

/* Runs the cleanups, newest first, then forgets every allocation. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* SIZE bytes aligned for any type; uninitialised. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(2)));
/* COUNT * SIZE zeroed bytes, the product checked. */
void *arena_calloc(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(2, 3)));

/* A copy of the N bytes at P, with a NUL after them. */
char *arena_memdup(struct arena *a, const void *p, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
/* A copy of S whose p ends in NUL too. */
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0), returns_nonnull));

/* Calls FN(ARG) when the arena is reset or freed; newest first. */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *a);

#endif
