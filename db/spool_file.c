#include "config.h"
#include "db/spool_file.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool spool_file_open(struct spool_file *f, const char *dir, struct error *err)
{
    buf_init(&f->buffer, SPOOL_RECORD_MAX + SPOOL_BUFFER);
    f->written = 0;
    f->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (f->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/tally-spool-XXXXXX", dir);
        f->fd = mkostemp(path, O_CLOEXEC);
        if (f->fd >= 0)
            unlink(path);
    }
    if (f->fd < 0)
        return error_set(err, ERROR_UNAVAILABLE, "spool folder %s: %s", dir, strerror(errno));
    return true;
}

void spool_file_close(struct spool_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    buf_free(&f->buffer);
}

bool spool_file_flush(struct spool_file *f, struct error *err)
{
    size_t done = 0;

    while (done < f->buffer.n) {
        ssize_t n = fault_point("spool.write")
                        ? -1
                        : pwrite(f->fd, f->buffer.p + done, f->buffer.n - done, (off_t)(f->written + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(err, ERROR_UNAVAILABLE, "the spool cannot be written: %s", strerror(errno));
        done += (size_t)n;
    }
    f->written += done;
    buf_clear(&f->buffer);
    return true;
}

bool spool_file_add(struct spool_file *f, const void *p, size_t n, struct error *err)
{
    buf_add(&f->buffer, p, n);
    return f->buffer.n < SPOOL_BUFFER || spool_file_flush(f, err);
}

uint64_t spool_file_size(const struct spool_file *f)
{
    return f->written + f->buffer.n;
}

bool spool_file_read(const struct spool_file *f, uint64_t offset, void *p, size_t n, struct error *err)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(f->fd, (char *)p + done, n - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(err, ERROR_INTERNAL, "the spool cannot be read: %s",
                             got ? strerror(errno) : "it ends early");
        done += (size_t)got;
    }
    return true;
}
