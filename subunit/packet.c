/* packet.c - one version 2 packet becomes an event. */
#include "config.h"
#include "subunit/reader.h"
#include "subunit/text.h"

#include <libdeflate.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    FLAG_TEST_ID = 0x0800,
    FLAG_ROUTE_CODE = 0x0400,
    FLAG_TIMESTAMP = 0x0200,
    FLAG_RUNNABLE = 0x0100,
    FLAG_TAGS = 0x0080,
    FLAG_FILE = 0x0040,
    FLAG_MIME = 0x0020,
    FLAG_EOF = 0x0010,
    MASK_STATUS = 0x0007,
};

/* A packet while its fields are read. BASE is where the reference counts its offsets from. */
struct cursor {
    struct subunit_reader *r;
    const unsigned char *packet;
    size_t n;
    uint64_t offset;
    const unsigned char *base;
    const unsigned char *p;
    const unsigned char *end;
    bool damaged; /* reported; the packet gives no event */
};

uint32_t subunit_v2_number(const unsigned char *p, size_t n, size_t *size)
{
    size_t want = n == 0 ? 1 : (size_t)(p[0] >> 6) + 1;

    *size = n < want ? 0 : want;
    if (*size == 0)
        return 0;
    uint32_t value = p[0] & 0x3fu;
    for (size_t i = 1; i < want; i++)
        value = value << 8 | p[i];
    return value;
}

static uint32_t big32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool subunit_v2_damage(struct subunit_reader *r, enum subunit_error_code code, const unsigned char *packet,
                       size_t n, uint64_t offset, const char *fmt, ...)
{
    static const char id[] = "subunit.parser", octets[] = "application/octet-stream",
                      text[] = "text/plain;charset=utf8", data[] = "Packet data", error[] = "Parser Error";
    char message[160];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    if (!r->lenient)
        return subunit_reader_fail(r, code, offset, "%s", message);
    struct subunit_event event = {
        .offset = offset,
        .has_id = true,
        .id = {id, sizeof(id) - 1},
        .has_file = true,
        .file_name = {data, sizeof(data) - 1},
        .file = {(const char *)packet, n},
        .eof = true,
        .has_mime = true,
        .mime = {octets, sizeof(octets) - 1},
        .runnable = true,
    };
    if (!subunit_reader_emit(r, &event))
        return false;
    event.status = SUBUNIT_FAIL;
    event.file_name = (struct subunit_str){error, sizeof(error) - 1};
    event.file = (struct subunit_str){message, strlen(message)};
    event.mime = (struct subunit_str){text, sizeof(text) - 1};
    return subunit_reader_emit(r, &event);
}

/* Reports and leaves the packet; the value is what the field readers return. */
#define DAMAGE(c, ...)                                                                                      \
    ((c)->damaged = true,                                                                                   \
     (void)subunit_v2_damage((c)->r, SUBUNIT_ERROR_CORRUPT, (c)->packet, (c)->n, (c)->offset, __VA_ARGS__), \
     false)

static size_t left(const struct cursor *c)
{
    return c->p < c->end ? (size_t)(c->end - c->p) : 0;
}

static bool read_number(struct cursor *c, uint32_t *value)
{
    size_t size;

    *value = subunit_v2_number(c->p, left(c), &size);
    if (size == 0)
        return DAMAGE(c, "a field is missing: the packet ends before it");
    c->p += size;
    return true;
}

static bool read_text(struct cursor *c, const char *what, bool is_id, struct subunit_str *text)
{
    uint32_t n;
    size_t chars = 0;

    if (!read_number(c, &n))
        return false;
    long at = (long)(c->p - c->base) - 2;
    if (n > left(c))
        return DAMAGE(c,
                      "UTF8 string at offset %ld extends past end of packet: claimed %u bytes, %zu available",
                      at, n, left(c));
    *text = (struct subunit_str){(const char *)c->p, n};
    switch (subunit_text_check(*text, &chars)) {
    case TEXT_FINE: break;
    case TEXT_NUL: return DAMAGE(c, "UTF8 string at offset %ld contains NUL byte", at);
    case TEXT_PARTIAL:
        return DAMAGE(c, "Invalid (partially decodable) string at offset %ld, %zu undecoded bytes", at,
                      chars);
    case TEXT_INVALID: return DAMAGE(c, "UTF8 string at offset %ld is not UTF8", at);
    }
    c->p += n;
    return subunit_reader_check_bounds(c->r, what, *text, chars, is_id, c->offset);
}

/* Python divides the nanoseconds by 1000 and rounds half to even. */
static bool read_time(struct cursor *c, struct subunit_event *event)
{
    uint32_t nanos;

    if (left(c) < 4)
        return DAMAGE(c, "a field is missing: the packet ends before it");
    int64_t seconds = big32(c->p);
    c->p += 4;
    if (!read_number(c, &nanos))
        return false;
    uint32_t micros = nanos / 1000, rest = nanos % 1000;
    if (rest > 500 || (rest == 500 && micros % 2 == 1))
        micros++;
    event->has_time = true;
    event->time = seconds * 1000000 + micros;
    return true;
}

static bool read_tags(struct cursor *c, struct subunit_event *event)
{
    struct subunit_reader *r = c->r;
    uint32_t count;

    if (!read_number(c, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (i == r->opts.limits.max_tags)
            return subunit_reader_fail(r, SUBUNIT_ERROR_LIMIT, c->offset, "%u tags, %u are allowed", count,
                                       i);
        if (!subunit_reader_tags_room(r, i) || !read_text(c, "tag", false, &r->tags[i]))
            return false;
    }
    event->has_tags = true;
    event->n_tags = subunit_str_unique(r->tags, count);
    event->tags = r->tags;
    if (event->n_tags == SIZE_MAX)
        return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, c->offset, "out of memory");
    return true;
}

static bool read_file(struct cursor *c, struct subunit_event *event)
{
    uint32_t n;

    if (!read_text(c, "file name", false, &event->file_name) || !read_number(c, &n))
        return false;
    if (n > left(c))
        return DAMAGE(c, "File content extends past end of packet: claimed %u bytes, %zu available", n,
                      left(c));
    event->has_file = true;
    event->file = (struct subunit_str){(const char *)c->p, n};
    c->p += n;
    return true;
}

static bool read_fields(struct cursor *c, unsigned flags, struct subunit_event *event)
{
    if ((flags & FLAG_TIMESTAMP) != 0 && !read_time(c, event))
        return false;
    event->has_id = (flags & FLAG_TEST_ID) != 0;
    if (event->has_id && !read_text(c, "test id", true, &event->id))
        return false;
    if ((flags & FLAG_TAGS) != 0 && !read_tags(c, event))
        return false;
    event->has_mime = (flags & FLAG_MIME) != 0;
    if (event->has_mime && !read_text(c, "MIME type", false, &event->mime))
        return false;
    if ((flags & FLAG_FILE) != 0 && !read_file(c, event))
        return false;
    event->has_route_code = (flags & FLAG_ROUTE_CODE) != 0;
    return !event->has_route_code || read_text(c, "route code", false, &event->route_code);
}

bool subunit_v2_packet(struct subunit_reader *r, const unsigned char *packet, size_t n, uint64_t offset)
{
    uint32_t sum = libdeflate_crc32(0, packet, n - 4), stored = big32(packet + n - 4);
    unsigned flags = (unsigned)packet[1] << 8 | packet[2];
    size_t size = (size_t)(packet[3] >> 6) + 1;

    if (sum != stored)
        return subunit_v2_damage(r, SUBUNIT_ERROR_CORRUPT, packet, n, offset,
                                 "Bad checksum - calculated (0x%x), stored (0x%x)", sum, stored);
    struct cursor c = {
        .r = r,
        .packet = packet,
        .n = n,
        .offset = offset,
        .base = packet + (size == 3 ? 6 : 1),
        .p = packet + 3 + size,
        .end = packet + n - 4,
    };
    struct subunit_event event = {
        .offset = offset,
        .status = (enum subunit_status)(flags & MASK_STATUS),
        .runnable = (flags & FLAG_RUNNABLE) != 0,
        .eof = (flags & FLAG_EOF) != 0,
    };
    if (!read_fields(&c, flags, &event))
        return c.damaged && r->err.code == SUBUNIT_OK;
    return subunit_reader_emit(r, &event);
}

bool subunit_v2_plausible(const unsigned char *p, size_t n)
{
    size_t size;

    if (n < 8 || p[1] >> 4 != 2 || (p[2] & 0x08) != 0)
        return false;
    uint32_t length = subunit_v2_number(p + 3, 4, &size);
    if (size > 3 || length < 7 + size)
        return false;
    return n < length || libdeflate_crc32(0, p, length - 4) == big32(p + length - 4);
}
