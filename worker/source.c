#include "config.h"
#include "worker/source.h"
#include "worker/mark.h"
#include "worker/source_url.h"
#include "base/fault.h"

static bool open_object(struct source *s, struct error *err)
{
    struct task_run *r = s->run;
    struct store_caller caller = task_requester(r);

    s->object = (struct store_name){r->input.container, r->input.object};
    s->name =
        str_of(arena_printf(r->arena, "%.*s/%.*s", STR_ARG(s->object.container), STR_ARG(s->object.object)));
    if (!store_stat(r->tools->containers, &caller, &s->object, r->arena, &s->info, err))
        return false;
    if (mark_of(&s->info.meta).p)
        return error_set(err, ERROR_CONFLICT, "An exported image cannot be imported again. Object: %.*s",
                         STR_ARG(s->name));
    if (s->info.size > r->tools->conf->image.max_bytes)
        return error_set(err, ERROR_TOO_LARGE, "The image is larger than %llu bytes, the most that is taken",
                         (unsigned long long)r->tools->conf->image.max_bytes);
    fault_point("import.source_found");
    s->reader =
        store_open(r->tools->containers, &caller, &s->object, 0, s->info.etag, r->arena, &s->info, err);
    s->etag = s->info.etag;
    s->size = (int64_t)s->info.size;
    return s->reader != NULL;
}

bool source_open(struct task_run *r, struct source *s, struct error *err)
{
    *s = (struct source){.run = r, .size = -1};
    if (r->input.url.p)
        return source_url_open(s, err);
    return open_object(s, err);
}

bool source_read(void *ctx, void *p, size_t n, size_t *got, struct error *err)
{
    struct source *s = ctx;

    if (!task_go_on(s->run, err))
        return false;
    return s->reader ? store_read(s->reader, p, n, got, err) : source_url_read(s, p, n, got, err);
}

bool source_still(struct source *s, struct error *err)
{
    struct task_run *r = s->run;
    struct store_caller caller = task_requester(r);
    struct store_info now;

    fault_point("import.source_read");
    if (!s->reader)
        return source_url_still(s, err);
    if (!store_stat(r->tools->containers, &caller, &s->object, r->arena, &now, err))
        return false;
    return (now.size == s->info.size && str_eq(now.etag, s->info.etag)) ||
           error_set(err, ERROR_CONFLICT, "The object was changed while it was read. Object: %.*s",
                     STR_ARG(s->name));
}

void source_close(struct source *s)
{
    if (s->reader)
        store_close(s->reader);
    s->reader = NULL;
    http_stream_close(s->stream);
    s->stream = NULL;
}
