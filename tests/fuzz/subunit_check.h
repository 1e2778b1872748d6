/* subunit_check.h - what must hold for any stream that a subunit reader is fed. */
#ifndef TALLY_TESTS_FUZZ_SUBUNIT_CHECK_H
#define TALLY_TESTS_FUZZ_SUBUNIT_CHECK_H

#include "subunit/tally-subunit.h"

/* Reads the stream whole, byte by byte and in odd pieces, strictly and leniently: the same events and the
 * same error each time. Folds them with hardly any memory, so that attachments spill and are read back;
 * writes them and reads them again. */
void subunit_check(const uint8_t *data, size_t size);

#endif
