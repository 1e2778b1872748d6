/* The streams of a request's body. */
#include "config.h"
#include "handlers/stream_spool.h"
#include "base/conf_options.h"

static bool give_body(void *arg, const struct body_sink *sink, struct error *err)
{
    struct request *r = arg;
    const struct conf *conf = r->conf;
    struct body_limits limits = {.max_bytes = conf->subunit.max_stream_bytes,
                                 .max_ratio = conf->subunit.max_ratio,
                                 .max_parts = (unsigned)conf->subunit.max_parts};

    return body_decode(r, &limits, sink, err);
}

bool stream_read(struct request *r, const struct stream_options *options, struct stream_spool *out,
                 struct error *err)
{
    return stream_take(r->conf, r->arena, options, give_body, r, out, err);
}
