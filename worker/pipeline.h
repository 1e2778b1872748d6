/* pipeline.h - bytes from a source to a sink, inspected and hashed on the way.
 *
 * The caller's thread reads; md5, sha512, and inspection with the sink have a thread each, over a ring of a
 * few blocks: memory does not grow with the size. What fits into one block goes without threads.
 */
#ifndef TALLY_WORKER_PIPELINE_H
#define TALLY_WORKER_PIPELINE_H

#include "base/digest.h"
#include "base/error.h"
#include "image/inspect.h"

#include <stdatomic.h>

enum { PIPELINE_BLOCK = 512 * 1024, PIPELINE_BLOCKS = 8 };

struct pipeline {
    /* Up to N bytes; *GOT 0 at the end. */
    bool (*read)(void *ctx, void *p, size_t n, size_t *got, struct error *err);
    void *read_ctx;
    bool (*write)(void *ctx, const void *p, size_t n, struct error *err); /* NULL: they are only hashed */
    void *write_ctx;
    struct inspect *inspect; /* NULL: none. An arena of its own: another thread works on it */
    uint64_t max_bytes;      /* ERROR_TOO_LARGE above */
    _Atomic int64_t *done;   /* counts bytes while they pass */
    const char *fault;       /* passed before each block is read */
    bool no_md5;             /* nobody asks for it: a processor's time for each byte */

    uint64_t size;
    char md5[DIGEST_HEX_SIZE]; /* empty with no_md5 */
    char sha512[DIGEST_HEX_SIZE];
};

/* Until the source's end. False: the first error of source, inspection (ERROR_BAD_REQUEST) or sink. */
bool pipeline_run(struct pipeline *p, struct error *err);

#endif
