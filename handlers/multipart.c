#include "config.h"
#include "handlers/multipart.h"

#include <string.h>

enum { HEADERS_MAX = 8192, DELIMITER_MAX = 4 + 70 };

enum state {
    PREAMBLE, /* what is in front of the first boundary */
    DATA,
    DELIMITER,  /* a boundary has been read; what follows decides */
    DELIM_LINE, /* blanks, then CR LF, then headers */
    DELIM_LF,
    CLOSE_DASH, /* "--" after the boundary, the second dash */
    CLOSE_LINE, /* blanks, then CR LF or the end, then the epilogue */
    CLOSE_LF,
    HEADERS,
    EPILOGUE,
};

struct multipart {
    struct multipart_sink sink;
    struct arena *arena;
    enum state state;
    uint64_t offset;
    char delimiter[DELIMITER_MAX]; /* CR LF - - boundary */
    size_t n_delimiter;
    size_t matched; /* bytes of it that the last bytes read are */
    size_t unread;  /* of these, how many were never there: at the beginning of a text its CR LF is implied */
    char headers[HEADERS_MAX];
    size_t n_headers;
};

static bool fail(const struct multipart *m, const char *what, struct error *err)
{
    return error_set_at(err, m->offset, ERROR_BAD_REQUEST, "multipart body, byte %llu: %s",
                        (unsigned long long)m->offset, what);
}

struct multipart *multipart_new(struct arena *arena, struct str boundary, const struct multipart_sink *sink)
{
    struct multipart *m = arena_calloc(arena, 1, sizeof(*m));

    m->sink = *sink;
    m->arena = arena;
    memcpy(m->delimiter, "\r\n--", 4);
    m->n_delimiter = 4 + (boundary.n < DELIMITER_MAX - 4 ? boundary.n : DELIMITER_MAX - 4);
    memcpy(m->delimiter + 4, boundary.p, m->n_delimiter - 4);
    m->matched = m->unread = 2;
    return m;
}

/* --- a part's headers ----------------------------------------------------------------------------- */

struct fields {
    struct str disposition;
    struct str type;
    struct str transfer;
};

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", s.p[i]))
            return false;
    return s.n > 0;
}

static bool header_line(const struct multipart *m, struct str line, struct fields *f, struct error *err)
{
    struct str name, value;
    struct str *field = NULL;

    if (!str_cut(line, ':', &name, &value) || !is_token(name))
        return fail(m, "a part's header that is none", err);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' && value.p[i] != '\t')
            return fail(m, "a control character in a part's header", err);
    if (str_eq_nocase(name, STR("content-disposition")))
        field = &f->disposition;
    else if (str_eq_nocase(name, STR("content-type")))
        field = &f->type;
    else if (str_eq_nocase(name, STR("content-transfer-encoding")))
        field = &f->transfer;
    if (!field)
        return true;
    if (field->p)
        return fail(m, "a part's header stands twice", err);
    *field = str_trim(value);
    return true;
}

static bool check_fields(const struct multipart *m, const struct fields *f, struct error *err)
{
    static const char *const plain[] = {"7bit", "8bit", "binary"};
    bool is_plain = !f->transfer.p;

    for (size_t i = 0; i < 3; i++)
        is_plain |= str_eq_nocase(f->transfer, str_of(plain[i]));
    if (!is_plain)
        return fail(m, "a Content-Transfer-Encoding in a part is not taken", err);
    if (f->type.n >= 10 && str_eq_nocase((struct str){f->type.p, 10}, STR("multipart/")))
        return fail(m, "a multipart within a part is not taken", err);
    return true;
}

static bool part_begin(struct multipart *m, const struct fields *f, struct error *err)
{
    struct multipart_part part = {.content_type = f->type};
    struct str form_data, params;

    if (!check_fields(m, f, err))
        return false;
    str_cut(f->disposition, ';', &form_data, &params);
    if (!str_eq_nocase(str_trim(form_data), STR("form-data")))
        return fail(m, "a part without Content-Disposition: form-data", err);
    params = (struct str){form_data.p + form_data.n, f->disposition.n - form_data.n};
    if (!multipart_param(m->arena, params, "name", &part.name) ||
        !multipart_param(m->arena, params, "filename", &part.filename))
        return fail(m, "a Content-Disposition that is malformed", err);
    if (!part.name.p)
        return fail(m, "a part without a name", err);
    return m->sink.begin(m->sink.ctx, &part, err);
}

/* All headers are there, with the empty line behind them. */
static bool headers_end(struct multipart *m, struct error *err)
{
    struct str rest = {m->headers, m->n_headers - 2};
    struct fields f = {0};

    while (rest.n) {
        struct str line;

        str_cut(rest, '\n', &line, &rest);
        if (line.n == 0 || line.p[line.n - 1] != '\r')
            return fail(m, "a part's header line that does not end with CR LF", err);
        line.n--;
        if (!header_line(m, line, &f, err))
            return false;
    }
    m->state = DATA;
    m->matched = m->unread = 2;
    m->n_headers = 0;
    return part_begin(m, &f, err);
}

static bool in_headers(struct multipart *m, char c, struct error *err)
{
    if (m->n_headers == HEADERS_MAX)
        return fail(m, "a part's headers are longer than 8192 bytes", err);
    m->headers[m->n_headers++] = c;
    const char *end = m->headers + m->n_headers;
    if (m->n_headers == 2 && memcmp(end - 2, "\r\n", 2) == 0)
        return headers_end(m, err);
    if (m->n_headers >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0)
        return headers_end(m, err);
    return true;
}

/* --- boundaries ----------------------------------------------------------------------------------- */

static bool give(struct multipart *m, const char *p, size_t n, struct error *err)
{
    return m->state == PREAMBLE || n == 0 || m->sink.data(m->sink.ctx, p, n, err);
}

/* The whole delimiter has been read. */
static bool delimiter(struct multipart *m, struct error *err)
{
    bool in_part = m->state == DATA;

    m->state = DELIMITER;
    m->matched = m->unread = 0;
    return !in_part || m->sink.end(m->sink.ctx, err);
}

/* Data up to the next delimiter; *USED bytes of P were looked at. Only the delimiter's first byte is a CR, so
 * one that does not go on as it began can only begin anew at the byte that differs. */
static bool in_data(struct multipart *m, const char *p, size_t n, size_t *used, struct error *err)
{
    size_t i = 0;

    if (m->matched == 0) {
        const char *cr = memchr(p, '\r', n);

        i = cr ? (size_t)(cr - p) : n;
        *used = i ? i : 1;
        m->matched = i == 0;
        return give(m, p, i, err);
    }
    while (i < n && m->matched < m->n_delimiter && p[i] == m->delimiter[m->matched]) {
        i++;
        m->matched++;
    }
    *used = i;
    if (m->matched == m->n_delimiter)
        return delimiter(m, err);
    if (i == n)
        return true;
    const char *held = m->delimiter + m->unread;
    size_t n_held = m->matched - m->unread;
    m->matched = m->unread = 0;
    return give(m, held, n_held, err);
}

static bool after_delimiter(struct multipart *m, char c, struct error *err)
{
    switch (m->state) {
    case DELIMITER:
        if (c == '-') {
            m->state = CLOSE_DASH;
            return true;
        }
        m->state = DELIM_LINE;
        return after_delimiter(m, c, err);
    case DELIM_LINE:
        if (c == '\r')
            m->state = DELIM_LF;
        else if (c != ' ' && c != '\t')
            return fail(m, "a line begins with the boundary and goes on", err);
        return true;
    case DELIM_LF: m->state = HEADERS; break;
    case CLOSE_DASH:
        if (c != '-')
            return fail(m, "a line begins with the boundary and goes on", err);
        m->state = CLOSE_LINE;
        return true;
    case CLOSE_LINE:
        if (c == '\r')
            m->state = CLOSE_LF;
        else if (c != ' ' && c != '\t')
            return fail(m, "the closing boundary's line goes on", err);
        return true;
    case CLOSE_LF: m->state = EPILOGUE; break;
    case PREAMBLE:
    case DATA:
    case HEADERS:
    case EPILOGUE: break;
    }
    return c == '\n' || fail(m, "a CR without its LF behind a boundary", err);
}

bool multipart_feed(struct multipart *m, const char *p, size_t n, struct error *err)
{
    for (size_t i = 0; i < n && m->state != EPILOGUE;) {
        size_t used = 1;
        bool ok;

        if (m->state == PREAMBLE || m->state == DATA)
            ok = in_data(m, p + i, n - i, &used, err);
        else if (m->state == HEADERS)
            ok = in_headers(m, p[i], err);
        else
            ok = after_delimiter(m, p[i], err);
        if (!ok)
            return false;
        i += used;
        m->offset += used;
    }
    return true;
}

bool multipart_end(struct multipart *m, struct error *err)
{
    if (m->state == EPILOGUE || m->state == CLOSE_LINE)
        return true;
    return fail(m, "it ends without its closing boundary", err);
}
