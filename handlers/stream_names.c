#include "config.h"
#include "handlers/stream_names.h"
#include "base/attr_regex.h"
#include "base/uuid.h"
#include "subunit/tally-subunit.h"

#include <string.h>
#include <time.h>

enum {
    /* A compiled expression keeps each state that a text has brought it to, some kilobytes for a character at
     * worst: after so many bytes of ids it is made anew. */
    REGEX_USE = 4096
};

/* The time that reading ids with an expression may take. One that fits them at their very end, or not at all,
 * is tried from each character on; ordinary ones take a tenth of this for a byte. */
static const int64_t regex_start_us = 15 * 1000000, regex_byte_us = 1;

bool stream_regex(struct str text, regex_t *out, struct error *err)
{
    const char *wrong = attr_regex_compile(text, out);

    return !wrong || error_set(err, ERROR_BAD_REQUEST, "attr_regex: %s", wrong);
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
