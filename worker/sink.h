/* sink.h - a new image's bytes on their way into the image store. */
#ifndef TALLY_WORKER_SINK_H
#define TALLY_WORKER_SINK_H

#include "worker/pipeline.h"
#include "worker/task.h"

struct sink {
    struct task_run *run; /* NULL: never opened */
    struct arena *arena;  /* the inspection's */
    struct store_writer *writer;
    struct str key; /* IMAGE_ID/TASKID.EPOCH */
    struct image_quota quota;
    struct pipeline pipeline;
    struct image_data data;
};

/* Names the object of the new image ID and records it; r->object_key is set. SIZE -1: not known. */
bool sink_record(struct task_run *r, struct sink *s, struct str image_id, int64_t size, struct error *err);

/* The same, and begins to write it. */
bool sink_open(struct task_run *r, struct sink *s, struct str image_id, int64_t size, struct error *err);

/* Moves all that READ gives into it, inspects it on the way, and holds it against FORMAT. FAULT is passed
 * before each block. DATA is filled. */
bool sink_fill(struct sink *s, bool (*read)(void *ctx, void *p, size_t n, size_t *got, struct error *err),
               void *ctx, const char *format, const char *fault, struct error *err);

/* The same for bytes that are an image's already: not inspected again, DATA is not filled. */
bool sink_copy(struct sink *s, bool (*read)(void *ctx, void *p, size_t n, size_t *got, struct error *err),
               void *ctx, const char *fault, struct error *err);

/* Makes the bytes durable. FAULT is passed before. */
bool sink_commit(struct sink *s, const char *fault, struct error *err);

/* Frees; what was not committed goes. */
void sink_close(struct sink *s);

#endif
