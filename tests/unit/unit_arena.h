/* unit_arena.h - an arena for a group of tests, or for each of them: where most of what is tested puts its
 * results. */
#ifndef TALLY_TESTS_UNIT_UNIT_ARENA_H
#define TALLY_TESTS_UNIT_UNIT_ARENA_H

#include "base/arena.h"
#include "tests/unit/unit.h"

static struct arena *arena;

static int arena_set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int arena_tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#endif
