#include "config.h"
#include "base/attr_regex.h"
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
    REGEX_MAX = 256,
    /* regcomp() writes out twice what a '+' stands behind, and what that holds with it: so many pieces. */
    REGEX_PIECES = 512
};

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
static const char *translate(struct str text, struct buf *out)
{
    struct groups groups = {.depth = 0};
    bool inside = false;

    begin_alternative(&groups);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : '\0';

        if (!inside && !count_sign(&groups, c, next))
            return "'*' and '+' are not taken behind what may be empty, nor many of them within each other";
        if (inside) {
            if (c == '\\')
                return "no backslash is taken in brackets; ']' can stand first in them";
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
            return "repeat counts {...} and back references are not taken";
        } else if (c == '\\') {
            buf_add_char(out, c);
            buf_add_char(out, next);
            i++;
        } else {
            buf_add_cstr(out, c == '.' ? "[^\n]" : (char[]){c, '\0'});
        }
    }
    return NULL;
}

const char *attr_regex_compile(struct str text, regex_t *out)
{
    static _Thread_local char why[128];
    struct buf pattern;

    if (text.n == 0 || text.n > REGEX_MAX || memchr(text.p, '\0', text.n)) {
        snprintf(why, sizeof(why), "1 to %d characters are taken", REGEX_MAX);
        return why;
    }
    buf_init(&pattern, REGEX_MAX * 8);
    const char *wrong = translate(text, &pattern);
    int rc = wrong ? 0 : regcomp(out, pattern.p, REG_EXTENDED);
    buf_free(&pattern);
    if (wrong)
        return wrong;
    if (rc) {
        regerror(rc, out, why, sizeof(why));
        return why;
    }
    if (out->re_nsub < 1) {
        regfree(out);
        return "a group (...) that holds the attributes is missing";
    }
    return NULL;
}
