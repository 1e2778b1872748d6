/* mem.h - malloc that does not fail: the process ends with a log line instead.
 *
 * For long-lived objects of a bounded size. Parsers of foreign input check their limits before they call
 * these.
 */
#ifndef TALLY_BASE_MEM_H
#define TALLY_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));
void *mem_realloc(void *p, size_t size) __attribute__((returns_nonnull, alloc_size(2)));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));

/* Says that SIZE bytes are not to be had, and aborts. */
void mem_die(size_t size) __attribute__((noreturn, cold));

#endif
