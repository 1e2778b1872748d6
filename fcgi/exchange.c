#include "config.h"
#include "fcgi/exchange.h"
#include "base/conf_options.h"

#include <poll.h>
#include <string.h>

static struct exchange *exchange_of(const struct request *r)
{
    return r->impl;
}

struct str request_header(const struct request *r, const char *name)
{
    return params_header(&exchange_of(r)->params, name);
}

/* What the body's end says about the body. */
static bool check_end(const struct exchange *x, struct error *err)
{
    int64_t said = x->request.content_length;

    if (said < 0 || x->body.bytes == (uint64_t)said)
        return true;
    return error_set(err, ERROR_ABORTED, "the body has %llu bytes where Content-Length says %lld",
                     (unsigned long long)x->body.bytes, (long long)said);
}

bool request_body_read(struct request *r, void *p, size_t n, size_t *got, struct error *err)
{
    struct exchange *x = exchange_of(r);

    if (!body_read(&x->body, p, n, got, err)) {
        if (atomic_load(&x->peer->cut))
            return error_set(err, ERROR_TIMEOUT, "the request took too long");
        return false;
    }
    if (x->body.bytes > x->body_limit)
        return error_set(err, ERROR_TOO_LARGE, "the body is larger than %llu bytes",
                         (unsigned long long)x->body_limit);
    if (r->content_length >= 0 && x->body.bytes > (uint64_t)r->content_length)
        return error_set(err, ERROR_BAD_REQUEST, "the body is longer than its Content-Length");
    return *got > 0 || check_end(x, err);
}

bool request_body_all(struct request *r, size_t max, struct str *body, struct error *err)
{
    size_t size = r->content_length >= 0 ? (size_t)r->content_length : 8192, n = 0, got;
    char *p;

    if (r->content_length > 0 && (uint64_t)r->content_length > max)
        return error_set(err, ERROR_TOO_LARGE, "the body is larger than %zu bytes", max);
    p = arena_alloc(r->arena, size + 1);
    for (;;) {
        if (n == size) { /* one byte more tells whether this is the end */
            char *wider = arena_alloc(r->arena, 2 * size + 65);

            memcpy(wider, p, n);
            p = wider;
            size = 2 * size + 64;
        }
        if (!request_body_read(r, p + n, size - n, &got, err))
            return false;
        if (got == 0)
            break;
        n += got;
        if (n > max)
            return error_set(err, ERROR_TOO_LARGE, "the body is larger than %zu bytes", max);
    }
    p[n] = '\0';
    *body = (struct str){p, n};
    return true;
}

bool request_gone(const struct request *r)
{
    const struct exchange *x = exchange_of(r);
    struct pollfd fd = {.fd = x->peer->fd, .events = POLLRDHUP};

    if (atomic_load(x->stop) || atomic_load(&x->peer->cut) || x->body.broken)
        return true;
    return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLRDHUP | POLLERR));
}
