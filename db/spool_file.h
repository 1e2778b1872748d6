/* spool_file.h - an unlinked file that is written from front to back and then read anywhere. For spool.c. */
#ifndef TALLY_DB_SPOOL_FILE_H
#define TALLY_DB_SPOOL_FILE_H

#include "base/buf.h"
#include "base/error.h"

enum { SPOOL_BUFFER = 128 * 1024, SPOOL_RECORD_MAX = 64 * 1024 * 1024 };

struct spool_file {
    int fd;            /* -1: none */
    struct buf buffer; /* what is not yet in the file; records may be put together in it */
    uint64_t written;
};

/* Makes the file in DIR, without a name (O_TMPFILE, else unlinked at once). ERROR_UNAVAILABLE where it cannot
 * be made. */
bool spool_file_open(struct spool_file *f, const char *dir, struct error *err);
void spool_file_close(struct spool_file *f);

/* Appends; what is buffered goes out from SPOOL_BUFFER bytes on. ERROR_UNAVAILABLE where the disk is full. */
bool spool_file_add(struct spool_file *f, const void *p, size_t n, struct error *err);
bool spool_file_flush(struct spool_file *f, struct error *err);

/* Bytes so far, those in the buffer included. */
uint64_t spool_file_size(const struct spool_file *f);

/* Exactly N bytes from OFFSET on, of what has been flushed. */
bool spool_file_read(const struct spool_file *f, uint64_t offset, void *p, size_t n, struct error *err);

#endif
