/* v1.h - the parts of the version 1 reader. Internal to the library.
 *
 * It emits the events that subunit-1to2 writes for the same stream.
 */
#ifndef SUBUNIT_V1_H
#define SUBUNIT_V1_H

#include "subunit/reader.h"

enum v1_state {
    V1_OUTSIDE,
    V1_IN_TEST,
    V1_SIMPLE,    /* in bracketed details */
    V1_PART_TYPE, /* multipart details: a Content-Type line or the end comes next */
    V1_PART_NAME,
    V1_PART_SIZE,
    V1_PART_BODY,
    V1_PART_STUCK, /* after a size that is no number: the reference swallows the rest */
};

/* The words that begin a directive. */
enum v1_word {
    V1_NOISE,
    V1_TEST,
    V1_TIME,
    V1_TAGS,
    V1_PROGRESS,
    V1_SUCCESS, /* from here on: outcomes */
    V1_FAILURE,
    V1_ERROR,
    V1_SKIP,
    V1_XFAIL,
    V1_UXSUCCESS,
};

/* A sorted set of tags; copies share the texts. */
struct tag_set {
    struct subunit_str *v;
    size_t n;
    size_t cap;
};

struct v1_reader {
    enum v1_state state;
    enum v1_word outcome; /* of the details being read */
    bool line_start;      /* SIMPLE and STUCK: the next byte begins a line */
    bool noise_rest;      /* inside a noise line too long to be kept */
    bool own_tags;        /* the test has changed its tags; else the stream's hold */
    bool file_begun;      /* the part has sent its first event */
    bool has_time;        /* a time line was there */
    bool time_bad;        /* ... whose time zone is impossible; an error once it is used */
    bool stuck_size;      /* STUCK: the line so far could be a size */
    int64_t time;
    int64_t details_time; /* one time for all events of an outcome */
    uint64_t body_left;
    struct bytes id; /* of the test that runs */
    struct bytes part_name;
    struct bytes part_mime;
    struct tag_set stream_tags;
    struct tag_set test_tags;
};

/* --- v1_directive.c --- */

enum v1_word subunit_v1_word_of(const unsigned char *p, size_t n);

/* Microseconds of an ISO 8601 time as python-subunit reads it. *ZONE_BAD: the zone is a day or more, which it
 * finds out only later. False: it is none. */
bool subunit_v1_time_parse(const unsigned char *p, size_t n, int64_t *time, bool *zone_bad);

/* Whether the N bytes are a progress directive's argument. */
bool subunit_v1_progress_valid(const unsigned char *p, size_t n);

/* --- v1_tags.c --- */

/* Applies the words of TEXT: added, or removed if they begin with '-'. 0, or an errno: ENOMEM, E2BIG (over
 * MAX_TAGS or MAX_BYTES a tag). */
int subunit_v1_tags_change(struct tag_set *set, struct subunit_str text, uint32_t max_tags,
                           uint32_t max_bytes);
bool subunit_v1_tags_copy(struct tag_set *to, const struct tag_set *from);
void subunit_v1_tags_clear(struct tag_set *set);

/* --- v1_details.c --- */

/* The details of OUTCOME begin. */
bool subunit_v1_details_begin(struct subunit_reader *r, enum v1_word outcome, bool multipart,
                              uint64_t offset);
/* A line of multipart details that is not body. */
bool subunit_v1_details_line(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset);
/* Details that are not lines: takes *TAKEN of the N bytes at P. */
bool subunit_v1_details_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                             size_t *taken);

/* --- reader_v1.c --- */

/* The time that an event at OFFSET has. */
bool subunit_v1_now(struct subunit_reader *r, uint64_t offset, int64_t *time);
/* An event of the running test at TIME; SUBUNIT_NONE for one that carries a file. */
struct subunit_event subunit_v1_event(const struct subunit_reader *r, enum subunit_status status,
                                      int64_t time, uint64_t offset);
/* The running test ends with OUTCOME. */
bool subunit_v1_test_end(struct subunit_reader *r, enum v1_word outcome, int64_t time, uint64_t offset);
/* Text of a line: UTF-8 without NUL, within the limits. */
bool subunit_v1_text(struct subunit_reader *r, const char *what, struct subunit_str text, bool is_id,
                     uint64_t offset);
/* Replaces B by the text. */
bool subunit_v1_store(struct subunit_reader *r, struct bytes *b, struct subunit_str text);

#endif
