/* reader.h - what the two readers share. Internal to the library. */
#ifndef SUBUNIT_READER_H
#define SUBUNIT_READER_H

#include "subunit/tally-subunit.h"

/* A growing buffer; freed with free(p). */
struct bytes {
    unsigned char *p;
    size_t n;
    size_t cap;
};

struct v1_reader;

struct subunit_reader {
    struct subunit_reader_opts opts;
    subunit_event_fn *fn;
    void *ctx;
    struct subunit_error err; /* the first error, given again to whoever goes on */
    int version;
    bool finished;
    bool lenient;               /* non_subunit_name is set */
    uint64_t offset;            /* of the next byte that feed will get */
    struct bytes pending;       /* a split packet or line, or the probe for the version */
    unsigned char character[4]; /* lenient version 2: the incomplete character among the foreign bytes */
    size_t character_n;         /* survives an error, as in Python's incremental decoder */
    bool in_character;          /* a signature byte would be its continuation */
    struct subunit_str *tags;   /* of the event being made */
    size_t tags_cap;
    struct v1_reader *v1;
};

/* Defaults instead of zeros. */
void subunit_limits_fill(struct subunit_limits *limits);

/* Sets *ERR (may be NULL); always false, to be returned. */
bool subunit_error_set(struct subunit_error *err, enum subunit_error_code code, uint64_t offset,
                       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for the reader's own, first error. */
bool subunit_reader_fail(struct subunit_reader *r, enum subunit_error_code code, uint64_t offset,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Hands the event to the callback. */
bool subunit_reader_emit(struct subunit_reader *r, const struct subunit_event *event);

/* N foreign bytes at OFFSET: an error if strict, else an event. */
bool subunit_reader_foreign(struct subunit_reader *r, const void *p, size_t n, uint64_t offset);

/* Appends to the reader's pending bytes. */
bool subunit_reader_keep(struct subunit_reader *r, const void *p, size_t n);

/* Room for one more tag than N in r->tags. */
bool subunit_reader_tags_room(struct subunit_reader *r, size_t n);

/* Checks that TEXT may be an id (or, IS_ID false, another text field called WHAT): UTF-8, no NUL, in bounds.
 * Only the bounds for a NULL WHAT. */
bool subunit_reader_check_bounds(struct subunit_reader *r, const char *what, struct subunit_str text,
                                 size_t chars, bool is_id, uint64_t offset);

/* Version 2 (reader_v2.c). OFFSET is that of P. */
bool subunit_v2_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset);
bool subunit_v2_finish(struct subunit_reader *r);
/* Whether P looks like a packet: its header is plausible and, when all of it is there, its checksum right. */
bool subunit_v2_plausible(const unsigned char *p, size_t n);

/* One whole packet (packet.c): emits its event or deals with its damage. */
bool subunit_v2_packet(struct subunit_reader *r, const unsigned char *packet, size_t n, uint64_t offset);
/* Reports damage: an error if strict, else the failed test "subunit.parser" with the packet attached. */
bool subunit_v2_damage(struct subunit_reader *r, enum subunit_error_code code, const unsigned char *packet,
                       size_t n, uint64_t offset, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* A length as version 2 writes it: its value, and its bytes in *SIZE; *SIZE is 0 if N bytes do not hold it.
 */
uint32_t subunit_v2_number(const unsigned char *p, size_t n, size_t *size);

/* Version 1 (reader_v1.c). */
bool subunit_v1_new(struct subunit_reader *r);
void subunit_v1_free(struct v1_reader *v1);
bool subunit_v1_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset);
bool subunit_v1_finish(struct subunit_reader *r);

#endif
