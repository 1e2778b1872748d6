#include "config.h"
#include "tests/fuzz/subunit_check.h"
#include "tests/fuzz/fuzz.h"

#include <libdeflate.h>
#include <string.h>

/* All events as one number. Pieces of one file count as one, for how a stream is cut decides on them. */
struct digest {
    uint32_t sum;
    bool in_file;
    char id[64];
    char name[64];
};

/* Where the events go. */
struct sink {
    struct digest digest; /* everything */
    struct digest plain;  /* what the writer keeps */
    struct subunit_fold *fold;
    bool folds;
    uint8_t *written;
    size_t written_n;
    size_t written_cap;
    bool writable;
    bool writes;
};

static void add(struct digest *d, const void *p, size_t n)
{
    if (n > 0)
        d->sum = libdeflate_crc32(d->sum, p, n);
}

static void add_number(struct digest *d, uint64_t n)
{
    add(d, &n, sizeof(n));
}

static void add_text(struct digest *d, bool has, struct subunit_str s)
{
    add_number(d, has ? s.n : UINT64_MAX);
    if (has)
        add(d, s.p, s.n);
}

static void keep(char *to, size_t size, struct subunit_str s)
{
    memset(to, 0, size);
    memcpy(to, s.p, s.n < size ? s.n : size);
}

/* Whether the event brings more of the file that the last one did. What is written does not tell where a file
 * begins anew. */
static bool goes_on(const struct digest *d, const struct subunit_event *e, bool plain)
{
    char id[64], name[64];

    if (!d->in_file || !e->has_file || e->status != SUBUNIT_NONE)
        return false;
    if (!plain && (e->file_restarts || e->files_void))
        return false;
    keep(id, sizeof(id), e->has_id ? e->id : (struct subunit_str){"", 0});
    keep(name, sizeof(name), e->file_name);
    return memcmp(id, d->id, sizeof(id)) == 0 && memcmp(name, d->name, sizeof(name)) == 0;
}

static void add_event(struct digest *d, const struct subunit_event *e, bool plain)
{
    if (!goes_on(d, e, plain)) {
        add_number(d, e->status);
        add_text(d, e->has_id, e->id);
        add_text(d, e->has_route_code, e->route_code);
        add_text(d, e->has_mime && (!plain || e->mime.n > 0), e->mime);
        add_text(d, e->has_file, e->file_name);
        add_number(d, e->has_time ? (uint64_t)e->time : UINT64_MAX);
        add_number(d, plain ? e->n_tags > 0 : e->has_tags);
        for (size_t i = 0; i < e->n_tags; i++)
            add_text(d, true, e->tags[i]);
        add_number(d, (uint64_t)e->runnable);
        if (!plain) {
            add_number(d, (uint64_t)e->file_restarts | (uint64_t)e->files_void << 1);
            add_number(d, e->has_file ? 0 : e->offset);
        }
    }
    if (e->has_file)
        add(d, e->file.p, e->file.n);
    if (e->eof)
        add_number(d, 1);
    d->in_file = e->has_file && e->status == SUBUNIT_NONE;
    if (d->in_file) {
        keep(d->id, sizeof(d->id), e->has_id ? e->id : (struct subunit_str){"", 0});
        keep(d->name, sizeof(d->name), e->file_name);
    }
}

static bool write_back(void *ctx, const void *bytes, size_t n)
{
    struct sink *s = ctx;
    if (n > s->written_cap - s->written_n) {
        s->written_cap = (s->written_cap + n) * 2;
        s->written = realloc(s->written, s->written_cap);
        FUZZ_CHECK(s->written != NULL);
    }
    memcpy(s->written + s->written_n, bytes, n);
    s->written_n += n;
    return true;
}

static void check_text(struct subunit_str s)
{
    FUZZ_CHECK(s.n == 0 || memchr(s.p, 0, s.n) == NULL);
}

static int on_event(void *ctx, const struct subunit_event *e)
{
    struct sink *s = ctx;
    struct subunit_error err = {.code = SUBUNIT_OK};

    if (e->has_id) {
        check_text(e->id);
        struct subunit_name name = subunit_name_split(e->id);
        FUZZ_CHECK(name.head.n + name.tail.n <= e->id.n);
    }
    for (size_t i = 0; i < e->n_tags; i++)
        for (size_t j = i + 1; j < e->n_tags && j < i + 20; j++)
            FUZZ_CHECK(e->tags[i].n != e->tags[j].n || memcmp(e->tags[i].p, e->tags[j].p, e->tags[i].n) != 0);
    add_event(&s->digest, e, false);
    add_event(&s->plain, e, true);
    if (s->folds && !subunit_fold_event(s->fold, e, &err))
        FUZZ_CHECK(err.code == SUBUNIT_ERROR_LIMIT);
    if (s->writes && !subunit_write_event(e, write_back, s, &err)) {
        FUZZ_CHECK(err.code == SUBUNIT_ERROR_USE);
        s->writable = false;
    }
    return 0;
}

static int on_test(void *ctx, const struct subunit_test *t)
{
    uint8_t buf[333];

    (void)ctx;
    FUZZ_CHECK(t->ended || t->status == SUBUNIT_NONE || t->status == SUBUNIT_INPROGRESS);
    for (size_t i = 0; i < t->n_attachments; i++) {
        const struct subunit_attachment *a = &t->attachments[i];
        uint64_t at = 0;
        ptrdiff_t n;
        while ((n = subunit_attachment_read(a, at, buf, sizeof(buf))) > 0)
            at += (uint64_t)n;
        FUZZ_CHECK(n == 0 && at == a->size && at > 0);
    }
    return 0;
}

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    return 1000000;
}

static bool feed(struct subunit_reader *r, const uint8_t *data, size_t size, size_t step,
                 struct subunit_error *err)
{
    uint32_t seed = 1;

    for (size_t at = 0, n; at < size; at += n) {
        seed = seed * 1103515245u + 12345u;
        n = step > 0 ? step : 1 + (seed >> 16) % ((seed >> 13) % 8 == 0 ? 9000 : 30);
        n = n < size - at ? n : size - at;
        if (!subunit_reader_feed(r, data + at, n, err))
            return false;
    }
    return subunit_reader_finish(r, err);
}

static struct subunit_error run(const struct subunit_check *check, const uint8_t *data, size_t size,
                                size_t step, struct sink *s)
{
    struct subunit_reader_opts opts = {
        .non_subunit_name = check->lenient ? "stdout" : NULL, .now = no_clock, .limits = check->limits};
    struct subunit_reader *r = subunit_reader_new(&opts, on_event, s);
    struct subunit_error err = {.code = SUBUNIT_OK};

    FUZZ_CHECK(r != NULL);
    bool ok = feed(r, data, size, step, &err);
    FUZZ_CHECK(ok == (err.code == SUBUNIT_OK));
    FUZZ_CHECK(ok || err.offset <= size);
    FUZZ_CHECK(memchr(err.message, 0, sizeof(err.message)) != NULL);
    subunit_reader_free(r);
    return err;
}

/* What was written reads as what was sent. */
static void check_written(const struct subunit_check *check, const struct sink *s)
{
    struct sink again = {.folds = false};

    if (s->writable && s->written_n > 0) {
        struct subunit_error err = run(check, s->written, s->written_n, s->written_n, &again);
        FUZZ_CHECK(err.code == SUBUNIT_OK);
        FUZZ_CHECK(again.plain.sum == s->plain.sum);
    }
}

void subunit_check(const struct subunit_check *check, const uint8_t *data, size_t size)
{
    struct subunit_fold_callbacks callbacks = {.test_done = on_test};
    struct subunit_fold_opts opts = {
        .attachment_memory = 64, .attachment_memory_all = 300, .limits = check->limits};
    struct sink whole = {.folds = true, .writes = true, .writable = true};
    whole.fold = subunit_fold_new(&opts, &callbacks, NULL);

    FUZZ_CHECK(whole.fold != NULL);
    struct subunit_error err = run(check, data, size, size + 1, &whole);
    (void)subunit_fold_finish(whole.fold, NULL);
    subunit_fold_free(whole.fold);
    for (size_t i = 0; i < check->steps_n; i++) {
        struct sink pieces = {.folds = false};
        struct subunit_error same = run(check, data, size, check->steps[i], &pieces);
        FUZZ_CHECK(same.code == err.code && same.offset == err.offset &&
                   strcmp(same.message, err.message) == 0);
        FUZZ_CHECK(pieces.digest.sum == whole.digest.sum);
    }
    check_written(check, &whole);
    free(whole.written);
}

void subunit_check_fuzzed(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 7};
    struct subunit_check check = {
        .steps = steps,
        .steps_n = 2,
        .limits = {.max_id_chars = 500,
                   .max_line_bytes = 700,
                   .max_tags = 40,
                   .max_open_tests = 200,
                   .max_attachments = 100},
    };

    subunit_check(&check, data, size);
    check.lenient = true;
    subunit_check(&check, data, size);
}
