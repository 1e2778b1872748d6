/* v1_details.c - what stands between an outcome's brackets. */
#include "config.h"
#include "subunit/text.h"
#include "subunit/v1.h"

#include <string.h>

static struct subunit_str view(const struct bytes *b)
{
    return (struct subunit_str){(const char *)b->p, b->n};
}

/* Sends N bytes of the part that is being read. */
static bool part_bytes(struct subunit_reader *r, const void *p, size_t n, bool eof, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;
    struct subunit_event event = subunit_v1_event(r, SUBUNIT_NONE, v1->details_time, offset);

    event.has_file = true;
    event.file_name = view(&v1->part_name);
    event.file = (struct subunit_str){p, n};
    event.has_mime = true;
    event.mime = view(&v1->part_mime);
    event.eof = eof;
    event.file_restarts = !v1->file_begun;
    v1->file_begun = true;
    return subunit_reader_emit(r, &event);
}

static bool part_begin(struct subunit_reader *r, const char *name, const char *mime)
{
    r->v1->file_begun = false;
    return subunit_v1_store(r, &r->v1->part_name, (struct subunit_str){name, strlen(name)}) &&
           subunit_v1_store(r, &r->v1->part_mime, (struct subunit_str){mime, strlen(mime)});
}

bool subunit_v1_details_begin(struct subunit_reader *r, enum v1_word outcome, bool multipart, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;

    v1->outcome = outcome;
    v1->state = multipart ? V1_PART_TYPE : V1_SIMPLE;
    v1->line_start = true;
    if (!subunit_v1_now(r, offset, &v1->details_time))
        return false;
    if (multipart)
        return true;
    if (outcome == V1_SKIP)
        return part_begin(r, "reason", "text/plain");
    if (outcome == V1_SUCCESS)
        return part_begin(r, "message", "text/plain");
    return part_begin(r, "traceback", "text/x-traceback; charset=\"utf8\"");
}

/* --- bracketed ------------------------------------------------------------------------------------ */

/* A line began with the last byte of a piece, which may be the end or a quoting; P[0] decides. */
static bool simple_held(struct subunit_reader *r, const unsigned char *p, uint64_t offset, size_t *taken)
{
    unsigned char held = r->pending.p[0];

    r->pending.n = 0;
    r->v1->line_start = false;
    *taken = 0;
    if (held == ']' && p[0] == '\n') {
        *taken = 1;
        return part_bytes(r, "", 0, true, offset) &&
               subunit_v1_test_end(r, r->v1->outcome, r->v1->details_time, offset - 1);
    }
    if (held == ' ' && p[0] == ']')
        return true;
    return part_bytes(r, &held, 1, false, offset);
}

/* Lines up to "]\n", sent in runs as long as the piece allows; of a line that begins with " ]" the space is
 * left out. */
static bool simple_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                        size_t *taken)
{
    struct v1_reader *v1 = r->v1;
    size_t at = 0, run = 0;

    if (r->pending.n > 0)
        return simple_held(r, p, offset, taken);
    *taken = n;
    while (at < n) {
        if (v1->line_start && (p[at] == ']' || p[at] == ' ')) {
            if (at + 1 == n)
                return (at == run || part_bytes(r, p + run, at - run, false, offset)) &&
                       subunit_reader_keep(r, p + at, 1);
            if (p[at] == ']' && p[at + 1] == '\n') {
                *taken = at + 2;
                return part_bytes(r, p + run, at - run, true, offset) &&
                       subunit_v1_test_end(r, v1->outcome, v1->details_time, offset + at);
            }
            if (p[at] == ' ' && p[at + 1] == ']') {
                if (at > run && !part_bytes(r, p + run, at - run, false, offset))
                    return false;
                run = at + 1;
            }
        }
        const unsigned char *end = memchr(p + at, '\n', n - at);
        v1->line_start = end != NULL;
        at = end != NULL ? (size_t)(end - p) + 1 : n;
    }
    return part_bytes(r, p + run, n - run, false, offset);
}

/* --- multipart ------------------------------------------------------------------------------------ */

static bool part_type(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    if (n == 2 && line[0] == ']' && line[1] == '\n')
        return subunit_v1_test_end(r, r->v1->outcome, r->v1->details_time, offset);
    struct subunit_str text = {(const char *)line, n - 1};
    const char *space = memchr(text.p, ' ', text.n);
    if (space == NULL)
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "multipart details: no Content-Type");
    if (!subunit_v1_text(r, "Content-Type", text, false, offset))
        return false;
    struct subunit_str mime = {space + 1, text.n - (size_t)(space + 1 - text.p)};
    const char *slash = memchr(mime.p, '/', mime.n);
    if (slash == NULL || memchr(slash + 1, '/', (size_t)(mime.p + mime.n - slash - 1)) != NULL)
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "multipart details: invalid MIME type");
    r->v1->state = V1_PART_NAME;
    return subunit_v1_store(r, &r->v1->part_mime, mime);
}

static bool part_name(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    struct subunit_str name = {(const char *)line, n - 1};

    r->v1->state = V1_PART_SIZE;
    r->v1->file_begun = false;
    return subunit_v1_text(r, "file name", name, false, offset) &&
           subunit_v1_store(r, &r->v1->part_name, name);
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool size_byte(unsigned char c)
{
    return hex_digit(c) >= 0 || c == '\r' || c == '\n';
}

/* A chunk's size: hexadecimal digits, CR, LF. A line with other bytes never becomes a size: the reference
 * waits for more until the stream ends. */
static bool part_size(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;
    uint64_t size = 0;
    size_t digits = 0;

    for (size_t i = 0; i < n; i++)
        if (!size_byte(line[i])) {
            v1->state = V1_PART_STUCK;
            v1->line_start = true;
            return true;
        }
    while (digits < n && hex_digit(line[digits]) >= 0) {
        uint64_t digit = (uint64_t)hex_digit(line[digits++]);
        size = size > UINT64_MAX >> 4 ? UINT64_MAX : size << 4 | digit;
    }
    if (line[n - 1] != '\n')
        return true; /* the stream ends here: a lost connection */
    if (digits == 0 || digits + 2 != n || line[digits] != '\r')
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "multipart details: invalid chunk size");
    v1->body_left = size;
    v1->state = size > 0 ? V1_PART_BODY : V1_PART_TYPE;
    return size > 0 || part_bytes(r, "", 0, true, offset);
}

bool subunit_v1_details_line(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    if (r->v1->state == V1_PART_TYPE)
        return part_type(r, line, n, offset);
    if (r->v1->state == V1_PART_NAME)
        return part_name(r, line, n, offset);
    return part_size(r, line, n, offset);
}

static bool body_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                      size_t *taken)
{
    struct v1_reader *v1 = r->v1;

    *taken = n < v1->body_left ? n : (size_t)v1->body_left;
    v1->body_left -= *taken;
    if (v1->body_left == 0)
        v1->state = V1_PART_SIZE;
    return part_bytes(r, p, *taken, false, offset);
}

/* Swallows lines. One that could end a size would make the reference read on from bytes it has long passed:
 * that stream is refused. */
static bool stuck_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                       size_t *taken)
{
    struct v1_reader *v1 = r->v1;

    *taken = n;
    for (size_t i = 0; i < n; i++) {
        v1->stuck_size = (v1->line_start || v1->stuck_size) && size_byte(p[i]);
        v1->line_start = p[i] == '\n';
        if (v1->line_start && v1->stuck_size)
            return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset + i,
                                       "multipart details: invalid chunk size");
    }
    return true;
}

bool subunit_v1_details_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                             size_t *taken)
{
    if (r->v1->state == V1_SIMPLE)
        return simple_feed(r, p, n, offset, taken);
    if (r->v1->state == V1_PART_BODY)
        return body_feed(r, p, n, offset, taken);
    return stuck_feed(r, p, n, offset, taken);
}
