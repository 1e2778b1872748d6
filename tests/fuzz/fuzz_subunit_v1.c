/* The version 1 reader; what begins with version 2's signature is left to the other target. */
#include "config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/subunit_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] != 0xb3)
        subunit_check_fuzzed(data, size);
    return 0;
}
