/* source.h - what an import reads: an object in the requester's own container, or a URL. */
#ifndef TALLY_WORKER_SOURCE_H
#define TALLY_WORKER_SOURCE_H

#include "worker/task.h"

struct source {
    struct task_run *run; /* NULL: never opened */
    struct store_reader *reader;
    struct store_name object;
    struct store_info info;
    struct http_stream *stream; /* of a URL */
    struct str name;            /* container/object, or the URL */
    struct str etag;            /* n 0: it has none */
    int64_t size;               /* -1: not known */
};

/* Opens what the task's input names. Refuses an object that carries the mark of an export. */
bool source_open(struct task_run *r, struct source *s, struct error *err);

/* A pipeline's read(); CTX is the source. */
bool source_read(void *ctx, void *p, size_t n, size_t *got, struct error *err);

/* After the last byte: is it still what was read? ERROR_CONFLICT or ERROR_NOT_FOUND where not. */
bool source_still(struct source *s, struct error *err);

void source_close(struct source *s);

#endif
