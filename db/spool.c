#include "config.h"
#include "db/spool.h"
#include "base/buf.h"
#include "base/mem.h"
#include "db/duration.h"
#include "db/spool_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { WINDOW = 256 * 1024 };

struct spool {
    struct spool_limits limits;
    struct spool_file heads; /* records, each a length and its fields */
    struct spool_file contents;
    struct hash_sha256 *sha;
    uint64_t content_start;
    uint64_t bytes; /* against limits.max_bytes */
    struct spool_slot *slots;
    size_t n, size;
    uint32_t *table; /* place + 1; 0: free */
    size_t table_size;
    uint64_t seed;
    uint32_t *order;
    struct spool_attachment *run_attachments;
    size_t n_run_attachments;
    struct arena *arena; /* names of the run's own attachments */
    struct spool_totals totals;
    char *window; /* of the file of records */
    uint64_t window_at;
    size_t window_n;
};

/* The part of a record that has one size. The lengths of what follows, in this order. */
struct head {
    uint32_t size;                               /* of the whole record */
    uint32_t name, stream_id, attrs, route_code; /* UINT32_MAX: none */
    uint32_t n_tags, n_attachments;
    uint8_t outcome, has_start, has_stop, unused;
    int64_t start_us, stop_us;
};

static const char *const outcome_names[] = {"success", "xfail",      "fail",   "uxsuccess",
                                            "skip",    "inprogress", "unknown"};

const char *spool_outcome_name(enum spool_outcome outcome)
{
    return outcome_names[outcome];
}

bool spool_outcome_passes(enum spool_outcome outcome)
{
    return outcome == OUTCOME_SUCCESS || outcome == OUTCOME_XFAIL;
}

bool spool_outcome_fails(enum spool_outcome outcome)
{
    return outcome == OUTCOME_FAIL || outcome == OUTCOME_UXSUCCESS;
}

int64_t spool_duration_us(const struct spool_test *t)
{
    return t->has_start && t->has_stop ? duration_us(t->start_us, t->stop_us) : 0;
}

/* --- life --------------------------------------------------------------------------------------- */

struct spool *spool_new(const char *dir, const struct spool_limits *limits, struct error *err)
{
    struct spool *s = mem_calloc(1, sizeof(*s));

    s->limits = *limits;
    s->heads.fd = s->contents.fd = -1;
    if (!spool_file_open(&s->heads, dir, err) || !spool_file_open(&s->contents, dir, err)) {
        spool_free(s);
        return NULL;
    }
    s->sha = hash_sha256_new();
    s->arena = arena_new(0);
    s->table_size = 1024;
    s->table = mem_calloc(s->table_size, sizeof(*s->table));
    if (getrandom(&s->seed, sizeof(s->seed), 0) != (ssize_t)sizeof(s->seed))
        s->seed = (uint64_t)(uintptr_t)s;
    return s;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    spool_file_close(&s->heads);
    spool_file_close(&s->contents);
    hash_sha256_free(s->sha);
    arena_free(s->arena);
    free(s->run_attachments);
    free(s->slots);
    free(s->table);
    free(s->order);
    free(s->window);
    free(s);
}

/* --- the index ---------------------------------------------------------------------------------- */

static uint64_t key_word(const unsigned char *key)
{
    uint64_t w;

    memcpy(&w, key, sizeof(w));
    return w;
}

/* Where KEY is in the table, or the free place where it belongs. */
static size_t table_place(const struct spool *s, const unsigned char *key)
{
    size_t mask = s->table_size - 1;
    size_t i = (size_t)(((key_word(key) ^ s->seed) * 0x9e3779b97f4a7c15u) >> 20) & mask;

    while (s->table[i] && memcmp(s->slots[s->table[i] - 1].sha256, key, SHA256_SIZE) != 0)
        i = (i + 1) & mask;
    return i;
}

static void table_grow(struct spool *s)
{
    free(s->table);
    s->table_size *= 2;
    s->table = mem_calloc(s->table_size, sizeof(*s->table));
    for (size_t i = 0; i < s->n; i++)
        s->table[table_place(s, s->slots[i].sha256)] = (uint32_t)i + 1;
}

/* The slot of a name, made if it is new; NULL past max_tests. */
static struct spool_slot *slot_of(struct spool *s, const unsigned char *sha256, struct error *err)
{
    size_t at = table_place(s, sha256);

    if (s->table[at])
        return &s->slots[s->table[at] - 1];
    if (s->n >= s->limits.max_tests || s->n >= UINT32_MAX - 1) {
        error_set(err, ERROR_BAD_REQUEST, "more than %llu tests in one run",
                  (unsigned long long)s->limits.max_tests);
        return NULL;
    }
    if (s->n == s->size) {
        s->size = s->size ? s->size * 2 : 256;
        s->slots = mem_realloc(s->slots, s->size * sizeof(*s->slots));
    }
    struct spool_slot *slot = &s->slots[s->n++];
    memset(slot, 0, sizeof(*slot));
    memcpy(slot->sha256, sha256, SHA256_SIZE);
    s->table[at] = (uint32_t)s->n;
    if (s->n * 2 > s->table_size)
        table_grow(s);
    return slot;
}

ptrdiff_t spool_find(const struct spool *s, const unsigned char sha256[SHA256_SIZE])
{
    return (ptrdiff_t)s->table[table_place(s, sha256)] - 1;
}

size_t spool_count(const struct spool *s)
{
    return s->n;
}

struct spool_slot *spool_slot(struct spool *s, size_t i)
{
    return &s->slots[i];
}

static int by_key(const void *a, const void *b, void *arg)
{
    const struct spool *s = arg;

    return memcmp(s->slots[*(const uint32_t *)a].sha256, s->slots[*(const uint32_t *)b].sha256, SHA256_SIZE);
}

const uint32_t *spool_key_order(struct spool *s)
{
    if (s->order)
        return s->order;
    s->order = mem_alloc((s->n + 1) * sizeof(*s->order));
    for (size_t i = 0; i < s->n; i++)
        s->order[i] = (uint32_t)i;
    qsort_r(s->order, s->n, sizeof(*s->order), by_key, s);
    return s->order;
}

/* --- writing ------------------------------------------------------------------------------------ */

static bool count_bytes(struct spool *s, uint64_t n, struct error *err)
{
    s->bytes += n;
    if (s->bytes <= s->limits.max_bytes)
        return true;
    return error_set(err, ERROR_TOO_LARGE, "the run brings more than %llu bytes into the database",
                     (unsigned long long)s->limits.max_bytes);
}

void spool_content_begin(struct spool *s)
{
    s->content_start = spool_file_size(&s->contents);
}

bool spool_content_add(struct spool *s, const void *p, size_t n, struct error *err)
{
    if (spool_file_size(&s->contents) + n - s->content_start > s->limits.max_attachment_bytes)
        return error_set(err, ERROR_BAD_REQUEST, "an attachment is larger than %llu bytes",
                         (unsigned long long)s->limits.max_attachment_bytes);
    hash_sha256_add(s->sha, p, n);
    return count_bytes(s, n, err) && spool_file_add(&s->contents, p, n, err);
}

void spool_content_end(struct spool *s, struct spool_attachment *out)
{
    out->offset = s->content_start;
    out->size = spool_file_size(&s->contents) - s->content_start;
    hash_sha256_end(s->sha, out->sha256);
}

static uint32_t length(struct str s)
{
    return s.p ? (uint32_t)s.n : UINT32_MAX;
}

static void add_text(struct buf *b, struct str s)
{
    uint32_t n = length(s);

    buf_add(b, &n, sizeof(n));
    buf_add_str(b, s);
}

/* Appends the record; what has one size goes first. */
static bool add_record(struct buf *b, const struct spool_test *t)
{
    size_t start = b->n;
    struct head h = {.name = length(t->name),
                     .stream_id = length(t->stream_id),
                     .attrs = length(t->attrs),
                     .route_code = length(t->route_code),
                     .n_tags = (uint32_t)t->n_tags,
                     .n_attachments = (uint32_t)t->n_attachments,
                     .outcome = (uint8_t)t->outcome,
                     .has_start = t->has_start,
                     .has_stop = t->has_stop,
                     .start_us = t->start_us,
                     .stop_us = t->stop_us};

    buf_add(b, &h, sizeof(h));
    buf_add_str(b, t->name);
    buf_add_str(b, t->stream_id);
    buf_add_str(b, t->attrs);
    buf_add_str(b, t->route_code);
    for (size_t i = 0; i < t->n_tags; i++)
        add_text(b, t->tags[i]);
    for (size_t i = 0; i < t->n_attachments; i++) {
        const struct spool_attachment *a = &t->attachments[i];

        add_text(b, a->name);
        add_text(b, a->mime);
        buf_add(b, &a->offset, sizeof(a->offset));
        buf_add(b, &a->size, sizeof(a->size));
        buf_add(b, a->sha256, sizeof(a->sha256));
    }
    if (!buf_ok(b))
        return false;
    h.size = (uint32_t)(b->n - start);
    memcpy(b->p + start, &h.size, sizeof(h.size));
    return true;
}

enum { ONE_ROW = 255 /* bytes of attributes that surely stand in one row of test_run_metadata */ };

/* subunit2sql's columns give the id back as name and attributes, when these stood at its end and were not cut
 * into several rows. */
static bool needs_info(const struct spool_test *t)
{
    size_t n = t->name.n + (t->attrs.p ? t->attrs.n + 2 : 0);

    if (t->route_code.p || t->n_tags || t->attrs.n > ONE_ROW)
        return true;
    /* Empty attributes make no row from which the brackets could come back. */
    if (t->attrs.p && t->attrs.n == 0)
        return true;
    if (t->stream_id.n != n || memcmp(t->stream_id.p, t->name.p, t->name.n) != 0)
        return true;
    return t->attrs.p && (t->stream_id.p[t->name.n] != '[' || t->stream_id.p[n - 1] != ']');
}

bool spool_add(struct spool *s, const struct spool_test *t, struct error *err)
{
    unsigned char sha256[SHA256_SIZE];
    struct buf *b = &s->heads.buffer;
    uint64_t at = spool_file_size(&s->heads);

    hash_sha256(t->name.p, t->name.n, sha256);
    struct spool_slot *slot = slot_of(s, sha256, err);
    if (!slot)
        return false;
    if (!add_record(b, t))
        return error_set(err, ERROR_BAD_REQUEST, "a test's record is larger than %d bytes", SPOOL_RECORD_MAX);
    if (!count_bytes(s, spool_file_size(&s->heads) - at, err))
        return false;
    slot->head = at;
    slot->outcome = (unsigned char)t->outcome;
    slot->has_detail = t->attrs.p || t->n_tags;
    slot->has_files = t->n_attachments > 0;
    slot->has_info = needs_info(t);
    return b->n < SPOOL_BUFFER || spool_file_flush(&s->heads, err);
}

bool spool_add_run_attachment(struct spool *s, const struct spool_attachment *a, struct error *err)
{
    size_t n = s->n_run_attachments;

    if (n == 10000)
        return error_set(err, ERROR_BAD_REQUEST, "more than 10000 attachments of the run itself");
    s->run_attachments = mem_realloc(s->run_attachments, (n + 1) * sizeof(*a));
    s->run_attachments[n] = *a;
    s->run_attachments[n].name = arena_str(s->arena, a->name);
    if (a->mime.p)
        s->run_attachments[n].mime = arena_str(s->arena, a->mime);
    s->n_run_attachments++;
    return true;
}

size_t spool_run_attachments(const struct spool *s, const struct spool_attachment **out)
{
    *out = s->run_attachments;
    return s->n_run_attachments;
}

/* --- reading ------------------------------------------------------------------------------------ */

/* N bytes of the records at OFFSET, through a window since records are mostly read in order. */
static const char *window(struct spool *s, uint64_t offset, size_t n, struct arena *arena, struct error *err)
{
    if (n > WINDOW) {
        char *p = arena_alloc(arena, n);

        return spool_file_read(&s->heads, offset, p, n, err) ? p : NULL;
    }
    if (!s->window)
        s->window = mem_alloc(WINDOW);
    if (offset < s->window_at || offset + n > s->window_at + s->window_n) {
        uint64_t left = s->heads.written - offset;

        s->window_at = offset;
        s->window_n = left < WINDOW ? (size_t)left : WINDOW;
        if (s->window_n < n || !spool_file_read(&s->heads, offset, s->window, s->window_n, err)) {
            s->window_n = 0;
            return NULL;
        }
    }
    return s->window + (offset - s->window_at);
}

static struct str get_bytes(const char **p, uint32_t n)
{
    struct str s = n == UINT32_MAX ? (struct str){NULL, 0} : (struct str){*p, n};

    *p += s.n;
    return s;
}

static struct str get_text(const char **p)
{
    uint32_t n;

    memcpy(&n, *p, sizeof(n));
    *p += sizeof(n);
    return get_bytes(p, n);
}

static void get(const char **p, void *to, size_t n)
{
    memcpy(to, *p, n);
    *p += n;
}

bool spool_read(struct spool *s, size_t i, struct arena *arena, struct spool_test *out, struct error *err)
{
    uint64_t at = s->slots[i].head;
    struct head h;
    const char *p = window(s, at, sizeof(h), arena, err);

    if (!p)
        return false;
    memcpy(&h, p, sizeof(h));
    p = window(s, at, h.size, arena, err);
    if (!p)
        return false;
    /* The window moves with the next record: the views go to the arena. */
    p = arena_memdup(arena, p, h.size);
    p += sizeof(h);
    *out = (struct spool_test){.outcome = (enum spool_outcome)h.outcome,
                               .has_start = h.has_start,
                               .has_stop = h.has_stop,
                               .start_us = h.start_us,
                               .stop_us = h.stop_us,
                               .n_tags = h.n_tags,
                               .n_attachments = h.n_attachments};
    out->name = get_bytes(&p, h.name);
    out->stream_id = get_bytes(&p, h.stream_id);
    out->attrs = get_bytes(&p, h.attrs);
    out->route_code = get_bytes(&p, h.route_code);
    out->tags = arena_calloc(arena, h.n_tags, sizeof(*out->tags));
    for (size_t k = 0; k < h.n_tags; k++)
        out->tags[k] = get_text(&p);
    out->attachments = arena_calloc(arena, h.n_attachments, sizeof(*out->attachments));
    for (size_t k = 0; k < h.n_attachments; k++) {
        struct spool_attachment *a = &out->attachments[k];

        a->name = get_text(&p);
        a->mime = get_text(&p);
        get(&p, &a->offset, sizeof(a->offset));
        get(&p, &a->size, sizeof(a->size));
        get(&p, a->sha256, sizeof(a->sha256));
    }
    return true;
}

bool spool_content_read(struct spool *s, uint64_t offset, void *p, size_t n, struct error *err)
{
    return spool_file_read(&s->contents, offset, p, n, err);
}

/* --- totals ------------------------------------------------------------------------------------- */

static bool add_totals(struct spool *s, size_t i, struct arena *arena, int64_t *first, int64_t *last,
                       struct error *err)
{
    struct spool_totals *sum = &s->totals;
    struct spool_test t;

    if (!spool_read(s, i, arena, &t, err))
        return false;
    sum->by_outcome[t.outcome]++;
    sum->run_time_us += (double)spool_duration_us(&t);
    if (t.has_start && t.start_us < *first)
        *first = t.start_us;
    if (t.has_stop && t.stop_us > *last)
        *last = t.stop_us;
    sum->attachments += t.n_attachments;
    for (size_t k = 0; k < t.n_attachments; k++)
        sum->attachment_bytes += t.attachments[k].size;
    return true;
}

bool spool_finish(struct spool *s, struct error *err)
{
    struct arena *arena = arena_new(0);
    int64_t first = INT64_MAX, last = INT64_MIN;
    bool ok = spool_file_flush(&s->heads, err) && spool_file_flush(&s->contents, err);

    for (size_t i = 0; ok && i < s->n; i++) {
        arena_reset(arena);
        ok = add_totals(s, i, arena, &first, &last, err);
    }
    arena_free(arena);
    for (size_t i = 0; i < s->n_run_attachments; i++) {
        s->totals.attachments++;
        s->totals.attachment_bytes += s->run_attachments[i].size;
    }
    s->totals.wall_time_us = first != INT64_MAX && last != INT64_MIN ? duration_us(first, last) : 0;
    return ok;
}

const struct spool_totals *spool_totals(const struct spool *s)
{
    return &s->totals;
}
