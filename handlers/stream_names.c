#include "config.h"
#include "handlers/stream_names.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "subunit/tally-subunit.h"

#include <string.h>
#include <time.h>

enum {
    REGEX_MAX = 256,
    /* regcomp() writes out twice what a '+' stands behind, and what that holds with it: so many pieces. */
    REGEX_PIECES = 512,
    /* A compiled expression keeps each state that a text has brought it to, some kilobytes for a character at
     * worst: after so many bytes of ids it is made anew. */
    REGEX_USE = 4096
};

/* The time that reading ids with an expression may take. One that fits them at their very end, or not at all,
 * is tried from each character on; ordinary ones take a tenth of this for a byte. */
static const int64_t regex_start_us = 15 * 1000000, regex_byte_us = 1;

/* A group of an expression that is being read; the outermost is the whole. */
struct group {
    size_t pieces; /* as they are written out */
    bool empty;    /* may one of its alternatives be so, */
    bool before;   /* and that which is being read, up to the last piece? */
};

struct groups {
    struct group open[REGEX_MAX + 1];
    size_t depth;
    size_t last; /* pieces of the last character or group, which the next sign may repeat */
    bool last_empty;
};

static void begin_piece(struct groups *x, size_t pieces, bool may_be_empty)
{
    struct group *g = &x->open[x->depth];

    g->before = g->before && x->last_empty;
    g->pieces += x->last = pieces;
    x->last_empty = may_be_empty;
}

static void begin_alternative(struct groups *x)
{
    x->open[x->depth].before = true;
    x->last = 0;
    x->last_empty = true;
}

/* Of what ends here. */
static bool may_be_empty(const struct groups *x)
{
    const struct group *g = &x->open[x->depth];

    return g->empty || (g->before && x->last_empty);
}

/* C with NEXT behind it, outside of brackets. False: the library would take time or memory without bound. */
static bool count_sign(struct groups *x, char c, char next)
{
    bool repeats_nothing = (c == '*' || c == '+') && x->last_empty;

    switch (c) {
    case '(':
        begin_piece(x, 1, false);
        x->open[++x->depth] = (struct group){.pieces = 0};
        begin_alternative(x);
        break;
    case ')':
        if (x->depth) {
            size_t pieces = x->open[x->depth].pieces;

            x->last_empty = may_be_empty(x);
            x->open[--x->depth].pieces += pieces;
            x->last = pieces + 1;
        }
        break;
    case '|':
        x->open[x->depth].empty = may_be_empty(x);
        begin_alternative(x);
        break;
    case '+':
        x->open[x->depth].pieces += x->last;
        x->last *= 2;
        break;
    case '*':
    case '?': x->last_empty = true; break;
    default: begin_piece(x, 1, strchr("^$", c) || (c == '\\' && strchr("bB<>`'", next))); break;
    }
    return !repeats_nothing && x->open[x->depth].pieces <= REGEX_PIECES;
}

/* POSIX' extended syntax from Python's, as far as both have it: '.' matches no line end, brackets take them.
 */
static bool translate(struct str text, struct buf *out, struct error *err)
{
    struct groups groups = {.depth = 0};
    bool inside = false;

    begin_alternative(&groups);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : '\0';

        if (!inside && !count_sign(&groups, c, next))
            return error_set(
                err, ERROR_BAD_REQUEST,
                "attr_regex: '*' and '+' are not taken behind what may be empty, nor many of them "
                "within each other");
        if (inside) {
            if (c == '\\')
                return error_set(
                    err, ERROR_BAD_REQUEST,
                    "attr_regex: no backslash is taken in brackets; ']' can stand first in them");
            inside = c != ']';
            buf_add_char(out, c);
        } else if (c == '[') {
            inside = true;
            buf_add_char(out, c);
            if (next == '^')
                buf_add_char(out, text.p[++i]);
            if (i + 1 < text.n && text.p[i + 1] == ']')
                buf_add_char(out, text.p[++i]);
        } else if (c == '{' || (c == '\\' && next >= '1' && next <= '9')) {
            return error_set(err, ERROR_BAD_REQUEST,
                             "attr_regex: repeat counts {...} and back references are not taken");
        } else if (c == '\\') {
            buf_add_char(out, c);
            buf_add_char(out, next);
            i++;
        } else {
            buf_add_cstr(out, c == '.' ? "[^\n]" : (char[]){c, '\0'});
        }
    }
    return true;
}

bool stream_regex(struct str text, regex_t *out, struct error *err)
{
    struct buf pattern;
    char why[128];

    if (text.n == 0 || text.n > REGEX_MAX || memchr(text.p, '\0', text.n))
        return error_set(err, ERROR_BAD_REQUEST, "attr_regex: 1 to %d characters are taken", REGEX_MAX);
    buf_init(&pattern, REGEX_MAX * 8);
    bool ok = translate(text, &pattern, err);
    int rc = ok ? regcomp(out, pattern.p, REG_EXTENDED) : 0;
    buf_free(&pattern);
    if (!ok)
        return false;
    if (rc) {
        regerror(rc, out, why, sizeof(why));
        return error_set(err, ERROR_BAD_REQUEST, "attr_regex: %s", why);
    }
    if (out->re_nsub < 1) {
        regfree(out);
        return error_set(err, ERROR_BAD_REQUEST,
                         "attr_regex: a group (...) that holds the attributes is missing");
    }
    return true;
}

static struct str view(struct subunit_str s)
{
    return (struct str){s.p ? s.p : "", s.n};
}

static struct str join(struct arena *arena, struct str a, struct str b)
{
    char *p = arena_alloc(arena, a.n + b.n + 1);

    memcpy(p, a.p, a.n);
    memcpy(p + a.n, b.p, b.n);
    return (struct str){p, a.n + b.n};
}

void stream_names_free(struct stream_names *names)
{
    if (names->made)
        regfree(&names->regex);
    names->made = false;
}

/* names->regex is fit to read N bytes more. */
static bool ready_regex(struct stream_names *names, size_t n, struct error *err)
{
    if (names->made && names->bytes > REGEX_USE)
        stream_names_free(names);
    if (!names->made) {
        names->made = stream_regex(names->attr_regex, &names->regex, err);
        names->bytes = 0;
    }
    names->bytes += n;
    return names->made;
}

/* Tempest's attributes name a test's uuid as "id-<uuid>". */
static bool has_uuid(struct str attrs)
{
    struct str one;

    while (attrs.n) {
        str_cut(attrs, ',', &one, &attrs);
        if (str_starts(one, STR("id-")) && uuid_is((struct str){one.p + 3, one.n - 3}))
            return true;
    }
    return false;
}

static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What TEXT of N bytes holds of the user's expression; M[0].rm_so -1: nothing. */
static bool match(struct stream_names *names, const char *text, size_t n, regmatch_t m[2], struct error *err)
{
    int64_t begin = cpu_us();

    if (!ready_regex(names, n, err))
        return false;
    if (regexec(&names->regex, text, 2, m, 0) != 0)
        m[0].rm_so = m[1].rm_so = -1;
    names->all_bytes += n;
    names->spent_us += cpu_us() - begin;
    return names->spent_us <= regex_start_us + regex_byte_us * (int64_t)names->all_bytes ||
           error_set(err, ERROR_BAD_REQUEST, "attr_regex: it takes too long to find in these tests' names");
}

bool stream_names_split(struct stream_names *names, struct arena *arena, bool junit, struct spool_test *t,
                        struct error *err)
{
    struct str id = t->stream_id;

    if (!names->attr_regex.p) {
        struct subunit_name n = subunit_name_split((struct subunit_str){id.p, id.n});

        if (junit && !has_uuid(view(n.attrs))) {
            t->name = id;
            t->attrs = (struct str){NULL, 0};
            return true;
        }
        t->name = n.tail.n ? join(arena, view(n.head), view(n.tail)) : view(n.head);
        t->attrs = n.has_attrs ? view(n.attrs) : (struct str){NULL, 0};
        return true;
    }
    regmatch_t m[2];
    char *text = arena_memdup(arena, id.p, id.n);
    t->name = id;
    t->attrs = (struct str){NULL, 0};
    if (!match(names, text, id.n, m, err))
        return false;
    if (m[1].rm_so >= 0)
        t->attrs = (struct str){text + m[1].rm_so, (size_t)(m[1].rm_eo - m[1].rm_so)};
    if (m[0].rm_so > 0 && m[0].rm_eo > m[0].rm_so)
        t->name = join(arena, (struct str){text, (size_t)m[0].rm_so},
                       (struct str){text + m[0].rm_eo, id.n - (size_t)m[0].rm_eo});
    return true;
}
