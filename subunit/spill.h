/* spill.h - bytes kept in memory up to a bound, then in blocks of one unlinked file. Internal to the library.
 */
#ifndef SUBUNIT_SPILL_H
#define SUBUNIT_SPILL_H

#include "subunit/tally-subunit.h"

#define SPILL_BLOCK 16384

/* Where the contents of one fold live. */
struct spill {
    const char *dir;
    uint64_t memory_each; /* bytes of one content */
    uint64_t memory_all;
    uint64_t max_file;
    uint64_t memory_used;
    int fd;          /* -1 until it is needed */
    uint32_t blocks; /* in the file */
    uint32_t *spare; /* those that nobody uses */
    size_t spare_n;
    size_t spare_cap;
};

/* One file's bytes. All zero is an empty one. */
struct subunit_content {
    struct spill *spill;
    unsigned char *memory; /* everything, as long as nothing has spilled */
    size_t memory_cap;
    uint32_t *blocks; /* everything, afterwards */
    size_t blocks_n;
    size_t blocks_cap;
    uint64_t size;
};

void subunit_spill_init(struct spill *s, const struct subunit_fold_opts *opts);
/* Every content must have been dropped. */
void subunit_spill_end(struct spill *s);

/* Appends; false: *ERR is set, with OFFSET. */
bool subunit_content_append(struct subunit_content *c, struct subunit_str bytes, uint64_t offset,
                            struct subunit_error *err);
/* As subunit_attachment_read(). */
ptrdiff_t subunit_content_read(const struct subunit_content *c, uint64_t offset, void *buf, size_t n);
/* Empties it and gives its room back. */
void subunit_content_drop(struct subunit_content *c);

#endif
