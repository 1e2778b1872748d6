#include "config.h"
#include "fcgi/body.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool broken(struct body *b, struct error *err, enum error_kind kind, const char *what)
{
    b->broken = true;
    return error_set(err, kind, "%s", what);
}

static bool receive(struct body *b, void *p, size_t n, size_t *got, struct error *err)
{
    ssize_t count;

    do
        count = recv(b->fd, p, n, 0);
    while (count < 0 && errno == EINTR);
    if (count > 0) {
        *got = (size_t)count;
        return true;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return broken(b, err, ERROR_TIMEOUT, "the client was too slow with the body");
    return broken(b, err, ERROR_ABORTED, "the client went away in the middle of the body");
}

/* At least one more byte in the buffer, behind what it holds. */
static bool fill(struct body *b, struct error *err)
{
    size_t got;

    if (b->start == b->end) {
        b->start = b->end = 0;
    } else if (b->end == b->size) {
        memmove(b->buf, b->buf + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (!receive(b, b->buf + b->end, b->size - b->end, &got, err))
        return false;
    b->end += got;
    return true;
}

static size_t held(const struct body *b)
{
    return b->end - b->start;
}

/* Takes the header at START, which is all there. */
static bool take_header(struct body *b, struct error *err)
{
    struct record rec;
    bool version_1 = record_parse(b->buf + b->start, &rec);

    if (version_1 && rec.request_id == b->request_id && rec.type == RECORD_ABORT)
        return broken(b, err, ERROR_ABORTED, "the web server aborted the request");
    if (!version_1 || rec.request_id != b->request_id || rec.type != RECORD_STDIN)
        return broken(b, err, ERROR_ABORTED, "a FastCGI record stands where none belongs");
    b->start += RECORD_HEADER;
    b->content = rec.content;
    b->padding = rec.padding;
    b->eof = rec.content == 0;
    return true;
}

static bool skip_padding(struct body *b, struct error *err)
{
    while (b->padding > 0) {
        if (held(b) == 0 && !fill(b, err))
            return false;
        size_t n = held(b) < b->padding ? held(b) : b->padding;

        b->start += n;
        b->padding -= n;
    }
    return true;
}

static bool next_record(struct body *b, struct error *err)
{
    if (!skip_padding(b, err))
        return false;
    while (held(b) < RECORD_HEADER)
        if (!fill(b, err))
            return false;
    return take_header(b, err) && (!b->eof || skip_padding(b, err));
}

bool body_read(struct body *b, void *p, size_t n, size_t *got, struct error *err)
{
    *got = 0;
    if (b->broken)
        return error_set(err, ERROR_ABORTED, "the client went away in the middle of the body");
    while (b->content == 0 && !b->eof)
        if (!next_record(b, err))
            return false;
    if (b->eof)
        return true;
    if (n > b->content)
        n = b->content;
    if (held(b) == 0 && n >= b->size / 4) { /* large pieces need no copy */
        if (!receive(b, p, n, got, err))
            return false;
    } else {
        if (held(b) == 0 && !fill(b, err))
            return false;
        *got = held(b) < n ? held(b) : n;
        memcpy(p, b->buf + b->start, *got);
        b->start += *got;
    }
    b->content -= *got;
    b->bytes += *got;
    return true;
}

bool body_at_end(struct body *b)
{
    struct record rec;

    if (b->eof || b->broken)
        return true;
    if (b->content > 0 || b->padding > 0 || held(b) < RECORD_HEADER || !record_parse(b->buf + b->start, &rec))
        return false;
    if (rec.type != RECORD_STDIN || rec.request_id != b->request_id || rec.content > 0 ||
        held(b) < RECORD_HEADER + rec.padding)
        return false;
    b->start += RECORD_HEADER + rec.padding;
    b->eof = true;
    return true;
}

struct record_rest body_rest(const struct body *b)
{
    return (struct record_rest){.request_id = b->request_id, .left = b->content + b->padding, .last = b->eof};
}
