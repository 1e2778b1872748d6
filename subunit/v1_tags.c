/* v1_tags.c - the sets of tags that hold in a version 1 stream and in its running test. */
#include "config.h"
#include "subunit/text.h"
#include "subunit/v1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A tag's text, shared by the sets that hold it. */
struct tag {
    size_t users;
    char text[];
};

static struct tag *tag_of(struct subunit_str view)
{
    return (struct tag *)(void *)((uintptr_t)view.p - offsetof(struct tag, text));
}

static void tag_release(struct subunit_str view)
{
    struct tag *tag = tag_of(view);

    if (--tag->users == 0)
        free(tag);
}

/* Where TEXT is in the set, or where it would go. */
static bool find(const struct tag_set *set, struct subunit_str text, size_t *at)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = subunit_str_order(set->v[mid], text);
        if (d == 0) {
            *at = mid;
            return true;
        }
        if (d < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return false;
}

static bool room(struct tag_set *set, size_t n)
{
    if (n <= set->cap)
        return true;
    size_t cap = set->cap == 0 ? 8 : set->cap;
    while (cap < n)
        cap *= 2;
    struct subunit_str *grown = realloc(set->v, cap * sizeof(*grown));
    if (grown == NULL)
        return false;
    set->v = grown;
    set->cap = cap;
    return true;
}

static int add(struct tag_set *set, struct subunit_str text, uint32_t max_tags, uint32_t max_bytes)
{
    size_t at;

    if (find(set, text, &at))
        return 0;
    if (set->n >= max_tags || text.n > max_bytes)
        return E2BIG;
    struct tag *tag = malloc(sizeof(*tag) + text.n);
    if (tag == NULL || !room(set, set->n + 1)) {
        free(tag);
        return ENOMEM;
    }
    tag->users = 1;
    memcpy(tag->text, text.p, text.n);
    memmove(set->v + at + 1, set->v + at, (set->n - at) * sizeof(*set->v));
    set->v[at] = (struct subunit_str){tag->text, text.n};
    set->n++;
    // cppcheck-suppress memleak ; the set's view points into it
    return 0;
}

static void drop(struct tag_set *set, struct subunit_str text)
{
    size_t at;

    if (!find(set, text, &at))
        return;
    tag_release(set->v[at]);
    set->n--;
    memmove(set->v + at, set->v + at + 1, (set->n - at) * sizeof(*set->v));
}

/* The code point at P, which is valid UTF-8, and its bytes. */
static uint32_t code_point(const unsigned char *p, size_t *size)
{
    if (p[0] < 0x80) {
        *size = 1;
        return p[0];
    }
    *size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = p[0] & (0x7fu >> *size);
    for (size_t i = 1; i < *size; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

/* Where Python's str.split() splits. */
static bool space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

/* Cuts the next word off TEXT; false at its end. */
static bool next_word(struct subunit_str *text, struct subunit_str *word)
{
    const unsigned char *p = (const unsigned char *)text->p;
    size_t i = 0, size = 0;

    while (i < text->n && space(code_point(p + i, &size)))
        i += size;
    size_t start = i;
    while (i < text->n && !space(code_point(p + i, &size)))
        i += size;
    *word = (struct subunit_str){text->p + start, i - start};
    *text = (struct subunit_str){text->p + i, text->n - i};
    return word->n > 0;
}

int subunit_v1_tags_change(struct tag_set *set, struct subunit_str text, uint32_t max_tags,
                           uint32_t max_bytes)
{
    struct subunit_str rest = text, word;
    int fault = 0;

    while (fault == 0 && next_word(&rest, &word))
        if (word.p[0] != '-')
            fault = add(set, word, max_tags, max_bytes);
    /* A tag that one line both adds and removes is gone. */
    while (fault == 0 && next_word(&text, &word))
        if (word.p[0] == '-')
            drop(set, (struct subunit_str){word.p + 1, word.n - 1});
    return fault;
}

bool subunit_v1_tags_copy(struct tag_set *to, const struct tag_set *from)
{
    subunit_v1_tags_clear(to);
    if (!room(to, from->n))
        return false;
    for (size_t i = 0; i < from->n; i++) {
        to->v[i] = from->v[i];
        tag_of(from->v[i])->users++;
    }
    to->n = from->n;
    return true;
}

void subunit_v1_tags_clear(struct tag_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        tag_release(set->v[i]);
    set->n = 0;
}
