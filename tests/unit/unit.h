/* unit.h - what cmocka wants included before itself, in one place. */
#ifndef TALLY_TESTS_UNIT_UNIT_H
#define TALLY_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
