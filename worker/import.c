/* import: an object of the requester's, or a URL, becomes an image of his project. */
#include "config.h"
#include "worker/image_build.h"
#include "worker/source.h"
#include "worker/sink.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "image/format.h"

#include <string.h>

struct import {
    struct task_run *run;
    struct image image;
    struct source source;
    unsigned char source_sha256[SHA256_SIZE];
    bool source_known; /* source_sha256 is set */
    struct sink sink;
    uint64_t read; /* bytes */
    struct image_growth growth;
};

/* The source's name and ETag: the same again is a second import. Without an ETag only the content tells. */
static void know_source(struct import *im)
{
    struct hash_sha256 *h;

    if (!im->source.etag.n)
        return;
    h = hash_sha256_new();
    hash_sha256_add(h, im->source.name.p, im->source.name.n);
    hash_sha256_add(h, "", 1);
    hash_sha256_add(h, im->source.etag.p, im->source.etag.n);
    hash_sha256_end(h, im->source_sha256);
    hash_sha256_free(h);
    im->source_known = true;
}

static bool allowed(struct import *im, struct str sha512, struct error *err)
{
    struct task_run *r = im->run;
    struct db_conn *c = task_db(r, err);
    bool ok =
        c && task_db_error(r,
                           task_import_allowed(c, r->work.owner, im->source_known ? im->source_sha256 : NULL,
                                               sha512, err),
                           err);

    db_release(c);
    return ok;
}

static bool open_source(struct import *im, struct error *err)
{
    if (!source_open(im->run, &im->source, err))
        return false;
    fault_point("import.source_open");
    know_source(im);
    return allowed(im, (struct str){NULL, 0}, err);
}

static bool read_source(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct import *im = ctx;

    if (!source_read(&im->source, p, n, got, err))
        return false;
    im->read += *got;
    return images_object_grown(im->run->db, &im->growth, im->read, err);
}

static bool move_bytes(struct import *im, struct error *err)
{
    struct task_run *r = im->run;
    const struct image_format *format = image_format_find(r->input.format);

    if (!sink_open(r, &im->sink, im->image.id, im->source.size, err))
        return false;
    im->growth = (struct image_growth){im->sink.key, &im->sink.quota,
                                       im->source.size > 0 ? (uint64_t)im->source.size : 0};
    return sink_fill(&im->sink, read_source, im, format->name, "import.mid", err) &&
           source_still(&im->source, err) && allowed(im, str_of(im->sink.pipeline.sha512), err);
}

static bool end(struct db_conn *c, const struct task_end *task, void *arg, bool *ours, struct error *err)
{
    struct import *im = arg;
    const struct task_image made = {&im->image, im->sink.key, &im->sink.data, &im->sink.quota};

    fault_point("import.before_commit");
    bool ok = task_finish_import(c, task, &made, im->source_known ? im->source_sha256 : NULL, ours, err);

    if (ok)
        fault_point("import.after_commit");
    return ok;
}

static bool import(struct import *im, struct error *err)
{
    struct task_run *r = im->run;

    return image_build_import(r, &im->image, err) && open_source(im, err) && move_bytes(im, err) &&
           task_recheck(r, err) && sink_commit(&im->sink, "import.bytes_done", err) &&
           task_end(r, image_build_result(r, im->image.id), end, im, err);
}

bool task_import(struct task_run *r, struct error *err)
{
    struct import im = {.run = r};
    bool ok = import(&im, err);

    source_close(&im.source);
    sink_close(&im.sink);
    return ok;
}
