/* arena.h - a test with an arena of its own: the set-up of several test programs. */
#ifndef TALLY_TESTS_UNIT_ARENA_H
#define TALLY_TESTS_UNIT_ARENA_H

#include "base/arena.h"
#include "tests/unit/unit.h"

static struct arena *arena;

static inline int arena_set_up(void **state)
{
    (void)state;
    arena = arena_new(4096);
    return 0;
}

static inline int arena_tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#endif
