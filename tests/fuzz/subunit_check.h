/* subunit_check.h - what must hold for any stream that a subunit reader is fed. */
#ifndef TALLY_TESTS_FUZZ_SUBUNIT_CHECK_H
#define TALLY_TESTS_FUZZ_SUBUNIT_CHECK_H

#include "subunit/tally-subunit.h"

struct subunit_check {
    bool lenient;
    struct subunit_limits limits;
    const size_t *steps; /* sizes of the pieces; 0: at random */
    size_t steps_n;
};

/* Reads the stream whole and in pieces of each size: the same events and the same error each time. Folds the
 * events with hardly any memory, so that attachments spill and are read back; writes them and reads them
 * again. Aborts if something does not hold. */
void subunit_check(const struct subunit_check *check, const uint8_t *data, size_t size);

/* The same for a fuzzer's input, strictly and leniently, with low limits. */
void subunit_check_fuzzed(const uint8_t *data, size_t size);

#endif
