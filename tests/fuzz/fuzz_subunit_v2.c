/* The version 2 reader, with the bytes as they are and with every packet's checksum made right: chance would
 * hardly find one. */
#include "config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/subunit_check.h"

#include <libdeflate.h>
#include <string.h>

/* The length of the packet at P as far as the header tells; 0 if it does not fit into N bytes. */
static size_t packet_length(const uint8_t *p, size_t n)
{
    size_t size = n > 3 ? (size_t)(p[3] >> 6) + 1 : 9, length;

    if (size > 3 || n < 3 + size)
        return 0;
    length = p[3] & 0x3f;
    for (size_t i = 1; i < size; i++)
        length = length << 8 | p[3 + i];
    return length >= 3 + size + 4 && length <= n ? length : 0;
}

static void repair(uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at++) {
        size_t length = p[at] == 0xb3 ? packet_length(p + at, n - at) : 0;
        if (length == 0)
            continue;
        uint32_t sum = libdeflate_crc32(0, p + at, length - 4);
        for (size_t i = 0; i < 4; i++)
            p[at + length - 4 + i] = (uint8_t)(sum >> 8 * (3 - i));
        at += length - 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    FUZZ_CHECK(copy != NULL);
    copy[0] = 0xb3;
    memcpy(copy + 1, data, size);
    /* It begins with a signature whatever the input is. */
    size_t n = size > 0 && data[0] == 0xb3 ? size : size + 1;
    uint8_t *start = copy + (size + 1 - n);
    subunit_check_fuzzed(start, n);
    repair(start, n);
    subunit_check_fuzzed(start, n);
    free(copy);
    return 0;
}
