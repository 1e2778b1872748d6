/* spool.h - a run on its way into the database: records of tests in unlinked files, an index of names in
 * memory.
 *
 * While a client still sends, nothing is open in the database; what came waits here. A name that comes again
 * takes the place of the earlier record, at the first one's position, as subunit2sql has it. Memory: some 60
 * bytes a name.
 */
#ifndef TALLY_DB_SPOOL_H
#define TALLY_DB_SPOOL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

struct spool;

struct spool_limits {
    uint64_t max_tests;
    uint64_t max_attachment_bytes; /* one attachment */
    uint64_t max_bytes;            /* all that is to go into the database */
};

/* What became of a test. The first two count as a pass of a run, the next two as its failures. */
enum spool_outcome {
    OUTCOME_SUCCESS,
    OUTCOME_XFAIL,
    OUTCOME_FAIL,
    OUTCOME_UXSUCCESS,
    OUTCOME_SKIP,
    OUTCOME_INPROGRESS,
    OUTCOME_UNKNOWN,
    OUTCOMES
};

/* The word in test_runs.status. */
const char *spool_outcome_name(enum spool_outcome outcome);
bool spool_outcome_passes(enum spool_outcome outcome);
bool spool_outcome_fails(enum spool_outcome outcome);

struct spool_attachment {
    struct str name;
    struct str mime; /* p NULL: none */
    uint64_t offset; /* in the spool's file of contents */
    uint64_t size;
    unsigned char sha256[SHA256_SIZE];
};

struct spool_test {
    struct str name;       /* without the bracketed attributes */
    struct str stream_id;  /* as it came */
    struct str attrs;      /* p NULL: none */
    struct str route_code; /* p NULL: none */
    enum spool_outcome outcome;
    bool has_start;
    bool has_stop;
    int64_t start_us;
    int64_t stop_us;
    struct str *tags; /* n_tags 0: none */
    size_t n_tags;
    struct spool_attachment *attachments;
    size_t n_attachments;
};

/* Microseconds from start to stop, as duration.h has them; 0 where one of them is missing. */
int64_t spool_duration_us(const struct spool_test *t);

/* An empty spool with its files in DIR. NULL: they cannot be made. Free with spool_free(). */
struct spool *spool_new(const char *dir, const struct spool_limits *limits, struct error *err);
void spool_free(struct spool *s);

/* Writes an attachment's content in pieces: begin, any number of adds, end, which fills OUT (name and mime
 * apart). ERROR_TOO_LARGE past a limit. */
void spool_content_begin(struct spool *s);
bool spool_content_add(struct spool *s, const void *p, size_t n, struct error *err);
void spool_content_end(struct spool *s, struct spool_attachment *out);

/* Adds a record whose attachments have been written, or puts it in the place of the one of the same name. */
bool spool_add(struct spool *s, const struct spool_test *t, struct error *err);

/* Adds an attachment that belongs to the run as a whole. */
bool spool_add_run_attachment(struct spool *s, const struct spool_attachment *a, struct error *err);

/* All is in: what is buffered goes to the files, totals are made. */
bool spool_finish(struct spool *s, struct error *err);

/* Distinct names, in the order in which they first came. */
size_t spool_count(const struct spool *s);
/* The place of a name, by its SHA-256; -1 where it does not occur. */
ptrdiff_t spool_find(const struct spool *s, const unsigned char sha256[SHA256_SIZE]);

/* Reads the record at place I. The views live in ARENA. */
bool spool_read(struct spool *s, size_t i, struct arena *arena, struct spool_test *out, struct error *err);

/* N bytes of the contents' file from OFFSET on. */
bool spool_content_read(struct spool *s, uint64_t offset, void *p, size_t n, struct error *err);

/* What ingest keeps beside each name. */
struct spool_slot {
    unsigned char sha256[SHA256_SIZE]; /* of the name */
    uint64_t head;                     /* of its record in the file of records */
    int64_t tests_id;                  /* 0: not known yet */
    int64_t test_run_id;
    unsigned char outcome;
    bool is_new;     /* this run brings the test */
    bool marked;     /* for comparisons */
    bool has_detail; /* has tags or attributes, */
    bool has_files;  /* attachments */
    bool has_info;   /* or what only test_run_info can keep */
};
struct spool_slot *spool_slot(struct spool *s, size_t i);

/* Places sorted by SHA-256. Made once; belongs to the spool. */
const uint32_t *spool_key_order(struct spool *s);

struct spool_totals {
    uint64_t by_outcome[OUTCOMES];
    uint64_t attachments;
    uint64_t attachment_bytes;
    double run_time_us;   /* the sum of durations: of many long ones more than 63 bits hold */
    int64_t wall_time_us; /* last stop minus first start */
};
/* Over the records that count; only after spool_finish(). */
const struct spool_totals *spool_totals(const struct spool *s);

/* Attachments of the run as a whole. */
size_t spool_run_attachments(const struct spool *s, const struct spool_attachment **out);

#endif
