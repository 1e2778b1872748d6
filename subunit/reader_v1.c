/* reader_v1.c - version 1: lines, and the state between them. */
#include "config.h"
#include "subunit/text.h"
#include "subunit/v1.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A line this long whose first word is no directive is noise, and need not be kept whole. */
#define NOISE_BYTES 64

bool subunit_v1_new(struct subunit_reader *r)
{
    r->v1 = calloc(1, sizeof(*r->v1));
    return r->v1 != NULL || subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, r->offset, "out of memory");
}

void subunit_v1_free(struct v1_reader *v1)
{
    if (v1 == NULL)
        return;
    subunit_v1_tags_clear(&v1->stream_tags);
    subunit_v1_tags_clear(&v1->test_tags);
    free(v1->stream_tags.v);
    free(v1->test_tags.v);
    free(v1->id.p);
    free(v1->part_name.p);
    free(v1->part_mime.p);
    free(v1);
}

bool subunit_v1_text(struct subunit_reader *r, const char *what, struct subunit_str text, bool is_id,
                     uint64_t offset)
{
    size_t chars = 0;

    switch (subunit_text_check(text, &chars)) {
    case TEXT_FINE: return subunit_reader_check_bounds(r, what, text, chars, is_id, offset);
    case TEXT_NUL:
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "%s contains a NUL byte", what);
    case TEXT_PARTIAL:
    case TEXT_INVALID: break;
    }
    return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "%s is not UTF-8", what);
}

bool subunit_v1_store(struct subunit_reader *r, struct bytes *b, struct subunit_str text)
{
    if (b->cap <= text.n) {
        unsigned char *grown = realloc(b->p, text.n + 64);
        if (grown == NULL)
            return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, r->offset, "out of memory");
        b->p = grown;
        b->cap = text.n + 64;
    }
    memcpy(b->p, text.p, text.n);
    b->n = text.n;
    return true;
}

static int64_t system_time(const struct subunit_reader *r)
{
    struct timespec now;

    if (r->opts.now != NULL)
        return r->opts.now(r->opts.now_ctx);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool subunit_v1_now(struct subunit_reader *r, uint64_t offset, int64_t *time)
{
    const struct v1_reader *v1 = r->v1;

    if (!v1->has_time) {
        *time = system_time(r);
        return true;
    }
    /* Version 2 holds seconds in 32 bits, so the conversion fails at the first event with such a time. */
    if (v1->time_bad || v1->time < 0 || v1->time / 1000000 > UINT32_MAX)
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset,
                                   "an event's time is before 1970 or after 2106");
    *time = v1->time;
    return true;
}

struct subunit_event subunit_v1_event(const struct subunit_reader *r, enum subunit_status status,
                                      int64_t time, uint64_t offset)
{
    const struct v1_reader *v1 = r->v1;

    return (struct subunit_event){
        .offset = offset,
        .time = time,
        .has_time = true,
        .status = status,
        .has_id = true,
        .id = {(const char *)v1->id.p, v1->id.n},
        .runnable = true,
    };
}

static enum subunit_status outcome_status(enum v1_word outcome)
{
    switch (outcome) {
    case V1_SUCCESS: return SUBUNIT_SUCCESS;
    case V1_SKIP: return SUBUNIT_SKIP;
    case V1_XFAIL: return SUBUNIT_XFAIL;
    case V1_UXSUCCESS: return SUBUNIT_UXSUCCESS;
    default: return SUBUNIT_FAIL;
    }
}

bool subunit_v1_test_end(struct subunit_reader *r, enum v1_word outcome, int64_t time, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;
    const struct tag_set *tags = v1->own_tags ? &v1->test_tags : &v1->stream_tags;
    struct subunit_event event = subunit_v1_event(r, outcome_status(outcome), time, offset);

    v1->state = V1_OUTSIDE;
    v1->own_tags = false;
    event.has_tags = tags->n > 0;
    event.tags = tags->v;
    event.n_tags = tags->n;
    return subunit_reader_emit(r, &event);
}

static bool start_test(struct subunit_reader *r, struct subunit_str id, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;
    int64_t time;

    if (!subunit_v1_text(r, "test id", id, true, offset) || !subunit_v1_now(r, offset, &time) ||
        !subunit_v1_store(r, &v1->id, id))
        return false;
    v1->state = V1_IN_TEST;
    v1->own_tags = false;
    struct subunit_event event = subunit_v1_event(r, SUBUNIT_INPROGRESS, time, offset);
    return subunit_reader_emit(r, &event);
}

/* Whether TEXT is the running test's id followed by SUFFIX. */
static bool is_test(const struct v1_reader *v1, struct subunit_str text, const char *suffix)
{
    size_t n = strlen(suffix);

    return text.n == v1->id.n + n && memcmp(text.p, v1->id.p, v1->id.n) == 0 &&
           memcmp(text.p + v1->id.n, suffix, n) == 0;
}

/* An outcome counts for the test that runs; another's is noise. */
static bool end_test(struct subunit_reader *r, enum v1_word outcome, struct subunit_str text,
                     struct subunit_str line, uint64_t offset)
{
    const struct v1_reader *v1 = r->v1;
    size_t chars;
    int64_t time;

    if (is_test(v1, text, ""))
        return subunit_v1_now(r, offset, &time) && subunit_v1_test_end(r, outcome, time, offset);
    if (is_test(v1, text, " ["))
        return subunit_v1_details_begin(r, outcome, false, offset);
    if (is_test(v1, text, " [ multipart"))
        return subunit_v1_details_begin(r, outcome, true, offset);
    enum text_fault fault = subunit_text_check(text, &chars);
    if (fault == TEXT_PARTIAL || fault == TEXT_INVALID)
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "test id is not UTF-8");
    return subunit_reader_foreign(r, line.p, line.n, offset);
}

static bool change_time(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;

    if (!subunit_v1_time_parse(p, n, &v1->time, &v1->time_bad))
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "time: not an ISO 8601 date and time");
    v1->has_time = true;
    return true;
}

/* In a test the change holds until its end. */
static bool change_tags(struct subunit_reader *r, struct subunit_str text, uint64_t offset)
{
    struct v1_reader *v1 = r->v1;
    const struct subunit_limits *l = &r->opts.limits;
    size_t chars;

    enum text_fault fault = subunit_text_check(text, &chars);
    if (fault != TEXT_FINE)
        return subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "tags: %s",
                                   fault == TEXT_NUL ? "a NUL byte" : "not UTF-8");
    if (v1->state == V1_IN_TEST && !v1->own_tags) {
        if (!subunit_v1_tags_copy(&v1->test_tags, &v1->stream_tags))
            return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, offset, "out of memory");
        v1->own_tags = true;
    }
    switch (subunit_v1_tags_change(v1->own_tags ? &v1->test_tags : &v1->stream_tags, text, l->max_tags,
                                   l->max_text_bytes)) {
    case 0: return true;
    case E2BIG:
        return subunit_reader_fail(r, SUBUNIT_ERROR_LIMIT, offset, "tags: %u tags of %u bytes are allowed",
                                   l->max_tags, l->max_text_bytes);
    default: return subunit_reader_fail(r, SUBUNIT_ERROR_MEMORY, offset, "out of memory");
    }
}

static bool blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first word's bytes in *SIZE, up to white space or the end. */
static enum v1_word first_word(const unsigned char *line, size_t n, size_t *size)
{
    size_t end = 0;

    while (end < n && !blank(line[end]))
        end++;
    *size = end;
    if (end == 0)
        return V1_NOISE;
    while (end > 0 && line[end - 1] == ':')
        end--;
    return subunit_v1_word_of(line, end);
}

/* A line outside details. As in the reference the last byte is taken for the line end, even if the stream
 * ends without one. */
static bool directive(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    const struct v1_reader *v1 = r->v1;
    size_t size, more;

    enum v1_word word = first_word(line, n, &size);
    for (more = size; more < n && blank(line[more]);)
        more++;
    if (more == n)
        word = V1_NOISE; /* nothing after the word */
    struct subunit_str text = {(const char *)line + size + 1, n > size + 2 ? n - size - 2 : 0};
    struct subunit_str whole = {(const char *)line, n};
    if (word == V1_TIME)
        return change_time(r, line + size + 1, text.n, offset);
    if (word == V1_TEST && v1->state == V1_OUTSIDE)
        return start_test(r, text, offset);
    if (word >= V1_SUCCESS && v1->state == V1_IN_TEST)
        return end_test(r, word, text, whole, offset);
    if (word == V1_TAGS)
        return change_tags(r, (struct subunit_str){text.p, n - size - 1}, offset);
    if (word != V1_PROGRESS)
        return subunit_reader_foreign(r, line, n, offset);
    return subunit_v1_progress_valid(line + size + 1, n - size - 1) ||
           subunit_reader_fail(r, SUBUNIT_ERROR_CORRUPT, offset, "progress: neither push, pop nor a number");
}

static bool line_too_long(struct subunit_reader *r, uint64_t offset)
{
    return subunit_reader_fail(r, SUBUNIT_ERROR_LIMIT, offset, "a line of over %u bytes",
                               r->opts.limits.max_line_bytes);
}

/* Is a line that begins so noise, whatever follows? Its first word only gets longer. */
static bool is_noise(const struct subunit_reader *r, const unsigned char *line, size_t n)
{
    size_t size;

    return (r->v1->state == V1_OUTSIDE || r->v1->state == V1_IN_TEST) &&
           first_word(line, n, &size) == V1_NOISE;
}

static bool take_line(struct subunit_reader *r, const unsigned char *line, size_t n, uint64_t offset)
{
    bool plain = r->v1->state == V1_OUTSIDE || r->v1->state == V1_IN_TEST;
    size_t max = r->opts.limits.max_line_bytes;

    /* In one piece it needs no room, but how a stream is cut must not decide. */
    if (n > max && !is_noise(r, line, max))
        return line_too_long(r, offset);
    return plain ? directive(r, line, n, offset) : subunit_v1_details_line(r, line, n, offset);
}

/* What is kept of a line is noise, and so will be what follows. */
static bool give_noise(struct subunit_reader *r, uint64_t start)
{
    struct bytes *b = &r->pending;
    size_t n = b->n;

    r->v1->noise_rest = true;
    b->n = 0;
    return subunit_reader_foreign(r, b->p, n, start);
}

/* The beginning of a line is kept until the rest comes, unless it is noise already. */
static bool keep_line(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset)
{
    struct bytes *b = &r->pending;
    uint64_t start = offset - b->n;
    size_t room = r->opts.limits.max_line_bytes - b->n;
    size_t fits = n < room ? n : room;

    if (!subunit_reader_keep(r, p, fits))
        return false;
    bool noise = b->n >= NOISE_BYTES && is_noise(r, b->p, b->n);
    if (n > fits && !noise)
        return line_too_long(r, start);
    if (!noise)
        return true;
    return give_noise(r, start) &&
           (n == fits || subunit_reader_foreign(r, p + fits, n - fits, offset + fits));
}

/* Takes one line, or the part of it that is there. */
static bool line_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset,
                      size_t *taken)
{
    struct bytes *b = &r->pending;
    const unsigned char *end = memchr(p, '\n', n);

    *taken = end != NULL ? (size_t)(end - p) + 1 : n;
    if (r->v1->noise_rest) {
        r->v1->noise_rest = end == NULL;
        return subunit_reader_foreign(r, p, *taken, offset);
    }
    if (end != NULL && b->n == 0)
        return take_line(r, p, *taken, offset);
    if (!keep_line(r, p, *taken, offset))
        return false;
    if (end == NULL)
        return true;
    r->v1->noise_rest = false;
    size_t size = b->n;
    b->n = 0;
    return size == 0 || take_line(r, b->p, size, offset + *taken - size);
}

bool subunit_v1_feed(struct subunit_reader *r, const unsigned char *p, size_t n, uint64_t offset)
{
    size_t at = 0, taken;

    while (at < n) {
        enum v1_state state = r->v1->state;
        bool raw = state == V1_SIMPLE || state == V1_PART_BODY || state == V1_PART_STUCK;
        bool ok = raw ? subunit_v1_details_feed(r, p + at, n - at, offset + at, &taken)
                      : line_feed(r, p + at, n - at, offset + at, &taken);
        if (!ok)
            return false;
        at += taken;
    }
    return true;
}

/* The test that still runs when the stream ends fails with the text that the reference gives it. */
static bool lost_connection(struct subunit_reader *r)
{
    static const char *const reports[] = {
        [V1_SUCCESS] = "success report of ", [V1_FAILURE] = "failure report of ",
        [V1_ERROR] = "error report of ",     [V1_SKIP] = "skip report of ",
        [V1_XFAIL] = "xfail report of ",     [V1_UXSUCCESS] = "uxsuccess report of ",
    };
    static const char name[] = "traceback",
                      mime[] = "text/x-traceback; charset=\"utf8\"; language=\"python\"";
    struct v1_reader *v1 = r->v1;
    const char *report = v1->state == V1_IN_TEST ? "" : reports[v1->outcome];
    int64_t time;

    if (!subunit_v1_now(r, r->offset, &time))
        return false;
    struct bytes *text = &r->pending;
    text->n = 0;
    static const char before[] = "testtools.testresult.real._StringException: lost connection during ";
    if (!subunit_reader_keep(r, before, sizeof(before) - 1) ||
        !subunit_reader_keep(r, report, strlen(report)) || !subunit_reader_keep(r, "test '", 6) ||
        !subunit_reader_keep(r, v1->id.p, v1->id.n) || !subunit_reader_keep(r, "'\n", 2))
        return false;
    struct subunit_event event = subunit_v1_event(r, SUBUNIT_NONE, time, r->offset);
    event.files_void = v1->state != V1_IN_TEST;
    event.file_restarts = true;
    event.has_file = true;
    event.file_name = (struct subunit_str){name, sizeof(name) - 1};
    event.file = (struct subunit_str){(const char *)text->p, text->n};
    event.has_mime = true;
    event.mime = (struct subunit_str){mime, sizeof(mime) - 1};
    event.eof = true;
    return subunit_reader_emit(r, &event) && subunit_v1_test_end(r, V1_FAILURE, time, r->offset);
}

bool subunit_v1_finish(struct subunit_reader *r)
{
    struct bytes *b = &r->pending;
    size_t n = b->n;

    b->n = 0;
    if (n > 0 && r->v1->state != V1_SIMPLE && !take_line(r, b->p, n, r->offset - n))
        return false;
    return r->v1->state == V1_OUTSIDE || lost_connection(r);
}
