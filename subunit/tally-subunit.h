/* tally-subunit.h - read, fold and write subunit streams, versions 1 and 2.
 *
 * A reader is fed a stream in pieces of any size and calls back with events. A fold turns events into one
 * record a test. A writer turns events into version 2 packets. No function keeps global state: objects of
 * different threads do not meet; one object is used by one thread at a time.
 *
 * The wire format is https://github.com/testing-cabal/subunit/blob/master/README.md. Where it leaves room,
 * this library reads as python-subunit does; libtally-subunit(3) lists the choices.
 */
#ifndef TALLY_SUBUNIT_H
#define TALLY_SUBUNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that belong to somebody else; not ended by a NUL. */
struct subunit_str {
    const char *p;
    size_t n;
};

/* The numbers are those of version 2's flags. */
enum subunit_status {
    SUBUNIT_NONE = 0,
    SUBUNIT_EXISTS = 1,
    SUBUNIT_INPROGRESS = 2,
    SUBUNIT_SUCCESS = 3,
    SUBUNIT_UXSUCCESS = 4,
    SUBUNIT_SKIP = 5,
    SUBUNIT_FAIL = 6,
    SUBUNIT_XFAIL = 7,
};

/* "exists", "inprogress", ...; "unknown" for SUBUNIT_NONE. */
const char *subunit_status_name(enum subunit_status status);

enum subunit_error_code {
    SUBUNIT_OK = 0,
    SUBUNIT_ERROR_FOREIGN,   /* bytes that are not subunit */
    SUBUNIT_ERROR_TRUNCATED, /* the stream ends inside a packet */
    SUBUNIT_ERROR_CORRUPT,   /* a checksum, a field, a directive or an encoding is wrong */
    SUBUNIT_ERROR_LIMIT,     /* well formed, but over one of struct subunit_limits */
    SUBUNIT_ERROR_STOPPED,   /* a callback returned nonzero */
    SUBUNIT_ERROR_MEMORY,    /* allocation failed */
    SUBUNIT_ERROR_IO,        /* the spill file failed; sys_errno says how */
    SUBUNIT_ERROR_USE,       /* called after an error or after finish, or with an impossible event */
};

/* What went wrong, and where. MESSAGE is one line of ASCII for people, without the offset. */
struct subunit_error {
    uint64_t offset; /* bytes from the start of the stream to the packet, line or foreign byte at fault */
    enum subunit_error_code code;
    int sys_errno;
    char message[200];
};

/* One event. Every view is valid only until the callback returns.
 *
 * The text fields of an event that a reader made are valid UTF-8 without NUL (mime, file_name, route_code and
 * tags included); file holds any bytes.
 */
struct subunit_event {
    uint64_t offset; /* of the packet or line that brought it */
    int64_t time;    /* microseconds since 1970 UTC; nanoseconds are rounded half to even */
    enum subunit_status status;
    bool has_time;
    bool has_id; /* an id may be there and be empty */
    bool has_route_code;
    bool has_tags; /* in version 2 an empty set may be sent: it replaces the test's tags by none */
    bool has_mime;
    bool has_file; /* file_name and file are set */
    bool eof;      /* no more of this file is to come */
    bool runnable;
    /* Version 1 only. Its details count only when they are complete, yet may be too large to be held back:
     * they are sent as they come, and taken back where the reference would never have reported them. */
    bool file_restarts; /* what earlier events of this test brought as file_name is replaced from here */
    bool files_void;    /* every file that earlier events brought to this test is void */
    struct subunit_str id;
    struct subunit_str route_code;
    struct subunit_str mime;
    struct subunit_str file_name;
    struct subunit_str file;
    const struct subunit_str *tags; /* without doubles, in no order that means anything */
    size_t n_tags;
};

/* Bounds on what a stream may ask for; a zero means the default. Over one of them the reader or the fold
 * fails with SUBUNIT_ERROR_LIMIT. A version 2 packet is at most 4,194,303 bytes long by its format. */
struct subunit_limits {
    uint32_t max_id_chars;    /* code points of a test id: 4,096 */
    uint32_t max_text_bytes;  /* bytes of a route code, mime type, file name or tag: 65,536 */
    uint32_t max_tags;        /* tags of one event (version 1: tags that hold at one time): 256 */
    uint32_t max_line_bytes;  /* a version 1 directive, with its line end: 1,048,576 */
    uint32_t max_open_tests;  /* fold: tests begun and not ended: 20,000 */
    uint32_t max_attachments; /* fold: files of one test: 10,000 */
    uint64_t max_open_bytes;  /* fold: ids, tags, names of the open tests together: 64 MiB */
};

/* Receives events in stream order. Nonzero stops the reader with SUBUNIT_ERROR_STOPPED. */
typedef int subunit_event_fn(void *ctx, const struct subunit_event *event);

struct subunit_reader_opts {
    /* NULL: bytes that are not subunit are an error. Else (NUL-ended, kept by the caller as long as the
     * reader) they become events of that file name without a test id, and packets that are damaged become a
     * failed test "subunit.parser", as python-subunit does it. */
    const char *non_subunit_name;
    int version; /* 0: recognised from the bytes; 1 or 2: no other */
    struct subunit_limits limits;
    /* The clock for version 1 streams without time lines, microseconds since 1970; NULL: the system's. */
    int64_t (*now)(void *ctx);
    void *now_ctx;
};

struct subunit_reader;

/* A reader that sends events to FN(CTX). OPTS may be NULL (all defaults) and is copied. NULL: out of memory.
 * Free with subunit_reader_free(). */
struct subunit_reader *subunit_reader_new(const struct subunit_reader_opts *opts, subunit_event_fn *fn,
                                          void *ctx);

/* Feeds N bytes. True: all were taken. False: *ERR (may be NULL) says why; the reader then refuses more. */
bool subunit_reader_feed(struct subunit_reader *reader, const void *bytes, size_t n,
                         struct subunit_error *err);

/* The stream has ended: what is incomplete is reported (version 1: a test that was still running fails with
 * "lost connection") or is an error (version 2 strict: SUBUNIT_ERROR_TRUNCATED). No feed afterwards. */
bool subunit_reader_finish(struct subunit_reader *reader, struct subunit_error *err);

/* 1 or 2; 0 as long as it is not known. */
int subunit_reader_version(const struct subunit_reader *reader);

/* Bytes taken so far. */
uint64_t subunit_reader_offset(const struct subunit_reader *reader);

/* NULL is allowed. */
void subunit_reader_free(struct subunit_reader *reader);

/* A file of a test. NAME and MIME are valid as long as the struct subunit_test that it came in. */
struct subunit_attachment {
    struct subunit_str name;
    struct subunit_str mime;
    bool has_mime;
    uint64_t size; /* never 0: empty files make no attachment */
    const struct subunit_content *content;
};

/* Copies up to N bytes of the attachment from OFFSET to BUF. How many came: fewer than N only at the end; -1
 * when the spill file cannot be read (errno). Only inside the test_done callback that got the attachment. */
ptrdiff_t subunit_attachment_read(const struct subunit_attachment *attachment, uint64_t offset, void *buf,
                                  size_t n);

/* One test's record; valid until the callback returns. */
struct subunit_test {
    struct subunit_str id;
    struct subunit_str route_code;
    bool has_route_code;
    bool has_start; /* the first event had a time */
    bool has_stop;  /* the ending event had one */
    bool ended;     /* false: it came out because the stream ended */
    int64_t start;  /* microseconds since 1970 UTC */
    int64_t stop;
    enum subunit_status status; /* exists ends a record too; unended: INPROGRESS, or NONE after files only */
    const struct subunit_str *tags;
    size_t n_tags;
    const struct subunit_attachment *attachments; /* in order of their first byte */
    size_t n_attachments;
    uint64_t first_offset; /* of the event that opened the record */
    uint64_t last_offset;  /* of the newest event */
};

struct subunit_fold_callbacks {
    /* A record is complete. Nonzero stops. */
    int (*test_done)(void *ctx, const struct subunit_test *test);
    /* A file event without a test id (foreign bytes come so); NULL: such are dropped. Nonzero stops. */
    int (*stream_file)(void *ctx, const struct subunit_event *event);
};

struct subunit_fold_opts {
    struct subunit_limits limits;
    const char *spill_dir;          /* where the spill file is made and unlinked; NULL: $TMPDIR, else /tmp */
    uint64_t attachment_memory;     /* bytes of one file kept in memory, the rest spills; 0: 65,536 */
    uint64_t attachment_memory_all; /* the same for all open tests together; 0: 4 MiB */
    uint64_t max_spill_bytes;       /* SUBUNIT_ERROR_LIMIT beyond; 0: no limit */
    bool discard_files;             /* keep no attachments at all */
};

struct subunit_fold;

/* A fold as testtools' StreamToDict makes it: records are kept by (id, route code) and end at the first
 * status that is neither none nor inprogress. NULL: out of memory. CALLBACKS and OPTS (may be NULL) are
 * copied, but spill_dir must stay. Free with subunit_fold_free(). */
struct subunit_fold *subunit_fold_new(const struct subunit_fold_opts *opts,
                                      const struct subunit_fold_callbacks *callbacks, void *ctx);

/* Takes one event. False: *ERR (may be NULL) says why; the fold then refuses more. */
bool subunit_fold_event(struct subunit_fold *fold, const struct subunit_event *event,
                        struct subunit_error *err);

/* The stream has ended: tests still open come out, the youngest first. */
bool subunit_fold_finish(struct subunit_fold *fold, struct subunit_error *err);

/* Tests begun and not ended. */
size_t subunit_fold_open_tests(const struct subunit_fold *fold);

/* NULL is allowed. */
void subunit_fold_free(struct subunit_fold *fold);

/* A test id taken apart. name = head followed by tail. */
struct subunit_name {
    struct subunit_str head;
    struct subunit_str tail;
    struct subunit_str attrs; /* the bracket's inside, may be empty */
    bool has_attrs;
};

/* Takes ID apart as subunit2sql's default attr_regex, \[(.*)\], does: the first bracket pair that stands on
 * one line, as wide as it goes. It is cut out of the name only when something stands before it. The views are
 * into ID. */
struct subunit_name subunit_name_split(struct subunit_str id);

/* Takes N bytes of a stream that is being written. False ends the writing. */
typedef bool subunit_sink_fn(void *ctx, const void *bytes, size_t n);

/* Writes EVENT as version 2 packets to SINK(CTX), several calls a packet. A file too large for one packet
 * goes out in several, status and eof in the last. No tags and an empty mime type are not written, as
 * python-subunit does. False: SUBUNIT_ERROR_STOPPED from the sink, SUBUNIT_ERROR_USE for a time that the
 * format cannot hold (before 1970 or after 2106) or a text that fits no packet. Allocates nothing. */
bool subunit_write_event(const struct subunit_event *event, subunit_sink_fn *sink, void *ctx,
                         struct subunit_error *err);

#ifdef __cplusplus
}
#endif

#endif
