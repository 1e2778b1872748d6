#include "config.h"
#include "subunit/text.h"

#include <stdlib.h>
#include <string.h>

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* How long a character is that begins with C; 0 if none does. */
static size_t utf8_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xc2)
        return 0;
    if (c < 0xe0)
        return 2;
    if (c < 0xf0)
        return 3;
    return c < 0xf5 ? 4 : 0;
}

/* The second byte has narrower bounds after some first bytes: no overlong forms, no surrogates, no more than
 * U+10FFFF. */
static bool utf8_second(unsigned char first, unsigned char second)
{
    if (!continues(second))
        return false;
    switch (first) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second < 0xa0;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second < 0x90;
    default: return true;
    }
}

enum utf8_state subunit_utf8_character(const unsigned char *p, size_t n)
{
    size_t want = utf8_length(p[0]);

    if (want == 0 || n > want)
        return UTF8_INVALID;
    /* Python sees a surrogate for what it is only with its third byte. */
    if (n == 2 && p[0] == 0xed && continues(p[1]))
        return UTF8_INCOMPLETE;
    if (n > 1 && !utf8_second(p[0], p[1]))
        return UTF8_INVALID;
    for (size_t i = 2; i < n; i++)
        if (!continues(p[i]))
            return UTF8_INVALID;
    return n == want ? UTF8_COMPLETE : UTF8_INCOMPLETE;
}

/* ASCII bytes at the start of the N at P; eight at a time, for ids are long. */
static size_t ascii_run(const unsigned char *p, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, 8);
        if ((w & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

enum text_fault subunit_text_check(struct subunit_str s, size_t *chars)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t left = s.n, count = 0;

    /* Python looks for NUL before it decodes, and says so first. */
    if (left > 0 && memchr(p, 0, left) != NULL)
        return TEXT_NUL;
    while (left > 0) {
        size_t run = ascii_run(p, left);
        p += run;
        left -= run;
        count += run;
        if (left == 0)
            break;
        size_t want = utf8_length(p[0]);
        if (want == 0)
            return TEXT_INVALID;
        size_t have = want < left ? want : left;
        enum utf8_state state = subunit_utf8_character(p, have);
        if (state == UTF8_INVALID)
            return TEXT_INVALID;
        if (state == UTF8_INCOMPLETE) {
            *chars = left;
            return TEXT_PARTIAL;
        }
        p += want;
        left -= want;
        count++;
    }
    *chars = count;
    return TEXT_FINE;
}

bool subunit_str_same(struct subunit_str a, struct subunit_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int subunit_str_order(struct subunit_str a, struct subunit_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

struct ranked {
    struct subunit_str s;
    size_t rank;
};

static int ranked_order(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int d = subunit_str_order(x->s, y->s);

    return d != 0 ? d : (x->rank > y->rank) - (x->rank < y->rank);
}

/* Sorting finds the doubles of a long list: a hostile packet must not cost a square. */
static size_t unique_sorted(struct subunit_str *v, size_t n)
{
    struct ranked *r = calloc(n, sizeof(*r));
    size_t kept = 0;

    if (r == NULL)
        return SIZE_MAX;
    for (size_t i = 0; i < n; i++)
        r[i] = (struct ranked){v[i], i};
    qsort(r, n, sizeof(*r), ranked_order);
    for (size_t i = 1; i < n; i++)
        if (subunit_str_same(r[i].s, r[i - 1].s))
            v[r[i].rank].p = NULL;
    for (size_t i = 0; i < n; i++)
        if (v[i].p != NULL)
            v[kept++] = v[i];
    free(r);
    return kept;
}

size_t subunit_str_unique(struct subunit_str *v, size_t n)
{
    size_t kept = 0;

    if (n > 16)
        return unique_sorted(v, n);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < kept && !subunit_str_same(v[j], v[i]))
            j++;
        if (j == kept)
            v[kept++] = v[i];
    }
    return kept;
}
