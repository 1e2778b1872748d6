/* table.c - the open records by (id, route code): linear probing over keyed hashes. */
#include "config.h"
#include "subunit/record.h"
#include "subunit/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotate(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

struct sip {
    uint64_t a, b, c, d;
};

static void sip_round(struct sip *v)
{
    v->a += v->b;
    v->b = rotate(v->b, 13) ^ v->a;
    v->a = rotate(v->a, 32);
    v->c += v->d;
    v->d = rotate(v->d, 16) ^ v->c;
    v->a += v->d;
    v->d = rotate(v->d, 21) ^ v->a;
    v->c += v->b;
    v->b = rotate(v->b, 17) ^ v->c;
    v->c = rotate(v->c, 32);
}

static void sip_word(struct sip *v, uint64_t word)
{
    v->d ^= word;
    sip_round(v);
    sip_round(v);
    v->a ^= word;
}

uint64_t subunit_hash_bytes(const struct hash_key *key, const void *p, size_t n)
{
    const unsigned char *s = p;
    struct sip v = {key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
                    key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573)};
    uint64_t word, last = (uint64_t)n << 56;
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        memcpy(&word, s + i, 8);
        sip_word(&v, word);
    }
    for (size_t j = 0; i + j < n; j++)
        last |= (uint64_t)s[i + j] << 8 * j;
    sip_word(&v, last);
    v.c ^= 0xff;
    for (int round = 0; round < 4; round++)
        sip_round(&v);
    return v.a ^ v.b ^ v.c ^ v.d;
}

bool subunit_table_init(struct table *t)
{
    *t = (struct table){.cap = 64};
    t->slots = calloc(t->cap, sizeof(struct record *));
    return t->slots != NULL && getrandom(&t->key, sizeof(t->key), 0) == (ssize_t)sizeof(t->key);
}

void subunit_table_end(struct table *t)
{
    while (t->newest != NULL)
        subunit_table_remove(t, t->newest);
    free(t->slots);
}

uint64_t subunit_table_hash(const struct table *t, const struct subunit_event *event)
{
    uint64_t hash = subunit_hash_bytes(&t->key, event->id.p, event->id.n);

    return event->has_route_code
               ? hash ^ rotate(subunit_hash_bytes(&t->key, event->route_code.p, event->route_code.n), 1)
               : hash;
}

static bool same(const struct record *record, const struct subunit_event *event)
{
    const struct subunit_test *test = &record->test;

    return subunit_str_same(test->id, event->id) && test->has_route_code == event->has_route_code &&
           (!test->has_route_code || subunit_str_same(test->route_code, event->route_code));
}

struct record *subunit_table_find(const struct table *t, const struct subunit_event *event, uint64_t hash)
{
    for (size_t i = hash & (t->cap - 1); t->slots[i] != NULL; i = (i + 1) & (t->cap - 1))
        if (t->slots[i]->hash == hash && same(t->slots[i], event))
            return t->slots[i];
    return NULL;
}

static void place(struct record **slots, size_t cap, struct record *record)
{
    size_t i = record->hash & (cap - 1);

    while (slots[i] != NULL)
        i = (i + 1) & (cap - 1);
    slots[i] = record;
}

static bool grow(struct table *t)
{
    size_t cap = t->cap * 2;
    struct record **slots = calloc(cap, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (struct record *r = t->oldest; r != NULL; r = r->newer)
        place(slots, cap, r);
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

struct record *subunit_table_add(struct table *t, const struct subunit_event *event, uint64_t hash)
{
    size_t route_n = event->has_route_code ? event->route_code.n : 0, size = event->id.n + route_n;

    if ((t->n + 1) * 2 > t->cap && !grow(t))
        return NULL;
    struct record *r = malloc(sizeof(*r) + size);
    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof(*r));
    r->hash = hash;
    r->bytes = sizeof(*r) + size;
    if (event->id.n > 0)
        memcpy(r->text, event->id.p, event->id.n);
    if (route_n > 0)
        memcpy(r->text + event->id.n, event->route_code.p, route_n);
    r->test.id = (struct subunit_str){r->text, event->id.n};
    r->test.route_code = (struct subunit_str){r->text + event->id.n, route_n};
    r->test.has_route_code = event->has_route_code;
    r->older = t->newest;
    if (t->newest != NULL)
        t->newest->newer = r;
    else
        t->oldest = r;
    t->newest = r;
    place(t->slots, t->cap, r);
    t->n++;
    t->bytes += r->bytes;
    return r;
}

/* Closes the gap at I, so that probing never meets a hole that was not there. */
static void unplace(struct table *t, size_t i)
{
    size_t mask = t->cap - 1, j = i;

    for (;;) {
        j = (j + 1) & mask;
        if (t->slots[j] == NULL)
            break;
        size_t home = t->slots[j]->hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            t->slots[i] = t->slots[j];
            i = j;
        }
    }
    t->slots[i] = NULL;
}

void subunit_table_remove(struct table *t, struct record *r)
{
    size_t i = r->hash & (t->cap - 1);

    while (t->slots[i] != r)
        i = (i + 1) & (t->cap - 1);
    unplace(t, i);
    t->n--;
    *(r->older != NULL ? &r->older->newer : &t->oldest) = r->newer;
    *(r->newer != NULL ? &r->newer->older : &t->newest) = r->older;
    subunit_record_void_files(t, r);
    t->bytes -= r->bytes;
    free(r->tags);
    free(r);
}
