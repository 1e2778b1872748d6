#include "config.h"
#include "subunit/reader.h"
#include "subunit/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void subunit_spill_init(struct spill *s, const struct subunit_fold_opts *opts)
{
    const char *dir = opts->spill_dir != NULL ? opts->spill_dir : getenv("TMPDIR");

    *s = (struct spill){
        .dir = dir != NULL && dir[0] != '\0' ? dir : "/tmp",
        .memory_each = opts->attachment_memory != 0 ? opts->attachment_memory : 65536,
        .memory_all = opts->attachment_memory_all != 0 ? opts->attachment_memory_all : UINT64_C(4) << 20,
        .max_file = opts->max_spill_bytes,
        .fd = -1,
    };
}

void subunit_spill_end(struct spill *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s->spare);
}

static bool io_error(struct subunit_error *err, uint64_t offset, const char *what)
{
    int saved = errno;

    (void)subunit_error_set(err, SUBUNIT_ERROR_IO, offset, "spill file: %s: %s", what, strerror(saved));
    if (err != NULL)
        err->sys_errno = saved;
    return false;
}

static bool memory_error(struct subunit_error *err, uint64_t offset)
{
    return subunit_error_set(err, SUBUNIT_ERROR_MEMORY, offset, "out of memory");
}

/* A file without a name, so that nothing is left behind whatever happens. */
static int open_unlinked(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char *name;

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (asprintf(&name, "%s/tally-subunit-XXXXXX", dir) < 0) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(name);
    free(name);
    return fd;
}

/* --- blocks --------------------------------------------------------------------------------------- */

static bool block_take(struct spill *s, uint32_t *block, uint64_t offset, struct subunit_error *err)
{
    if (s->fd < 0 && (s->fd = open_unlinked(s->dir)) < 0)
        return io_error(err, offset, "open");
    if (s->spare_n > 0) {
        *block = s->spare[--s->spare_n];
        return true;
    }
    uint64_t bytes = ((uint64_t)s->blocks + 1) * SPILL_BLOCK;
    if (s->blocks == UINT32_MAX || (s->max_file != 0 && bytes > s->max_file))
        return subunit_error_set(err, SUBUNIT_ERROR_LIMIT, offset,
                                 "attachments of open tests of over %llu bytes",
                                 (unsigned long long)(bytes - SPILL_BLOCK));
    /* Giving a block back must not fail, so its place in the list is made now. */
    if (s->blocks == s->spare_cap) {
        size_t cap = s->spare_cap == 0 ? 64 : s->spare_cap * 2;
        uint32_t *grown = realloc(s->spare, cap * sizeof(*grown));
        if (grown == NULL)
            return memory_error(err, offset);
        s->spare = grown;
        s->spare_cap = cap;
    }
    *block = s->blocks++;
    return true;
}

/* When nobody uses any block the file gives its room back. */
static void blocks_give(struct spill *s, const uint32_t *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->spare[s->spare_n++] = blocks[i];
    if (n > 0 && s->spare_n == s->blocks && ftruncate(s->fd, 0) == 0)
        s->spare_n = s->blocks = 0;
}

static bool write_at(int fd, const unsigned char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t w = pwrite(fd, p, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return false;
        p += w;
        n -= (size_t)w;
        at += (uint64_t)w;
    }
    return true;
}

static bool append_blocks(struct subunit_content *c, const unsigned char *p, size_t n, uint64_t offset,
                          struct subunit_error *err)
{
    struct spill *s = c->spill;

    while (n > 0) {
        size_t used = (size_t)(c->size % SPILL_BLOCK), part = SPILL_BLOCK - used;
        if (part > n)
            part = n;
        if (used == 0) {
            if (c->blocks_n == c->blocks_cap) {
                size_t cap = c->blocks_cap == 0 ? 8 : c->blocks_cap * 2;
                uint32_t *grown = realloc(c->blocks, cap * sizeof(*grown));
                if (grown == NULL)
                    return memory_error(err, offset);
                c->blocks = grown;
                c->blocks_cap = cap;
            }
            if (!block_take(s, &c->blocks[c->blocks_n], offset, err))
                return false;
            c->blocks_n++;
        }
        uint64_t at = (uint64_t)c->blocks[c->blocks_n - 1] * SPILL_BLOCK + used;
        if (!write_at(s->fd, p, part, at))
            return io_error(err, offset, "write");
        c->size += part;
        p += part;
        n -= part;
    }
    return true;
}

/* --- contents ------------------------------------------------------------------------------------- */

static void memory_drop(struct subunit_content *c)
{
    if (c->memory == NULL)
        return;
    c->spill->memory_used -= c->memory_cap;
    free(c->memory);
    c->memory = NULL;
    c->memory_cap = 0;
}

/* Room for N bytes more, if the bounds on memory allow it. */
static bool memory_room(struct subunit_content *c, size_t n, bool *granted)
{
    struct spill *s = c->spill;
    uint64_t want = c->size + n, cap = c->memory_cap;

    *granted = want <= s->memory_each;
    if (!*granted || want <= cap)
        return true;
    cap = cap * 2 > want ? cap * 2 : want;
    if (cap > s->memory_each)
        cap = s->memory_each;
    *granted = s->memory_used - c->memory_cap + cap <= s->memory_all;
    if (!*granted)
        return true;
    unsigned char *grown = realloc(c->memory, (size_t)cap);
    if (grown == NULL)
        return false;
    s->memory_used += cap - c->memory_cap;
    c->memory = grown;
    c->memory_cap = (size_t)cap;
    return true;
}

bool subunit_content_append(struct subunit_content *c, struct subunit_str bytes, uint64_t offset,
                            struct subunit_error *err)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    bool granted = false;

    if (bytes.n == 0)
        return true;
    if (c->blocks_n == 0 && !memory_room(c, bytes.n, &granted))
        return memory_error(err, offset);
    if (granted) {
        memcpy(c->memory + c->size, p, bytes.n);
        c->size += bytes.n;
        return true;
    }
    if (c->memory != NULL) {
        uint64_t had = c->size;
        c->size = 0;
        bool ok = append_blocks(c, c->memory, (size_t)had, offset, err);
        memory_drop(c);
        if (!ok)
            return false;
    }
    return append_blocks(c, p, bytes.n, offset, err);
}

ptrdiff_t subunit_content_read(const struct subunit_content *c, uint64_t offset, void *buf, size_t n)
{
    unsigned char *to = buf;
    size_t done = 0;

    if (offset >= c->size)
        return 0;
    if (n > c->size - offset)
        n = (size_t)(c->size - offset);
    if (n > PTRDIFF_MAX)
        n = PTRDIFF_MAX;
    if (c->blocks_n == 0) {
        memcpy(to, c->memory + offset, n);
        return (ptrdiff_t)n;
    }
    while (done < n) {
        size_t within = (size_t)((offset + done) % SPILL_BLOCK), part = SPILL_BLOCK - within;
        if (part > n - done)
            part = n - done;
        uint64_t at = (uint64_t)c->blocks[(offset + done) / SPILL_BLOCK] * SPILL_BLOCK + within;
        ssize_t got = pread(c->spill->fd, to + done, part, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return (ptrdiff_t)n;
}

void subunit_content_drop(struct subunit_content *c)
{
    memory_drop(c);
    if (c->blocks_n > 0)
        blocks_give(c->spill, c->blocks, c->blocks_n);
    free(c->blocks);
    c->blocks = NULL;
    c->blocks_n = c->blocks_cap = 0;
    c->size = 0;
}

ptrdiff_t subunit_attachment_read(const struct subunit_attachment *attachment, uint64_t offset, void *buf,
                                  size_t n)
{
    return subunit_content_read(attachment->content, offset, buf, n);
}
