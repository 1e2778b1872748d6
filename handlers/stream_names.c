#include "config.h"
#include "handlers/stream_names.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "subunit/tally-subunit.h"

#include <string.h>

enum {
    REGEX_MAX = 256,
    /* A compiled expression keeps each state that a text has brought it to, some kilobytes for a character at
     * worst: after so many bytes of ids it is made anew. */
    REGEX_USE = 4096
};

/* POSIX' extended syntax from Python's, as far as both have it: '.' matches no line end, brackets take them.
 */
static bool translate(struct str text, struct buf *out, struct error *err)
{
    bool inside = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : '\0';

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
    if (!ready_regex(names, id.n, err))
        return false;
    regmatch_t m[2];
    char *text = arena_memdup(arena, id.p, id.n);
    t->name = id;
    t->attrs = (struct str){NULL, 0};
    if (regexec(&names->regex, text, 2, m, 0) != 0)
        return true;
    if (m[1].rm_so >= 0)
        t->attrs = (struct str){text + m[1].rm_so, (size_t)(m[1].rm_eo - m[1].rm_so)};
    if (m[0].rm_so > 0 && m[0].rm_eo > m[0].rm_so)
        t->name = join(arena, (struct str){text, (size_t)m[0].rm_so},
                       (struct str){text + m[0].rm_eo, id.n - (size_t)m[0].rm_eo});
    return true;
}
