/* record.c - tags and files of a test while its events come in. */
#include "config.h"
#include "subunit/record.h"
#include "subunit/text.h"

#include <stdlib.h>
#include <string.h>

/* Beyond so many files they are found by a hash index. */
#define FEW_FILES 16

static void account(struct table *t, struct record *r, uint64_t more)
{
    r->bytes += more;
    t->bytes += more;
}

static void discount(struct table *t, struct record *r, uint64_t less)
{
    r->bytes -= less;
    t->bytes -= less;
}

/* --- tags ----------------------------------------------------------------------------------------- */

static size_t tags_size(const struct subunit_str *tags, size_t n)
{
    size_t size = n * sizeof(*tags);

    for (size_t i = 0; i < n; i++)
        size += tags[i].n;
    return size;
}

static bool tags_same(const struct subunit_test *test, const struct subunit_event *event)
{
    if (test->n_tags != event->n_tags)
        return false;
    for (size_t i = 0; i < event->n_tags; i++)
        if (!subunit_str_same(test->tags[i], event->tags[i]))
            return false;
    return true;
}

enum subunit_error_code subunit_record_set_tags(struct table *t, struct record *r,
                                                const struct subunit_event *event)
{
    size_t size = tags_size(event->tags, event->n_tags);
    struct subunit_str *tags = NULL;

    /* A worker's tags are the same in every event. */
    if (tags_same(&r->test, event))
        return SUBUNIT_OK;
    if (size > 0 && (tags = malloc(size)) == NULL)
        return SUBUNIT_ERROR_MEMORY;
    char *text = tags == NULL ? NULL : (char *)(tags + event->n_tags);
    for (size_t i = 0; i < event->n_tags; i++) {
        if (event->tags[i].n > 0)
            memcpy(text, event->tags[i].p, event->tags[i].n);
        tags[i] = (struct subunit_str){text, event->tags[i].n};
        text += event->tags[i].n;
    }
    discount(t, r, tags_size(r->tags, r->test.n_tags));
    account(t, r, size);
    free(r->tags);
    r->tags = tags;
    r->test.tags = tags;
    r->test.n_tags = event->n_tags;
    return SUBUNIT_OK;
}

/* --- files ---------------------------------------------------------------------------------------- */

static bool index_grow(struct table *t, struct record *r)
{
    size_t cap = r->by_name_cap == 0 ? FEW_FILES * 4 : r->by_name_cap * 2;
    uint32_t *index = calloc(cap, sizeof(*index));

    if (index == NULL)
        return false;
    for (size_t f = 0; f < r->files_n; f++) {
        size_t i = r->files[f].hash & (cap - 1);
        while (index[i] != 0)
            i = (i + 1) & (cap - 1);
        index[i] = (uint32_t)f + 1;
    }
    account(t, r, (cap - r->by_name_cap) * sizeof(*index));
    free(r->by_name);
    r->by_name = index;
    r->by_name_cap = cap;
    return true;
}

static struct file *find_file(struct record *r, struct subunit_str name, uint64_t hash)
{
    if (r->by_name == NULL) {
        for (size_t f = 0; f < r->files_n; f++)
            if (r->files[f].hash == hash && subunit_str_same(r->files[f].name, name))
                return &r->files[f];
        return NULL;
    }
    for (size_t i = hash & (r->by_name_cap - 1); r->by_name[i] != 0; i = (i + 1) & (r->by_name_cap - 1)) {
        struct file *f = &r->files[r->by_name[i] - 1];
        if (f->hash == hash && subunit_str_same(f->name, name))
            return f;
    }
    return NULL;
}

static bool files_room(struct table *t, struct record *r)
{
    if (r->files_n < r->files_cap)
        return true;
    size_t cap = r->files_cap == 0 ? 4 : r->files_cap * 2;
    struct file *grown = realloc(r->files, cap * sizeof(*grown));
    if (grown == NULL)
        return false;
    account(t, r, (cap - r->files_cap) * sizeof(*grown));
    r->files = grown;
    r->files_cap = cap;
    return true;
}

/* A copy of FROM, to be freed by release(); false: out of memory. */
static bool copy(struct subunit_str *to, struct subunit_str from)
{
    char *p = malloc(from.n + 1);

    to->p = p;
    to->n = from.n;
    if (p != NULL && from.n > 0)
        memcpy(p, from.p, from.n);
    return p != NULL;
}

static void release(struct subunit_str s)
{
    free((char *)(uintptr_t)s.p);
}

bool subunit_file_set_mime(struct table *t, struct record *r, struct file *f,
                           const struct subunit_event *event)
{
    struct subunit_str mime, sent = {event->mime.p, event->has_mime ? event->mime.n : 0};

    if (!copy(&mime, sent))
        return false;
    discount(t, r, f->mime.n);
    account(t, r, mime.n);
    release(f->mime);
    f->mime = mime;
    f->has_mime = event->has_mime;
    return true;
}

static struct file *add_file(struct table *t, struct record *r, const struct subunit_event *event,
                             uint64_t hash, struct spill *spill)
{
    if (!files_room(t, r))
        return NULL;
    struct file *f = &r->files[r->files_n];
    *f = (struct file){.content.spill = spill, .hash = hash};
    if (!copy(&f->name, event->file_name))
        return NULL;
    if (!subunit_file_set_mime(t, r, f, event)) {
        release(f->name);
        return NULL;
    }
    account(t, r, f->name.n);
    r->files_n++;
    /* Half full at most, and the new one goes in with the rebuilding or by itself. */
    if (r->files_n > FEW_FILES && r->files_n * 2 > r->by_name_cap)
        return index_grow(t, r) ? f : NULL;
    if (r->by_name != NULL) {
        size_t i = hash & (r->by_name_cap - 1);
        while (r->by_name[i] != 0)
            i = (i + 1) & (r->by_name_cap - 1);
        r->by_name[i] = (uint32_t)r->files_n;
    }
    return f;
}

struct file *subunit_record_file(struct table *t, struct record *r, const struct subunit_event *event,
                                 struct spill *spill)
{
    if (r->files_n > 0 && subunit_str_same(r->files[r->last_file].name, event->file_name))
        return &r->files[r->last_file];
    uint64_t hash = subunit_hash_bytes(&t->key, event->file_name.p, event->file_name.n);
    struct file *f = find_file(r, event->file_name, hash);
    if (f == NULL)
        f = add_file(t, r, event, hash, spill);
    if (f != NULL)
        r->last_file = (size_t)(f - r->files);
    return f;
}

void subunit_record_void_files(struct table *t, struct record *r)
{
    for (size_t i = 0; i < r->files_n; i++) {
        struct file *f = &r->files[i];
        subunit_content_drop(&f->content);
        discount(t, r, f->name.n + f->mime.n);
        release(f->name);
        release(f->mime);
    }
    discount(t, r, r->files_cap * sizeof(*r->files) + r->by_name_cap * sizeof(*r->by_name));
    free(r->files);
    free(r->by_name);
    r->files = NULL;
    r->by_name = NULL;
    r->files_n = r->files_cap = r->by_name_cap = r->last_file = 0;
}
