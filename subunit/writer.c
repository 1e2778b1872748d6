/* writer.c - events as version 2 packets. */
#include "config.h"
#include "subunit/reader.h"

#include <libdeflate.h>
#include <string.h>

#define PACKET_MAX 4194303
/* The bytes a packet has beside its fields: signature, flags, the longest length, checksum. */
#define FRAME 10
#define TEXT_MAX 4194000

/* A packet on its way out: small parts are gathered, the checksum runs along. */
struct packet {
    subunit_sink_fn *sink;
    void *ctx;
    uint32_t crc;
    size_t n;
    unsigned char buf[4096];
};

static bool flush(struct packet *k)
{
    size_t n = k->n;

    k->n = 0;
    return n == 0 || k->sink(k->ctx, k->buf, n);
}

static bool put(struct packet *k, const void *p, size_t n)
{
    if (n == 0)
        return true;
    k->crc = libdeflate_crc32(k->crc, p, n);
    if (n > sizeof(k->buf) - k->n && !flush(k))
        return false;
    if (n > sizeof(k->buf))
        return k->sink(k->ctx, p, n);
    memcpy(k->buf + k->n, p, n);
    k->n += n;
    return true;
}

static size_t number_size(uint64_t value)
{
    return value < 64 ? 1 : value < 16384 ? 2 : value < 4194304 ? 3 : 4;
}

static bool put_number(struct packet *k, uint32_t value)
{
    size_t size = number_size(value);
    unsigned char b[4] = {0};

    for (size_t i = 0; i < size; i++)
        b[i] = (unsigned char)(value >> 8 * (size - 1 - i));
    b[0] = (unsigned char)(b[0] | (size - 1) << 6);
    return put(k, b, size);
}

static bool put_text(struct packet *k, struct subunit_str s)
{
    return put_number(k, (uint32_t)s.n) && put(k, s.p, s.n);
}

static bool put_time(struct packet *k, int64_t time)
{
    uint32_t seconds = (uint32_t)(time / 1000000);
    unsigned char b[4] = {(unsigned char)(seconds >> 24), (unsigned char)(seconds >> 16),
                          (unsigned char)(seconds >> 8), (unsigned char)seconds};

    return put(k, b, 4) && put_number(k, (uint32_t)(time % 1000000) * 1000);
}

static size_t text_size(struct subunit_str s)
{
    return number_size(s.n) + s.n;
}

/* Bytes of the fields without the file's contents and their length. */
static uint64_t fields_size(const struct subunit_event *e)
{
    uint64_t n = 0;

    if (e->has_time)
        n += 4 + number_size((uint64_t)(e->time % 1000000) * 1000);
    if (e->has_id)
        n += text_size(e->id);
    if (e->n_tags > 0)
        n += number_size(e->n_tags);
    for (size_t i = 0; i < e->n_tags; i++)
        n += text_size(e->tags[i]);
    if (e->has_mime)
        n += text_size(e->mime);
    if (e->has_file)
        n += text_size(e->file_name);
    if (e->has_route_code)
        n += text_size(e->route_code);
    return n;
}

static uint32_t flags_of(const struct subunit_event *e)
{
    uint32_t flags = 0x2000u | ((uint32_t)e->status & 7u);

    flags |= e->has_id ? 0x0800u : 0;
    flags |= e->has_route_code ? 0x0400u : 0;
    flags |= e->has_time ? 0x0200u : 0;
    flags |= e->runnable ? 0x0100u : 0;
    flags |= e->n_tags > 0 ? 0x0080u : 0;
    flags |= e->has_file ? 0x0040u : 0;
    flags |= e->has_mime ? 0x0020u : 0;
    flags |= e->eof ? 0x0010u : 0;
    return flags;
}

static bool put_fields(struct packet *k, const struct subunit_event *e)
{
    if (e->has_time && !put_time(k, e->time))
        return false;
    if (e->has_id && !put_text(k, e->id))
        return false;
    if (e->n_tags > 0 && !put_number(k, (uint32_t)e->n_tags))
        return false;
    for (size_t i = 0; i < e->n_tags; i++)
        if (!put_text(k, e->tags[i]))
            return false;
    if (e->has_mime && !put_text(k, e->mime))
        return false;
    if (e->has_file && (!put_text(k, e->file_name) || !put_text(k, e->file)))
        return false;
    return !e->has_route_code || put_text(k, e->route_code);
}

static bool write_packet(const struct subunit_event *e, uint64_t fields, subunit_sink_fn *sink, void *ctx)
{
    struct packet k = {.sink = sink, .ctx = ctx};
    uint32_t flags = flags_of(e);
    unsigned char head[3] = {0xb3, (unsigned char)(flags >> 8), (unsigned char)flags};
    uint32_t size = (uint32_t)(fields + (e->has_file ? text_size(e->file) : 0) + sizeof(head) + 4);

    size += size <= 62 ? 1 : size <= 16381 ? 2 : 3;
    if (!put(&k, head, sizeof(head)) || !put_number(&k, size) || !put_fields(&k, e))
        return false;
    uint32_t crc = k.crc;
    unsigned char tail[4] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
                             (unsigned char)(crc >> 8), (unsigned char)crc};
    return put(&k, tail, sizeof(tail)) && flush(&k);
}

bool subunit_write_event(const struct subunit_event *event, subunit_sink_fn *sink, void *ctx,
                         struct subunit_error *err)
{
    struct subunit_event e = *event;
    uint64_t offset = event->offset;

    e.has_mime = e.has_mime && e.mime.n > 0;
    if (e.has_time && (e.time < 0 || e.time / 1000000 > UINT32_MAX))
        return subunit_error_set(err, SUBUNIT_ERROR_USE, offset, "a time before 1970 or after 2106");
    uint64_t fields = fields_size(&e);
    if (fields > TEXT_MAX)
        return subunit_error_set(err, SUBUNIT_ERROR_USE, offset, "the texts do not fit a packet");
    /* What does not fit goes ahead in packets of its own, that neither end the file nor the test. */
    size_t room = (size_t)(PACKET_MAX - FRAME - 3 - fields);
    while (e.has_file && e.file.n > room) {
        struct subunit_event part = e;
        part.file.n = room;
        part.status = SUBUNIT_NONE;
        part.eof = false;
        if (!write_packet(&part, fields, sink, ctx))
            return subunit_error_set(err, SUBUNIT_ERROR_STOPPED, offset, "stopped by the sink");
        e.file.p += room;
        e.file.n -= room;
    }
    if (!write_packet(&e, fields, sink, ctx))
        return subunit_error_set(err, SUBUNIT_ERROR_STOPPED, offset, "stopped by the sink");
    return true;
}
