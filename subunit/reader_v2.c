/* reader_v2.c - finds the packets in a version 2 stream, however it is cut into pieces. */
#include "config.h"
#include "subunit/reader.h"
#include "subunit/text.h"

#include <string.h>

#define SIGNATURE 0xb3
/* Signature, flags, and as many bytes of the length as the reference reads at once. */
#define HEADER 6

/* How many bytes the packet takes that begins at P, of which N >= HEADER are there; 0 when its header is
 * damaged, with *WHY set: then HEADER bytes are skipped, as the reference does. */
static size_t packet_length(const unsigned char *p, const char **why)
{
    size_t size;
    uint32_t length = subunit_v2_number(p + 3, HEADER - 3, &size);

    if (size == 0)
        *why = "3 byte maximum given but 4 byte value found.";
    else if (length < HEADER || (size == 3 && length < HEADER + 4))
        *why = "the packet's length is too small to hold a packet";
    else
        return length;
    return 0;
}

/* Foreign bytes at P up to a signature that starts a packet. The reference decodes them as UTF-8 and takes a
 * signature byte for one only between characters; its decoder keeps an incomplete character when the byte
 * after it does not fit. */
static size_t foreign_run(struct subunit_reader *r, const unsigned char *p, size_t n)
{
    size_t i = 0;

    for (; i < n; i++) {
        if (p[i] == SIGNATURE && !r->in_character)
            break;
        r->character[r->character_n] = p[i];
        enum utf8_state state = subunit_utf8_character(r->character, r->character_n + 1);
        r->in_character = state == UTF8_INCOMPLETE;
        if (state == UTF8_INCOMPLETE)
            r->character_n++;
        else if (state == UTF8_COMPLETE)
            r->character_n = 0;
    }
    return i;
}

/* Takes from the N bytes at P what the pending ones lack to be WANT; *TAKEN counts them. */
static bool top_up(struct subunit_reader *r, size_t want, const unsigned char *p, size_t n, size_t *taken)
{
    size_t more = want > r->pending.n ? want - r->pending.n : 0;

    if (more > n - *taken)
        more = n - *taken;
    if (!subunit_reader_keep(r, p + *taken, more))
        return false;
    *taken += more;
    return true;
}

/* Goes on with the packet that is pending. */
static bool pending_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                         size_t *taken)
{
    struct bytes *b = &r->pending;
    uint64_t start = offset - b->n;
    const char *why = NULL;

    *taken = 0;
    if (!top_up(r, HEADER, p, n, taken))
        return false;
    if (b->n < HEADER)
        return true;
    size_t length = packet_length(b->p, &why);
    if (length == 0) {
        b->n = 0;
        return subunit_v2_damage(r, SUBUNIT_ERROR_CORRUPT, b->p, HEADER, start, "%s", why);
    }
    if (!top_up(r, length, p, n, taken))
        return false;
    if (b->n < length)
        return true;
    b->n = 0;
    return subunit_v2_packet(r, b->p, length, start);
}

/* What stands at P: a whole packet, part of one (kept), or foreign bytes. */
static bool next(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset, size_t *taken)
{
    const char *why = NULL;

    if (p[0] != SIGNATURE || r->in_character) {
        *taken = r->lenient ? foreign_run(r, p, n) : n;
        return subunit_reader_foreign(r, p, *taken, offset);
    }
    *taken = n;
    if (n < HEADER)
        return subunit_reader_keep(r, p, n);
    size_t length = packet_length(p, &why);
    if (length == 0) {
        *taken = HEADER;
        return subunit_v2_damage(r, SUBUNIT_ERROR_CORRUPT, p, HEADER, offset, "%s", why);
    }
    if (n < length)
        return subunit_reader_keep(r, p, n);
    *taken = length;
    return subunit_v2_packet(r, p, length, offset);
}

bool subunit_v2_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset)
{
    size_t at = 0, taken;

    while (at < n) {
        bool ok = r->pending.n > 0 ? pending_feed(r, p + at, n - at, offset + at, &taken)
                                   : next(r, p + at, n - at, offset + at, &taken);
        if (!ok)
            return false;
        at += taken;
    }
    return true;
}

bool subunit_v2_finish(struct subunit_reader *r)
{
    const struct bytes *b = &r->pending;
    const char *why = NULL;

    if (b->n == 0)
        return true;
    uint64_t start = r->offset - b->n;
    if (!r->lenient)
        return subunit_reader_fail(r, SUBUNIT_ERROR_TRUNCATED, start, "the stream ends inside a packet");
    if (b->n < HEADER)
        return subunit_v2_damage(r, SUBUNIT_ERROR_TRUNCATED, b->p, 1, start,
                                 "Short read - got %zu bytes, wanted %d bytes", b->n - 1, HEADER - 1);
    return subunit_v2_damage(r, SUBUNIT_ERROR_TRUNCATED, b->p, HEADER, start,
                             "Short read - got %zu bytes, wanted %zu bytes", b->n - HEADER,
                             packet_length(b->p, &why) - HEADER);
}
