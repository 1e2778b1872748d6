#include "config.h"
#include "handlers/stream_spool.h"
#include "base/buf.h"
#include "base/conf_options.h"
#include "base/mem.h"
#include "handlers/body.h"
#include "handlers/junit_read.h"
#include "handlers/stream_names.h"
#include "subunit/tally-subunit.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 64 * 1024,
    OPEN_BYTES = 16 * 1024 * 1024 /* names and tags of open tests: a process is to stay under 64 MiB */
};

struct reading {
    const struct conf *conf;
    const struct stream_options *options;
    struct stream_spool *out;
    struct arena *arena; /* of one record */
    struct hash_sha256 *sha;
    struct subunit_reader *reader;
    struct junit_reader *junit; /* instead of READER */
    struct subunit_fold *fold;
    unsigned char (*digests)[SHA256_SIZE];
    unsigned n_parts;
    uint64_t file_bytes; /* of all attachments, those of tests that have not ended included */
    bool file_open;      /* a file of the run as a whole is being written */
    struct spool_attachment file;
    struct stream_names names;
    struct error *err; /* where callbacks leave why they stopped */
    char piece[PIECE];
};

/* --- records ------------------------------------------------------------------------------------ */

static struct str view(struct subunit_str s)
{
    return (struct str){s.p ? s.p : "", s.n};
}

static const enum spool_outcome outcomes[] = {
    [SUBUNIT_NONE] = OUTCOME_UNKNOWN,    [SUBUNIT_INPROGRESS] = OUTCOME_INPROGRESS,
    [SUBUNIT_SUCCESS] = OUTCOME_SUCCESS, [SUBUNIT_UXSUCCESS] = OUTCOME_UXSUCCESS,
    [SUBUNIT_SKIP] = OUTCOME_SKIP,       [SUBUNIT_FAIL] = OUTCOME_FAIL,
    [SUBUNIT_XFAIL] = OUTCOME_XFAIL,
};

static bool spool_file(struct reading *rd, const struct subunit_attachment *from, struct spool_attachment *to)
{
    struct spool *spool = rd->out->spool;

    spool_content_begin(spool);
    for (uint64_t at = 0; at < from->size;) {
        ptrdiff_t n = subunit_attachment_read(from, at, rd->piece, PIECE);

        if (n <= 0)
            return error_set(rd->err, ERROR_UNAVAILABLE, "an attachment cannot be read back");
        if (!spool_content_add(spool, rd->piece, (size_t)n, rd->err))
            return false;
        at += (uint64_t)n;
    }
    spool_content_end(spool, to);
    to->name = view(from->name);
    to->mime = from->has_mime ? view(from->mime) : (struct str){NULL, 0};
    return true;
}

static bool spool_files(struct reading *rd, const struct subunit_test *test, struct spool_test *t)
{
    t->attachments = arena_calloc(rd->arena, test->n_attachments, sizeof(*t->attachments));
    t->n_attachments = test->n_attachments;
    for (size_t i = 0; i < test->n_attachments; i++)
        if (!spool_file(rd, &test->attachments[i], &t->attachments[i]))
            return false;
    return true;
}

static int on_test(void *ctx, const struct subunit_test *test)
{
    struct reading *rd = ctx;
    struct spool_test t = {.has_start = test->has_start,
                           .has_stop = test->has_stop,
                           .start_us = test->start,
                           .stop_us = test->stop,
                           .n_tags = test->n_tags};

    if (test->status == SUBUNIT_EXISTS)
        return 0;
    arena_reset(rd->arena);
    t.stream_id = view(test->id);
    t.outcome = outcomes[test->status];
    if (!stream_names_split(&rd->names, rd->arena, rd->junit && !rd->options->cut_attrs, &t, rd->err))
        return 1;
    /* What testrepository's runners say of their own end is no test. */
    if (str_eq_cstr(t.name, "process-returncode"))
        return 0;
    if (test->has_route_code)
        t.route_code = view(test->route_code);
    t.tags = arena_calloc(rd->arena, test->n_tags, sizeof(*t.tags));
    for (size_t i = 0; i < test->n_tags; i++)
        t.tags[i] = view(test->tags[i]);
    return !(spool_files(rd, test, &t) && spool_add(rd->out->spool, &t, rd->err));
}

/* --- files of the run as a whole: foreign bytes --------------------------------------------------- */

static bool close_file(struct reading *rd, struct error *err)
{
    if (!rd->file_open)
        return true;
    rd->file_open = false;
    spool_content_end(rd->out->spool, &rd->file);
    return rd->file.size == 0 || spool_add_run_attachment(rd->out->spool, &rd->file, err);
}

/* One test's attachments must not come between its pieces: a piece that follows a record begins a new
 * attachment. */
static int on_file(void *ctx, const struct subunit_event *e)
{
    struct reading *rd = ctx;
    struct str name = view(e->file_name);

    if (!rd->options->attachments || !rd->options->non_subunit_name ||
        !str_eq_cstr(name, rd->options->non_subunit_name))
        return 0;
    if (!rd->file_open) {
        spool_content_begin(rd->out->spool);
        rd->file = (struct spool_attachment){.name = str_of(rd->options->non_subunit_name)};
        rd->file_open = true;
    }
    return !spool_content_add(rd->out->spool, e->file.p, e->file.n, rd->err);
}

/* --- the stream --------------------------------------------------------------------------------- */

static bool map_error(const struct reading *rd, const struct subunit_error *from, struct error *err)
{
    switch (from->code) {
    case SUBUNIT_ERROR_STOPPED: /* the callback has said why, in rd->err, which is ERR */
        if (rd->err->kind == ERROR_BAD_REQUEST && !rd->err->has_offset) {
            rd->err->has_offset = true;
            rd->err->offset = from->offset;
        }
        return false;
    case SUBUNIT_ERROR_MEMORY:
    case SUBUNIT_ERROR_IO: return error_set(err, ERROR_UNAVAILABLE, "%s", from->message);
    case SUBUNIT_ERROR_USE: return error_set(err, ERROR_INTERNAL, "subunit: %s", from->message);
    default:
        return error_set_at(err, from->offset, ERROR_BAD_REQUEST, "The stream is refused at byte %llu: %s",
                            (unsigned long long)from->offset, from->message);
    }
}

/* Said as soon as it is sure, and as the limit that it is: what waits for its test's end is in no spool yet.
 */
static bool count_file(struct reading *rd, const struct subunit_event *event)
{
    uint64_t most = rd->conf->subunit.max_transaction_bytes;

    if (!rd->options->attachments || !event->has_file || !event->has_id)
        return true;
    rd->file_bytes += event->file.n;
    return rd->file_bytes <= most ||
           error_set(rd->err, ERROR_TOO_LARGE, "the run brings more than %llu bytes into the database",
                     (unsigned long long)most);
}

static int on_event(void *ctx, const struct subunit_event *event)
{
    struct reading *rd = ctx;
    struct subunit_error err;

    if (!count_file(rd, event))
        return 1;
    if (rd->file_open && (!event->has_file || event->has_id) && !close_file(rd, rd->err))
        return 1;
    if (subunit_fold_event(rd->fold, event, &err))
        return 0;
    map_error(rd, &err, rd->err);
    return 1;
}

/* From the JUnit reader, which has an error of its own. */
static bool on_junit_event(void *ctx, const struct subunit_event *event, struct error *err)
{
    struct reading *rd = ctx;

    rd->err = err;
    return on_event(rd, event) == 0;
}

static bool part_begin(void *ctx, unsigned index, enum body_kind kind, struct error *err)
{
    struct reading *rd = ctx;
    const struct conf *conf = rd->conf;
    struct subunit_limits limits = {.max_id_chars = (uint32_t)conf->subunit.max_id_chars,
                                    .max_open_tests = (uint32_t)conf->subunit.max_open_tests,
                                    .max_open_bytes = OPEN_BYTES};
    struct subunit_reader_opts reader = {.non_subunit_name = rd->options->non_subunit_name, .limits = limits};
    struct subunit_fold_opts fold = {.limits = limits,
                                     .spill_dir = conf->subunit.spool_dir,
                                     .max_spill_bytes = conf->subunit.max_transaction_bytes,
                                     .discard_files = !rd->options->attachments};
    struct subunit_fold_callbacks callbacks = {.test_done = on_test, .stream_file = on_file};

    rd->err = err;
    rd->digests = mem_realloc(rd->digests, (index + 1) * sizeof(*rd->digests));
    if (kind == BODY_XML)
        rd->junit = junit_reader_new(conf->subunit.max_id_chars, rd->options->start_us, on_junit_event, rd);
    else
        rd->reader = subunit_reader_new(&reader, on_event, rd);
    rd->fold = subunit_fold_new(&fold, &callbacks, rd);
    return ((rd->reader || rd->junit) && rd->fold) || error_set(err, ERROR_UNAVAILABLE, "out of memory");
}

static bool part_data(void *ctx, const void *p, size_t n, struct error *err)
{
    struct reading *rd = ctx;
    struct subunit_error why;

    rd->err = err;
    rd->out->bytes += n;
    hash_sha256_add(rd->sha, p, n);
    if (rd->junit)
        return junit_reader_feed(rd->junit, p, n, err);
    return subunit_reader_feed(rd->reader, p, n, &why) || map_error(rd, &why, err);
}

static void free_readers(struct reading *rd)
{
    subunit_reader_free(rd->reader);
    junit_reader_free(rd->junit);
    subunit_fold_free(rd->fold);
    rd->reader = NULL;
    rd->junit = NULL;
    rd->fold = NULL;
}

static bool part_end(void *ctx, struct error *err)
{
    struct reading *rd = ctx;
    struct subunit_error why;

    rd->err = err;
    if (rd->junit && !junit_reader_finish(rd->junit, err))
        return false;
    if (rd->reader && !subunit_reader_finish(rd->reader, &why))
        return map_error(rd, &why, err);
    /* Before the fold gives the tests that have not ended: they have contents too. */
    if (!close_file(rd, err))
        return false;
    if (!subunit_fold_finish(rd->fold, &why))
        return map_error(rd, &why, err);
    hash_sha256_end(rd->sha, rd->digests[rd->n_parts++]);
    if (!rd->out->format)
        rd->out->format = rd->junit ? STREAM_FORMAT_JUNIT : subunit_reader_version(rd->reader);
    free_readers(rd);
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

/* Shards in any order are the same run. */
static void digest_all(struct reading *rd)
{
    if (rd->n_parts == 1) {
        memcpy(rd->out->sha256, rd->digests[0], SHA256_SIZE);
        return;
    }
    qsort(rd->digests, rd->n_parts, SHA256_SIZE, by_bytes);
    hash_sha256(rd->digests, (size_t)rd->n_parts * SHA256_SIZE, rd->out->sha256);
}

static void free_spool(void *spool)
{
    spool_free(spool);
}

bool stream_take(const struct conf *conf, struct arena *arena, const struct stream_options *options,
                 stream_give_fn give, void *arg, struct stream_spool *out, struct error *err)
{
    struct spool_limits limits = {.max_tests = conf->subunit.max_tests,
                                  .max_attachment_bytes = conf->subunit.max_attachment_bytes,
                                  .max_bytes = conf->subunit.max_transaction_bytes};
    struct reading *rd = arena_calloc(arena, 1, sizeof(*rd));
    struct body_sink sink = {rd, part_begin, part_data, part_end};

    *out = (struct stream_spool){.spool = spool_new(conf->subunit.spool_dir, &limits, err)};
    if (!out->spool)
        return false;
    arena_defer(arena, free_spool, out->spool);
    rd->conf = conf;
    rd->options = options;
    rd->names.attr_regex = options->attr_regex;
    rd->out = out;
    rd->err = err;
    rd->arena = arena_new(0);
    rd->sha = hash_sha256_new();
    bool ok = give(arg, &sink, err) && spool_finish(out->spool, err);
    if (ok)
        digest_all(rd);
    free_readers(rd);
    stream_names_free(&rd->names);
    hash_sha256_free(rd->sha);
    arena_free(rd->arena);
    free(rd->digests);
    return ok;
}
