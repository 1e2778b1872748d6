#include "config.h"
#include "handlers/junit_read.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 16 * 1024, BLANKS_MAX = 4096, MESSAGE_MAX = 4096, FILE_NAME = 32, ID_BYTES_MAX = 256 * 1024 };

/* 9999-12-31 23:59:59: durations of years add up to more than a number holds. */
static const int64_t end_of_time_us = INT64_C(253402300799) * 1000000;

/* Where the text goes that comes next. */
enum place { PLACE_NOWHERE, PLACE_VERDICT, PLACE_OUTPUT };

struct junit_reader {
    struct xml *xml;
    junit_event_fn fn;
    void *ctx;
    uint64_t max_id_chars;
    unsigned depth;              /* of open elements */
    unsigned case_depth;         /* that of the testcase; 0: in none */
    unsigned text_depth;         /* that of the element whose text is wanted */
    struct buf suites;           /* the names of those that are open, one behind the other */
    size_t suite[XML_DEPTH_MAX]; /* where each begins */
    unsigned n_suites;
    int64_t now_us;             /* where the next test starts */
    struct buf id;              /* of the test */
    enum subunit_status status; /* so far */
    bool timed;
    int64_t stop_us;
    unsigned verdicts; /* of the test */
    enum place place;
    const char *file; /* the attachment that the text goes to */
    char file_name[FILE_NAME];
    struct buf message; /* of the verdict */
    bool skipping;      /* it is a skip's */
    bool begun;         /* something that is not blank has come */
    bool found;         /* the text holds the message */
    struct buf seen;    /* the end of the text so far, in which the message may begin */
    struct buf text;    /* not sent yet */
};

/* --- events ---------------------------------------------------------------------------------------- */

static struct subunit_str view(const struct buf *b)
{
    return (struct subunit_str){b->p ? b->p : "", b->n};
}

static bool send(struct junit_reader *j, struct subunit_event *e, struct error *err)
{
    e->offset = xml_offset(j->xml);
    e->id = view(&j->id);
    e->has_id = true;
    return j->fn(j->ctx, e, err);
}

static bool send_file(struct junit_reader *j, const char *name, struct buf *content, struct error *err)
{
    static const char mime[] = "text/plain;charset=utf8";
    struct subunit_event e = {.has_file = true, .has_mime = true};

    if (content->n == 0)
        return true;
    e.file_name = (struct subunit_str){name, strlen(name)};
    e.mime = (struct subunit_str){mime, sizeof(mime) - 1};
    e.file = view(content);
    bool ok = send(j, &e, err);
    buf_clear(content);
    return ok;
}

static bool refuse(struct junit_reader *j, struct error *err, const char *what)
{
    uint64_t at = xml_offset(j->xml);

    return error_set_at(err, at, ERROR_BAD_REQUEST, "The JUnit XML is refused at byte %llu: %s",
                        (unsigned long long)at, what);
}

/* --- testcase -------------------------------------------------------------------------------------- */

/* Seconds, as people's tools write them: "1.5", "1,234.5". */
static bool read_seconds(struct str text, int64_t *us)
{
    char digits[64], *end;
    size_t n = 0;

    for (size_t i = 0; i < text.n && n < sizeof(digits) - 1; i++)
        if (text.p[i] != ',')
            digits[n++] = text.p[i];
    digits[n] = '\0';
    double seconds = strtod(digits, &end);
    if (n == 0 || *end || !(seconds >= 0 && seconds < 1e9))
        return false;
    *us = (int64_t)(seconds * 1e6 + 0.5);
    return true;
}

/* The innermost one's. */
static struct str suite_name(const struct junit_reader *j)
{
    size_t begin = j->n_suites ? j->suite[j->n_suites - 1] : 0;

    return (struct str){j->suites.n ? j->suites.p + begin : "", j->suites.n - begin};
}

static bool begin_suite(struct junit_reader *j, struct str name, const char *const *attributes,
                        struct error *err)
{
    clock_parse(xml_attr(attributes, "timestamp"), &j->now_us);
    j->suite[j->n_suites++] = j->suites.n;
    buf_add_str(&j->suites, name);
    if (!buf_ok(&j->suites))
        return refuse(j, err, "the names of the test suites are too long");
    return !j->case_depth || refuse(j, err, "a testsuite within a testcase");
}

static void end_suite(struct junit_reader *j)
{
    j->suites.n = j->suite[--j->n_suites];
}

static bool make_id(struct junit_reader *j, const char *const *attributes, struct error *err)
{
    struct str class = xml_attr(attributes, "classname"), name = xml_attr(attributes, "name");

    if (!class.p)
        class = suite_name(j);
    buf_clear(&j->id);
    buf_add_str(&j->id, class);
    if (class.n && name.n)
        buf_add_char(&j->id, '.');
    buf_add_str(&j->id, name);
    if (!buf_ok(&j->id) || str_utf8_len(buf_str(&j->id)) > j->max_id_chars)
        return refuse(j, err, "a test's id is too long");
    return j->id.n > 0 || refuse(j, err, "a testcase has neither name nor classname");
}

static bool begin_case(struct junit_reader *j, const char *const *attributes, struct error *err)
{
    struct subunit_event e = {.status = SUBUNIT_INPROGRESS, .runnable = true};
    struct str status = xml_attr(attributes, "status");
    int64_t us;

    if (!make_id(j, attributes, err))
        return false;
    j->case_depth = j->depth;
    j->status =
        str_eq_cstr(status, "notrun") || str_eq_cstr(status, "disabled") ? SUBUNIT_SKIP : SUBUNIT_SUCCESS;
    j->verdicts = 0;
    clock_parse(xml_attr(attributes, "timestamp"), &j->now_us);
    j->timed = read_seconds(xml_attr(attributes, "time"), &us);
    if (j->timed) {
        e.time = j->now_us;
        e.has_time = true;
        j->now_us = j->now_us < end_of_time_us - us ? j->now_us + us : end_of_time_us;
        j->stop_us = j->now_us;
    }
    return send(j, &e, err);
}

static bool end_case(struct junit_reader *j, struct error *err)
{
    struct subunit_event e = {.status = j->status, .has_time = j->timed, .time = j->timed ? j->stop_us : 0};

    j->case_depth = 0;
    /* One that never ended comes out of the fold at the end. */
    return j->status == SUBUNIT_INPROGRESS || send(j, &e, err);
}

/* --- failure, error, skipped ----------------------------------------------------------------------- */

static enum subunit_status verdict_of(struct str name, struct str type)
{
    if (str_eq_cstr(name, "skipped"))
        return str_eq_cstr(type, "pytest.xfail") ? SUBUNIT_XFAIL : SUBUNIT_SKIP;
    if (str_eq_cstr(name, "error") && str_eq_cstr(type, "inprogress"))
        return SUBUNIT_INPROGRESS;
    if (str_eq_cstr(name, "failure") && str_eq_cstr(type, "uxsuccess"))
        return SUBUNIT_UXSUCCESS;
    return SUBUNIT_FAIL;
}

/* "traceback", "traceback-1", ... */
static void number_name(char out[FILE_NAME], const char *name, unsigned number)
{
    if (number)
        snprintf(out, FILE_NAME, "%s-%u", name, number);
    else
        snprintf(out, FILE_NAME, "%s", name);
}

static bool begin_verdict(struct junit_reader *j, struct str name, const char *const *attributes)
{
    enum subunit_status status = verdict_of(name, xml_attr(attributes, "type"));

    /* Of several the worst: a test that failed stays failed. */
    if (j->status != SUBUNIT_FAIL)
        j->status = status;
    j->skipping = status == SUBUNIT_SKIP;
    number_name(j->file_name, j->skipping ? "detail" : "traceback", j->verdicts);
    j->verdicts++;
    j->file = j->file_name;
    j->place = PLACE_VERDICT;
    j->text_depth = j->depth;
    j->begun = j->found = false;
    buf_clear(&j->seen);
    buf_clear(&j->text);
    buf_clear(&j->message);
    buf_add_str(&j->message, xml_attr(attributes, "message"));
    return true;
}

/* Does the message stand in what has come? */
static void look_for_message(struct junit_reader *j)
{
    size_t n = j->message.n;

    if (j->found || n == 0 || n > MESSAGE_MAX)
        return;
    buf_add_str(&j->seen, buf_str(&j->text));
    j->found = memmem(j->seen.p, j->seen.n, j->message.p, n) != NULL;
    if (j->seen.n >= n)
        buf_shift(&j->seen, j->seen.n - (n - 1));
}

static bool send_text(struct junit_reader *j, struct error *err)
{
    /* Not with each piece that the parser gives, which may be one byte. */
    if (j->place == PLACE_VERDICT)
        look_for_message(j);
    return send_file(j, j->file, &j->text, err);
}

static bool end_verdict(struct junit_reader *j, struct error *err)
{
    char name[FILE_NAME];

    number_name(name, j->skipping ? "reason" : "message", j->verdicts - 1);
    if (!j->begun) {
        /* All that is said is the message. */
        buf_clear(&j->text);
        return send_file(j, j->skipping ? name : j->file, &j->message, err);
    }
    if (!send_text(j, err))
        return false;
    return (j->found && !j->skipping) || send_file(j, name, &j->message, err);
}

/* --- elements -------------------------------------------------------------------------------------- */

static bool is_verdict(struct str name)
{
    return str_eq_cstr(name, "failure") || str_eq_cstr(name, "error") || str_eq_cstr(name, "skipped");
}

static bool is_suite(struct str name)
{
    return str_eq_cstr(name, "testsuites") || str_eq_cstr(name, "testsuite");
}

static bool on_open(void *ctx, struct str name, const char *const *attributes, struct error *err)
{
    struct junit_reader *j = ctx;

    j->depth++;
    if (j->depth == 1 && !is_suite(name))
        return refuse(j, err, "its outermost element is neither testsuites nor testsuite");
    if (j->place)
        return true;
    if (is_suite(name))
        return begin_suite(j, str_eq_cstr(name, "testsuite") ? xml_attr(attributes, "name") : STR(""),
                           attributes, err);
    if (str_eq_cstr(name, "testcase"))
        return j->case_depth ? refuse(j, err, "a testcase within a testcase")
                             : begin_case(j, attributes, err);
    if (!j->case_depth || j->depth != j->case_depth + 1)
        return true;
    if (is_verdict(name))
        return begin_verdict(j, name, attributes);
    if (str_eq_cstr(name, "system-out") || str_eq_cstr(name, "system-err")) {
        j->file = str_eq_cstr(name, "system-out") ? "system-out" : "system-err";
        j->place = PLACE_OUTPUT;
        j->text_depth = j->depth;
        buf_clear(&j->text);
    }
    return true;
}

static bool on_close(void *ctx, struct str name, struct error *err)
{
    struct junit_reader *j = ctx;
    unsigned depth = j->depth--;
    enum place place = j->place;

    if (place && depth == j->text_depth) {
        bool ok = place == PLACE_VERDICT ? end_verdict(j, err) : send_text(j, err);
        j->place = PLACE_NOWHERE;
        return ok;
    }
    if (!place && is_suite(name))
        end_suite(j);
    return depth != j->case_depth || end_case(j, err);
}

static bool on_text(void *ctx, struct str text, struct error *err)
{
    struct junit_reader *j = ctx;

    if (!j->place)
        return true;
    if (j->place == PLACE_VERDICT && !j->begun) {
        j->begun = str_trim(text).n > 0;
        /* Blanks wait for what follows them; some more of them say nothing more. */
        if (!j->begun && j->text.n + text.n > BLANKS_MAX)
            return true;
    }
    buf_add_str(&j->text, text);
    return j->text.n < PIECE || !(j->begun || j->place == PLACE_OUTPUT) || send_text(j, err);
}

/* --- the reader ------------------------------------------------------------------------------------ */

struct junit_reader *junit_reader_new(uint64_t max_id_chars, int64_t start_us, junit_event_fn fn, void *ctx)
{
    struct junit_reader *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    const struct xml_handler handler = {j, on_open, on_text, on_close};
    j->fn = fn;
    j->ctx = ctx;
    j->max_id_chars = max_id_chars;
    j->now_us = start_us;
    buf_init(&j->suites, ID_BYTES_MAX);
    buf_init(&j->id, ID_BYTES_MAX);
    buf_init(&j->message, 1 << 20);
    buf_init(&j->seen, 1 << 20);
    buf_init(&j->text, 1 << 20);
    j->xml = xml_new(&handler);
    if (j->xml)
        return j;
    junit_reader_free(j);
    return NULL;
}

void junit_reader_free(struct junit_reader *j)
{
    if (!j)
        return;
    xml_free(j->xml);
    buf_free(&j->suites);
    buf_free(&j->id);
    buf_free(&j->message);
    buf_free(&j->seen);
    buf_free(&j->text);
    free(j);
}

bool junit_reader_feed(struct junit_reader *j, const void *p, size_t n, struct error *err)
{
    return xml_feed(j->xml, p, n, err);
}

bool junit_reader_finish(struct junit_reader *j, struct error *err)
{
    return xml_end(j->xml, err);
}
