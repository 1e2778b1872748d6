#include "config.h"
#include "base/http_stream.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/http_wire.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_IDLE = 32,
    PIECE = 256 * 1024,      /* what libcurl hands over at once, at most */
    EXPECT_FROM = 64 * 1024, /* bytes of a body from which on a 100 Continue is asked for */
    WAIT_MS = 1000,          /* for the next byte, before stop() is asked again */
    LINGER_MS = 20,          /* for more bytes, once there are some */
};

/* libcurl keeps connections in the multi handle. */
struct handle {
    CURLM *multi;
    CURL *easy;
};

struct http_streams {
    char *cafile; /* NULL: the system's */
    bool insecure;
    long connect_timeout_ms;
    pthread_mutex_t lock;
    struct handle idle[MAX_IDLE];
    size_t n_idle;
};

struct http_stream {
    struct http_streams *streams;
    struct handle handle;
    struct arena *arena;
    struct curl_slist *headers;
    struct http_response reply;
    struct http_head head;
    struct http_stream_request request;
    char curl_error[CURL_ERROR_SIZE];
    CURLcode code; /* of the transfer, once it is done */
    bool done;
    bool refused;     /* an address, by address_ok() */
    int64_t moved_us; /* when the last byte came or went */
    int64_t asked_us; /* when stop() was asked */
    uint64_t sent;    /* bytes that http_stream_write() was given */
    const char *out;  /* what http_stream_write() was given and is not sent */
    size_t out_n;
    bool out_ended;
    bool send_paused;
    char *in; /* where http_stream_read() wants bytes */
    size_t in_n, in_size;
    bool receive_paused;
    struct buf held; /* what came and found no room there; at most one piece */
};

/* --- the connections ---------------------------------------------------------------------------- */

struct http_streams *http_streams_new(const struct http_options *options, struct error *err)
{
    struct http_streams *t;

    if (!http_init(err))
        return NULL;
    if (options->cafile && *options->cafile && access(options->cafile, R_OK) != 0) {
        error_set(err, ERROR_BAD_REQUEST, "the CA file %s cannot be read", options->cafile);
        return NULL;
    }
    t = mem_calloc(1, sizeof(*t));
    if (options->cafile && *options->cafile)
        t->cafile = mem_strdup(options->cafile);
    t->insecure = options->insecure;
    t->connect_timeout_ms = http_clamp_ms(options->connect_timeout_ms);
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

static void handle_free(struct handle h)
{
    if (h.easy)
        curl_easy_cleanup(h.easy);
    if (h.multi)
        curl_multi_cleanup(h.multi);
}

void http_streams_free(struct http_streams *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_idle; i++)
        handle_free(t->idle[i]);
    pthread_mutex_destroy(&t->lock);
    free(t->cafile);
    free(t);
}

/* The one used last first, so that few connections are kept warm. A FRESH one has no connection yet. */
static bool handle_get(struct http_streams *t, bool fresh, struct handle *h)
{
    *h = (struct handle){NULL, NULL};
    pthread_mutex_lock(&t->lock);
    if (t->n_idle && !fresh)
        *h = t->idle[--t->n_idle];
    pthread_mutex_unlock(&t->lock);
    if (h->multi)
        return true;
    *h = (struct handle){curl_multi_init(), curl_easy_init()};
    if (h->multi && h->easy)
        return curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2L) == CURLM_OK;
    handle_free(*h);
    return false;
}

static void handle_put(struct http_streams *t, struct handle h, bool keep)
{
    curl_easy_reset(h.easy); /* forgets pointers into the stream */
    pthread_mutex_lock(&t->lock);
    keep = keep && t->n_idle < MAX_IDLE;
    if (keep)
        t->idle[t->n_idle++] = h;
    pthread_mutex_unlock(&t->lock);
    if (!keep)
        handle_free(h);
}

/* --- libcurl's callbacks ------------------------------------------------------------------------ */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_stream *s = arg;
    size_t room = s->in_size - s->in_n, whole = size * n, k = whole;

    if (s->held.n || room == 0) {
        s->receive_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (k > room)
        k = room;
    memcpy(s->in + s->in_n, p, k);
    s->in_n += k;
    buf_add(&s->held, p + k, whole - k);
    s->moved_us = clock_mono_us();
    return buf_ok(&s->held) ? whole : 0;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
    struct http_stream *s = arg;
    size_t k = size * n < s->out_n ? size * n : s->out_n;

    if (k == 0 && !s->out_ended) {
        s->send_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (k > 0)
        memcpy(p, s->out, k);
    s->out += k;
    s->out_n -= k;
    s->moved_us = clock_mono_us();
    return k;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_stream *s = arg;

    (void)purpose;
    if (!s->request.address_ok(s->request.address_ctx, &address->addr)) {
        s->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- beginning and ending ----------------------------------------------------------------------- */

static CURLcode set_options(struct http_stream *s)
{
    const struct http_stream_request *r = &s->request;
    CURL *curl = s->handle.easy;

    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, s->curl_error);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)PIECE);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    if (s->streams->connect_timeout_ms)
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, s->streams->connect_timeout_ms);
    if (r->upload) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)PIECE);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, s);
    }
    if (r->address_ok) {
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, s);
    }
    http_head_begin(&s->head, curl, s->arena, &s->reply);
    return http_options_set(curl, &r->http, s->headers, s->streams->cafile, s->streams->insecure);
}

struct http_stream *http_stream_open(struct http_streams *streams, const struct http_stream_request *request,
                                     struct arena *arena, struct error *err)
{
    bool expect = request->upload && (request->size < 0 || request->size >= EXPECT_FROM);
    struct curl_slist *headers;
    struct http_stream *s;

    if (!http_request_ok(&request->http, err))
        return NULL;
    headers = http_headers_list(&request->http, expect, err);
    if (!headers)
        return NULL;
    s = mem_calloc(1, sizeof(*s));
    s->streams = streams;
    s->arena = arena;
    s->request = *request;
    s->headers = headers;
    s->moved_us = clock_mono_us();
    buf_init(&s->held, CURL_MAX_READ_SIZE);
    if (!handle_get(streams, request->address_ok != NULL, &s->handle)) {
        error_set(err, ERROR_INTERNAL, "libcurl has no memory");
        http_headers_free(headers);
        free(s);
        return NULL;
    }
    if (set_options(s) == CURLE_OK && curl_multi_add_handle(s->handle.multi, s->handle.easy) == CURLM_OK)
        return s;
    error_set(err, ERROR_BAD_REQUEST, "the URL is not one that can be asked for");
    http_stream_close(s);
    return NULL;
}

void http_stream_close(struct http_stream *s)
{
    if (!s)
        return;
    curl_multi_remove_handle(s->handle.multi, s->handle.easy);
    handle_put(s->streams, s->handle, s->done && s->code == CURLE_OK && !s->request.address_ok);
    http_headers_free(s->headers);
    buf_free(&s->held);
    free(s);
}

/* --- moving bytes ------------------------------------------------------------------------------- */

/* The result of the transfer, where it has ended. */
static void look_for_end(struct http_stream *s)
{
    CURLMsg *message;
    int left;

    while (!s->done && (message = curl_multi_info_read(s->handle.multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            s->done = true;
            s->code = message->data.result;
        }
}

static bool failed(const struct http_stream *s, struct error *err)
{
    if (s->head.over)
        return error_set(err, ERROR_TOO_LARGE, "the reply's headers are over the limit");
    if (s->refused)
        return error_set(err, ERROR_FORBIDDEN, "the host's address is not allowed");
    http_failed(s->code, s->curl_error, err);
    /* stalls are watched here, so that libcurl's own time is that of connecting */
    if (err && err->kind == ERROR_TIMEOUT)
        err->kind = ERROR_UNAVAILABLE;
    return false;
}

/* Lets libcurl do what it can now. */
static bool perform(struct http_stream *s, struct error *err)
{
    int running;

    if (s->done)
        return s->code == CURLE_OK || failed(s, err);
    if (curl_multi_perform(s->handle.multi, &running) != CURLM_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl does not go on");
    look_for_end(s);
    return !s->done || s->code == CURLE_OK || failed(s, err);
}

/* Waits up to MS for something to do; *IDLE: there was nothing. */
static bool wait_ready(struct http_stream *s, int ms, bool *idle, struct error *err)
{
    int ready = 0;
    int64_t now;

    if (curl_multi_poll(s->handle.multi, NULL, 0, ms, &ready) != CURLM_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl does not go on");
    *idle = ready == 0;
    now = clock_mono_us();
    if (s->request.stop && now - s->asked_us >= WAIT_MS * 1000) {
        s->asked_us = now;
        if (s->request.stop(s->request.ctx))
            return error_set(err, ERROR_ABORTED, "stopped");
    }
    if (s->request.stall_timeout_ms && (now - s->moved_us) / 1000 > (int64_t)s->request.stall_timeout_ms)
        return error_set(err, ERROR_TIMEOUT, "not a byte for %d seconds",
                         (int)(s->request.stall_timeout_ms / 1000));
    return true;
}

/* At the beginning of each of the caller's calls: time that he took himself is no stall. */
static bool enter(struct http_stream *s, struct error *err)
{
    s->moved_us = s->asked_us = clock_mono_us();
    if (s->request.stop && s->request.stop(s->request.ctx))
        return error_set(err, ERROR_ABORTED, "stopped");
    return true;
}

/* Lets go on what waited for the caller. */
static void resume(struct http_stream *s, bool send, bool receive)
{
    bool was = (send && s->send_paused) || (receive && s->receive_paused);

    if (send)
        s->send_paused = false;
    if (receive)
        s->receive_paused = false;
    if (was && !s->done)
        curl_easy_pause(s->handle.easy,
                        (s->receive_paused ? CURLPAUSE_RECV : 0) | (s->send_paused ? CURLPAUSE_SEND : 0));
}

bool http_stream_answered(const struct http_stream *s)
{
    return s->head.complete;
}

bool http_stream_write(struct http_stream *s, const void *p, size_t n, struct error *err)
{
    bool idle;

    if (!enter(s, err))
        return false;
    s->out = p;
    s->out_n = n;
    s->sent += n;
    resume(s, true, false);
    while (s->out_n > 0) {
        bool ok = perform(s, err);

        if (s->head.complete || s->done)
            return ok || s->head.complete
                       ? error_set(err, ERROR_CONFLICT, "the peer answered before the end of the body")
                       : false;
        if (!ok || (s->out_n > 0 && !wait_ready(s, WAIT_MS, &idle, err)))
            return false;
    }
    return true;
}

bool http_stream_head(struct http_stream *s, struct http_response *out, struct error *err)
{
    bool idle;

    if (!enter(s, err))
        return false;
    if (s->request.upload && s->request.size >= 0 && s->sent != (uint64_t)s->request.size &&
        !s->head.complete)
        return error_set(err, ERROR_INTERNAL, "fewer or more bytes were written than announced");
    s->out_ended = true;
    resume(s, true, false);
    while (!s->head.complete) {
        bool ok = perform(s, err);

        if (s->head.complete)
            break;
        if (!ok || s->done)
            return ok ? error_set(err, ERROR_UNAVAILABLE, "the peer's reply has no end") : false;
        if (!wait_ready(s, WAIT_MS, &idle, err))
            return false;
    }
    *out = s->reply;
    return true;
}

bool http_stream_read(struct http_stream *s, void *p, size_t n, size_t *got, struct error *err)
{
    size_t kept = s->held.n < n ? s->held.n : n;
    bool ok = true, idle = false;

    *got = 0;
    if (!enter(s, err))
        return false;
    if (kept > 0) {
        memcpy(p, s->held.p, kept);
        buf_shift(&s->held, kept);
    }
    s->in = (char *)p + kept;
    s->in_n = 0;
    s->in_size = n - kept;
    if (s->in_size > 0)
        resume(s, false, true);
    while (ok && s->in_n < s->in_size && !s->done && !s->receive_paused) {
        bool some = kept + s->in_n > 0;

        ok = perform(s, some ? NULL : err);
        if (!ok || s->done || s->in_n == s->in_size || s->receive_paused)
            break;
        some = kept + s->in_n > 0;
        ok = wait_ready(s, some ? LINGER_MS : WAIT_MS, &idle, err);
        if (some && idle)
            break;
    }
    *got = kept + s->in_n;
    s->in_size = s->in_n = 0;
    if (*got > 0) /* what went wrong behind these bytes is told by the next call */
        return true;
    return ok && (!s->done || s->code == CURLE_OK || failed(s, err));
}

bool http_stream_body(struct http_stream *s, size_t max, struct str *out, struct error *err)
{
    struct buf b;
    size_t got = 1;
    bool ok = true;

    buf_init(&b, max);
    while (ok && got > 0) {
        char block[4096];

        ok = http_stream_read(s, block, sizeof(block), &got, err);
        if (ok)
            buf_add(&b, block, got);
        if (ok && !buf_ok(&b))
            ok = error_set(err, ERROR_TOO_LARGE, "the reply is over the limit");
    }
    if (ok)
        *out = (struct str){arena_memdup(s->arena, b.p ? b.p : "", b.n), b.n};
    buf_free(&b);
    return ok;
}
