/* outcome.c - events folded into one record a test, as testtools' StreamToDict does. */
#include "config.h"
#include "subunit/reader.h"
#include "subunit/record.h"
#include "subunit/text.h"

#include <stdlib.h>
#include <string.h>

struct subunit_fold {
    struct subunit_fold_opts opts;
    struct subunit_fold_callbacks callbacks;
    void *ctx;
    struct subunit_error err;
    bool finished;
    struct table table;
    struct spill spill;
    struct subunit_attachment *attachments; /* of the record that goes out */
    size_t attachments_cap;
};

struct subunit_fold *subunit_fold_new(const struct subunit_fold_opts *opts,
                                      const struct subunit_fold_callbacks *callbacks, void *ctx)
{
    struct subunit_fold *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    if (!subunit_table_init(&f->table)) {
        free(f->table.slots);
        free(f);
        return NULL;
    }
    if (opts != NULL)
        f->opts = *opts;
    subunit_limits_fill(&f->opts.limits);
    subunit_spill_init(&f->spill, &f->opts);
    f->callbacks = *callbacks;
    f->ctx = ctx;
    return f;
}

void subunit_fold_free(struct subunit_fold *f)
{
    if (f == NULL)
        return;
    subunit_table_end(&f->table);
    subunit_spill_end(&f->spill);
    free(f->attachments);
    free(f);
}

size_t subunit_fold_open_tests(const struct subunit_fold *f)
{
    return f->table.n;
}

static bool stopped(struct subunit_fold *f, uint64_t offset)
{
    return subunit_error_set(&f->err, SUBUNIT_ERROR_STOPPED, offset, "stopped by the callback");
}

static bool out_of_memory(struct subunit_fold *f, uint64_t offset)
{
    return subunit_error_set(&f->err, SUBUNIT_ERROR_MEMORY, offset, "out of memory");
}

static bool attachments_room(struct subunit_fold *f, size_t n)
{
    if (n <= f->attachments_cap)
        return true;
    struct subunit_attachment *grown = realloc(f->attachments, n * sizeof(*grown));
    if (grown == NULL)
        return false;
    f->attachments = grown;
    f->attachments_cap = n;
    return true;
}

/* The record goes out and is gone. A file that got no bytes makes no attachment. */
static bool complete(struct subunit_fold *f, struct record *r)
{
    size_t n = 0;

    if (!attachments_room(f, r->files_n))
        return out_of_memory(f, r->test.last_offset);
    for (size_t i = 0; i < r->files_n; i++) {
        const struct file *file = &r->files[i];
        if (file->content.size > 0)
            f->attachments[n++] = (struct subunit_attachment){
                .name = file->name,
                .mime = file->mime,
                .has_mime = file->has_mime,
                .size = file->content.size,
                .content = &file->content,
            };
    }
    r->test.attachments = f->attachments;
    r->test.n_attachments = n;
    uint64_t offset = r->test.last_offset;
    int stop = f->callbacks.test_done(f->ctx, &r->test);
    subunit_table_remove(&f->table, r);
    return stop == 0 || stopped(f, offset);
}

/* A record that one event begins and ends: most often one of the `exists` events of a list of tests. It never
 * enters the table, and its bytes are not copied. */
static bool complete_at_once(struct subunit_fold *f, const struct subunit_event *event)
{
    struct subunit_content content = {
        .memory = (unsigned char *)(uintptr_t)event->file.p,
        .size = event->file.n,
    };
    struct subunit_attachment attachment = {
        .name = event->file_name,
        .mime = event->mime,
        .has_mime = event->has_mime,
        .size = event->file.n,
        .content = &content,
    };
    struct subunit_test test = {
        .id = event->id,
        .route_code = event->route_code,
        .has_route_code = event->has_route_code,
        .has_start = event->has_time,
        .has_stop = event->has_time,
        .ended = true,
        .start = event->time,
        .stop = event->time,
        .status = event->status,
        .tags = event->tags,
        .n_tags = event->n_tags,
        .attachments = &attachment,
        .n_attachments = event->has_file && event->file.n > 0 && !f->opts.discard_files,
        .first_offset = event->offset,
        .last_offset = event->offset,
    };

    return f->callbacks.test_done(f->ctx, &test) == 0 || stopped(f, event->offset);
}

static bool take_file(struct subunit_fold *f, struct record *r, const struct subunit_event *event)
{
    uint32_t max = f->opts.limits.max_attachments;

    if (event->files_void)
        subunit_record_void_files(&f->table, r);
    /* A version 1 file keeps the place of its first mention even if that brought no bytes. */
    if (!event->has_file || f->opts.discard_files || (event->file.n == 0 && !event->file_restarts))
        return true;
    struct file *file = subunit_record_file(&f->table, r, event, &f->spill);
    if (file == NULL)
        return out_of_memory(f, event->offset);
    if (r->files_n > max)
        return subunit_error_set(&f->err, SUBUNIT_ERROR_LIMIT, event->offset,
                                 "a test with over %u attachments", max);
    if (event->file_restarts) {
        subunit_content_drop(&file->content);
        if (!subunit_file_set_mime(&f->table, r, file, event))
            return out_of_memory(f, event->offset);
    }
    return subunit_content_append(&file->content, event->file, event->offset, &f->err);
}

static bool update(struct subunit_fold *f, struct record *r, const struct subunit_event *event)
{
    const struct subunit_limits *l = &f->opts.limits;

    if (event->status != SUBUNIT_NONE)
        r->test.status = event->status;
    r->test.has_stop = event->has_time;
    r->test.stop = event->time;
    r->test.last_offset = event->offset;
    if (!take_file(f, r, event))
        return false;
    if (event->has_tags && subunit_record_set_tags(&f->table, r, event) != SUBUNIT_OK)
        return out_of_memory(f, event->offset);
    if (f->table.bytes > l->max_open_bytes)
        return subunit_error_set(&f->err, SUBUNIT_ERROR_LIMIT, event->offset,
                                 "open tests of over %llu bytes together",
                                 (unsigned long long)l->max_open_bytes);
    return true;
}

static struct record *open_record(struct subunit_fold *f, const struct subunit_event *event, uint64_t hash)
{
    uint32_t max = f->opts.limits.max_open_tests;

    if (f->table.n >= max) {
        (void)subunit_error_set(&f->err, SUBUNIT_ERROR_LIMIT, event->offset, "over %u tests open at one time",
                                max);
        return NULL;
    }
    struct record *r = subunit_table_add(&f->table, event, hash);
    if (r == NULL) {
        (void)out_of_memory(f, event->offset);
        return NULL;
    }
    r->test.has_start = event->has_time;
    r->test.start = event->time;
    r->test.first_offset = event->offset;
    return r;
}

static bool fold_event(struct subunit_fold *f, const struct subunit_event *event)
{
    bool ends = event->status != SUBUNIT_NONE && event->status != SUBUNIT_INPROGRESS;

    if (!event->has_id) {
        if (!event->has_file || f->callbacks.stream_file == NULL)
            return true;
        return f->callbacks.stream_file(f->ctx, event) == 0 || stopped(f, event->offset);
    }
    uint64_t hash = subunit_table_hash(&f->table, event);
    struct record *r = subunit_table_find(&f->table, event, hash);
    if (r == NULL && ends)
        return complete_at_once(f, event);
    if (r == NULL && (r = open_record(f, event, hash)) == NULL)
        return false;
    if (!update(f, r, event))
        return false;
    r->test.ended = ends;
    return !ends || complete(f, r);
}

static bool give(const struct subunit_fold *f, bool ok, struct subunit_error *err)
{
    if (!ok && err != NULL)
        *err = f->err;
    return ok;
}

static bool usable(struct subunit_fold *f, uint64_t offset)
{
    if (f->err.code == SUBUNIT_OK && f->finished)
        (void)subunit_error_set(&f->err, SUBUNIT_ERROR_USE, offset, "used after the end");
    return f->err.code == SUBUNIT_OK;
}

bool subunit_fold_event(struct subunit_fold *f, const struct subunit_event *event, struct subunit_error *err)
{
    return give(f, usable(f, event->offset) && fold_event(f, event), err);
}

bool subunit_fold_finish(struct subunit_fold *f, struct subunit_error *err)
{
    bool ok = usable(f, 0);

    f->finished = true;
    while (ok && f->table.newest != NULL) {
        struct record *r = f->table.newest;
        r->test.has_stop = false;
        ok = complete(f, r);
    }
    return give(f, ok, err);
}
