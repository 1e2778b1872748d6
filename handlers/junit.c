#include "config.h"
#include "handlers/junit.h"
#include "base/clock.h"
#include "base/failure.h"
#include "base/xml_text.h"
#include "db/spool.h"
#include "handlers/run_export.h"
#include "handlers/subunit.h"

#include <string.h>

/* A buffer goes out when it holds FLUSH; one piece of an attachment comes in pieces of CHUNK, each byte of
 * which may become six. */
enum { FLUSH = 32 * 1024, CHUNK = 64 * 1024, BUFFER_MAX = 4 * 1024 * 1024, NAME_MAX_BYTES = 64 * 1024 };

struct file {
    int64_t id;
    struct str name;
    struct str mime;
    uint64_t size;
    struct file *next;
};

struct junit {
    struct request *r;
    struct db_conn *files;
    struct buf b;
    struct arena *arena; /* of one test */
    struct arena *tail;  /* of the end of its traceback */
    struct str id;
    enum spool_outcome outcome;
    bool timed;
    int64_t us;
    struct file *first, *last; /* its attachments */
    struct xml_text text;
};

static bool flush(struct junit *x, bool all, struct error *err)
{
    if (!all && x->b.n < FLUSH)
        return true;
    if (!buf_ok(&x->b))
        return error_set(err, ERROR_INTERNAL, "a test's element is too large");
    bool ok = response_write(x->r, x->b.p, x->b.n);
    buf_clear(&x->b);
    return ok || error_set(err, ERROR_ABORTED, "the client went away");
}

/* --- attachments --------------------------------------------------------------------------------- */

static bool add_piece(void *arg, struct str piece, bool last, struct error *err)
{
    struct junit *x = arg;

    while (piece.n) {
        size_t n = piece.n < CHUNK ? piece.n : CHUNK;

        xml_text_add(&x->text, &x->b, (struct str){piece.p, n});
        piece = (struct str){piece.p + n, piece.n - n};
        if (!flush(x, false, err))
            return false;
    }
    if (last)
        xml_text_end(&x->text, &x->b);
    return true;
}

static bool add_content(struct junit *x, const struct file *f, struct error *err)
{
    x->text = (struct xml_text){.n = 0};
    return attachment_pieces(x->files, f->id, f->size, add_piece, x, err);
}

static bool is_error_output(const struct file *f)
{
    return str_eq_cstr(f->name, "system-err") || str_eq_cstr(f->name, "stderr");
}

static bool is_output(const struct file *f)
{
    return str_eq_cstr(f->name, "system-out") || str_eq_cstr(f->name, "stdout");
}

static bool is_text(const struct file *f)
{
    return !f->mime.p || str_starts(f->mime, STR("text/")) || str_starts(f->mime, STR("application/json")) ||
           str_starts(f->mime, STR("application/xml"));
}

static void add_label(struct junit *x, struct str s)
{
    struct xml_text text = {.n = 0};

    xml_text_add(&text, &x->b, s);
    xml_text_end(&text, &x->b);
}

/* A file that has no place of its own, in system-out as testtools prints details. */
static bool add_detail(struct junit *x, const struct file *f, struct error *err)
{
    add_label(x, f->name);
    if (!is_text(f)) {
        buf_add_cstr(&x->b, " (");
        add_label(x, f->mime);
        buf_printf(&x->b, "): %llu bytes\n", (unsigned long long)f->size);
        return true;
    }
    buf_add_cstr(&x->b, ": {{{\n");
    if (!add_content(x, f, err))
        return false;
    buf_add_cstr(&x->b, "\n}}}\n");
    return true;
}

/* The files that neither SAID nor SHORT are, as system-out, then system-err. */
static bool add_outputs(struct junit *x, const struct file *said, const struct file *brief, struct error *err)
{
    for (int of_errors = 0; of_errors < 2; of_errors++) {
        const char *tag = of_errors ? "system-err" : "system-out";
        bool open = false, ok = true;

        for (const struct file *f = x->first; f && ok; f = f->next) {
            if (f == said || f == brief || is_error_output(f) != of_errors)
                continue;
            if (!open)
                buf_printf(&x->b, "<%s>", tag);
            open = true;
            ok = of_errors || is_output(f) ? add_content(x, f, err) : add_detail(x, f, err);
        }
        if (!ok)
            return false;
        if (open)
            buf_printf(&x->b, "</%s>\n", tag);
    }
    return true;
}

/* --- what became of a test ----------------------------------------------------------------------- */

static const struct file *find(const struct junit *x, const char *name)
{
    for (const struct file *f = x->first; f; f = f->next)
        if (str_eq_cstr(f->name, name))
            return f;
    return NULL;
}

/* The text that belongs into the element: a traceback before anything else. */
static const struct file *find_text(const struct junit *x)
{
    const struct file *best = NULL;
    int rank = 0;

    for (const struct file *f = x->first; f; f = f->next) {
        int r = str_eq_cstr(f->name, "message") ? 0 : failure_rank(f->name, f->mime);

        if (r > rank) {
            best = f;
            rank = r;
        }
    }
    return best;
}

/* The line that says what went wrong; lives until the next call. */
static bool read_line(struct junit *x, const struct file *f, struct str *line, struct error *err)
{
    uint64_t offset = f->size > FAILURE_TAIL ? f->size - FAILURE_TAIL : 0;
    struct str tail;

    arena_reset(x->tail);
    if (!run_attachment_read(x->files, x->tail, f->id, offset, &tail, err))
        return false;
    *line = failure_line(tail);
    return true;
}

/* "ValueError" of "ValueError: 7": a name with dots. */
static struct str type_of(struct str line)
{
    size_t n = 0;

    while (n < line.n && n < 200 &&
           strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$", line.p[n]) &&
           line.p[n])
        n++;
    return n && (n == line.n || line.p[n] == ':') ? (struct str){line.p, n} : (struct str){NULL, 0};
}

/* <TAG message type>text</TAG> */
static bool add_verdict(struct junit *x, const char *tag, const char *type, const struct file *said,
                        const struct file *brief, struct str message, struct error *err)
{
    buf_printf(&x->b, "<%s", tag);
    if (brief && !read_line(x, brief, &message, err))
        return false;
    if (!message.n && said && !read_line(x, said, &message, err))
        return false;
    xml_attribute(&x->b, "message", message, FAILURE_LINE);
    struct str own = type_of(message);
    xml_attribute(&x->b, "type", type ? str_of(type) : own.p ? own : STR("failure"), FAILURE_LINE);
    buf_add_char(&x->b, '>');
    if (said && !add_content(x, said, err))
        return false;
    buf_printf(&x->b, "</%s>\n", tag);
    return true;
}

static bool add_body(struct junit *x, struct error *err)
{
    const struct file *said = find_text(x), *brief = find(x, "message"), *reason = find(x, "reason");
    bool ok = true;

    switch (x->outcome) {
    case OUTCOME_SUCCESS: said = brief = NULL; break;
    case OUTCOME_FAIL: ok = add_verdict(x, "failure", NULL, said, brief, (struct str){NULL, 0}, err); break;
    case OUTCOME_UXSUCCESS:
        ok = add_verdict(x, "failure", "uxsuccess", said, brief, STR("unexpected success"), err);
        break;
    case OUTCOME_SKIP:
        said = NULL;
        brief = reason ? reason : brief;
        ok = add_verdict(x, "skipped", "skip", said, brief, (struct str){NULL, 0}, err);
        break;
    /* The type that pytest gives, by which other tools know it. */
    case OUTCOME_XFAIL:
        ok = add_verdict(x, "skipped", "pytest.xfail", said, brief, STR("expected failure"), err);
        break;
    default: ok = add_verdict(x, "error", "inprogress", said, brief, STR("the test did not end"), err); break;
    }
    return ok && add_outputs(x, said, brief, err);
}

/* --- tests --------------------------------------------------------------------------------------- */

/* "a.b.Class" and "test[id-1]" of "a.b.Class.test[id-1]". */
static void add_names(struct junit *x)
{
    struct str class = {"", 0}, name = x->id;
    size_t end = 0;

    while (end < x->id.n && x->id.p[end] != '[' && x->id.p[end] != '(' && x->id.p[end] != ' ')
        end++;
    while (end && x->id.p[end - 1] != '.')
        end--;
    if (end > 1 && end < x->id.n) {
        class.p = x->id.p;
        class.n = end - 1;
        name = (struct str){x->id.p + end, x->id.n - end};
    }
    xml_attribute(&x->b, "classname", class, NAME_MAX_BYTES);
    xml_attribute(&x->b, "name", name, NAME_MAX_BYTES);
}

static bool end_test(struct junit *x, struct error *err)
{
    if (!x->id.p)
        return true;
    buf_add_cstr(&x->b, "<testcase");
    add_names(x);
    if (x->timed)
        buf_printf(&x->b, " time=\"%lld.%06lld\"", (long long)(x->us / 1000000),
                   (long long)(x->us % 1000000));
    buf_add_cstr(&x->b, ">\n");
    if (!add_body(x, err))
        return false;
    buf_add_cstr(&x->b, "</testcase>\n");
    x->id = (struct str){NULL, 0};
    return flush(x, false, err);
}

static enum spool_outcome outcome_of(struct str status)
{
    for (int i = 0; i < OUTCOMES; i++)
        if (str_eq_cstr(status, spool_outcome_name((enum spool_outcome)i)))
            return (enum spool_outcome)i;
    return OUTCOME_UNKNOWN;
}

static void begin_test(struct junit *x, struct db_rows *rows)
{
    arena_reset(x->arena);
    x->first = x->last = NULL;
    x->id = run_export_id(rows, x->arena);
    x->outcome = outcome_of(db_str(rows, "status"));
    x->timed = !db_is_null(rows, "start_us") && !db_is_null(rows, "stop_us");
    x->us = db_i64(rows, "stop_us") - db_i64(rows, "start_us");
    x->us = x->us < 0 ? 0 : x->us;
}

static void add_file(struct junit *x, struct db_rows *rows)
{
    struct file *f = arena_calloc(x->arena, 1, sizeof(*f));
    struct str name = db_str(rows, "file_name"), mime = db_str(rows, "mime_type");

    *f = (struct file){.id = db_i64(rows, "attachment_id"), .size = db_u64(rows, "size")};
    f->name = arena_str(x->arena, name.p ? name : db_str(rows, "label"));
    f->mime = mime.p ? arena_str(x->arena, mime) : mime;
    if (x->last)
        x->last->next = f;
    else
        x->first = f;
    x->last = f;
}

/* Rows of one test follow each other, one for each attachment. */
static bool add_tests(struct junit *x, struct db_rows *rows, struct error *err)
{
    int64_t open = 0;

    while (db_next(rows, err)) {
        int64_t id = db_i64(rows, "id");

        if (id != open) {
            if (!end_test(x, err))
                return false;
            begin_test(x, rows);
            open = id;
        }
        if (!db_is_null(rows, "attachment_id"))
            add_file(x, rows);
    }
    return end_test(x, err);
}

/* --- the document -------------------------------------------------------------------------------- */

static void open_suite(struct junit *x, const char *tag, const struct run *run, const struct run_sums *s)
{
    buf_printf(&x->b, "<%s", tag);
    xml_attribute(&x->b, "name", run->uuid, NAME_MAX_BYTES);
    buf_printf(&x->b, " tests=\"%llu\" failures=\"%llu\" errors=\"%llu\" skipped=\"%llu\" time=\"%.6f\"",
               (unsigned long long)s->tests, (unsigned long long)s->failures,
               (unsigned long long)s->unfinished, (unsigned long long)s->skipped, s->seconds);
    if (strcmp(tag, "testsuite") == 0 && s->start[0])
        xml_attribute(&x->b, "timestamp", str_of(s->start), NAME_MAX_BYTES);
    buf_add_cstr(&x->b, ">\n");
}

static bool write_document(struct junit *x, struct db_conn *c, const struct run *run,
                           const struct run_sums *sums, struct error *err)
{
    buf_add_cstr(&x->b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    open_suite(x, "testsuites", run, sums);
    open_suite(x, "testsuite", run, sums);
    struct db_rows *rows = run_export(c, run->id, err);
    if (!rows)
        return false;
    bool sent = add_tests(x, rows, err);
    bool whole = db_end(rows);
    buf_add_cstr(&x->b, "</testsuite>\n</testsuites>\n");
    return sent && whole && flush(x, true, err);
}

bool junit_get(struct request *r, struct error *err)
{
    struct junit x = {.r = r};
    struct run_sums sums;
    struct run run;
    struct db_conn *c = query_check(r, err) ? db_acquire_for(r->db, r->arena, err) : NULL;

    if (!c || !subunit_run(r, c, &run, err) || !run_sum(c, run.id, &sums, err) ||
        !(x.files = db_acquire_for(r->db, r->arena, err)))
        return false;
    response_status(r, 200);
    response_header(r, "Content-Type", "application/xml; charset=utf-8");
    response_headerf(r, "Content-Disposition", "attachment; filename=\"%.*s.xml\"", STR_ARG(run.uuid));
    response_header(r, "X-Content-Type-Options", "nosniff");
    if (r->method == METHOD_HEAD)
        return true;
    buf_init(&x.b, BUFFER_MAX);
    x.arena = arena_new(0);
    x.tail = arena_new(0);
    bool ok = write_document(&x, c, &run, &sums, err);
    arena_free(x.tail);
    arena_free(x.arena);
    buf_free(&x.b);
    return ok;
}
