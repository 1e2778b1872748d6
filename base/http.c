#include "config.h"
#include "base/http.h"
#include "base/buf.h"
#include "base/http_wire.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_IDLE = 32 };

struct http {
    char *cafile; /* NULL: the system's */
    bool insecure;
    long connect_timeout_ms;
    long timeout_ms;
    size_t max_response;
    pthread_mutex_t lock;
    CURL *idle[MAX_IDLE];
    size_t n_idle;
};

/* What the callbacks of one exchange work on. */
struct exchange {
    struct http_head head;
    struct buf body;
    char curl_error[CURL_ERROR_SIZE];
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static CURLcode init_result;

static void init(void)
{
    init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool http_init(struct error *err)
{
    pthread_once(&init_once, init);
    if (init_result != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl does not start: %s", curl_easy_strerror(init_result));
    return true;
}

struct http *http_new(const struct http_options *options, struct error *err)
{
    struct http *http;

    if (!http_init(err))
        return NULL;
    if (options->cafile && *options->cafile && access(options->cafile, R_OK) != 0) {
        error_set(err, ERROR_BAD_REQUEST, "the CA file %s cannot be read", options->cafile);
        return NULL;
    }
    http = mem_calloc(1, sizeof(*http));
    if (options->cafile && *options->cafile)
        http->cafile = mem_strdup(options->cafile);
    http->insecure = options->insecure;
    http->timeout_ms = http_clamp_ms(options->timeout_ms);
    http->connect_timeout_ms = http_clamp_ms(options->connect_timeout_ms);
    http->max_response = options->max_response;
    pthread_mutex_init(&http->lock, NULL);
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->n_idle; i++)
        curl_easy_cleanup(http->idle[i]);
    pthread_mutex_destroy(&http->lock);
    free(http->cafile);
    free(http);
}

/* The handle used last comes first, so that few connections are kept warm and the others may age. */
static CURL *handle_get(struct http *http)
{
    CURL *curl = NULL;

    pthread_mutex_lock(&http->lock);
    if (http->n_idle)
        curl = http->idle[--http->n_idle];
    pthread_mutex_unlock(&http->lock);
    return curl ? curl : curl_easy_init();
}

static void handle_put(struct http *http, CURL *curl)
{
    curl_easy_reset(curl); /* forgets pointers into the exchange, keeps the connection */
    pthread_mutex_lock(&http->lock);
    if (http->n_idle < MAX_IDLE) {
        http->idle[http->n_idle++] = curl;
        curl = NULL;
    }
    pthread_mutex_unlock(&http->lock);
    if (curl)
        curl_easy_cleanup(curl);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;

    buf_add(&x->body, p, size * n);
    return buf_ok(&x->body) ? size * n : 0;
}

static CURLcode set_options(const struct http *http, CURL *curl, struct exchange *x,
                            const struct http_request *request, struct curl_slist *headers)
{
    long timeout = request->timeout_ms ? http_clamp_ms(request->timeout_ms) : http->timeout_ms;

    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, x->curl_error);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     http->connect_timeout_ms ? http->connect_timeout_ms : timeout);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    if (request->body.p) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.p);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
    }
    return http_options_set(curl, request, headers, http->cafile, http->insecure);
}

static bool failed(const struct exchange *x, CURLcode code, struct error *err)
{
    if (!x->head.over && buf_ok(&x->body))
        return http_failed(code, x->curl_error, err);
    error_set(err, ERROR_TOO_LARGE, "the reply is over the limit");
    if (err)
        err->code = (int)code;
    return false;
}

bool http_exchange(struct http *http, const struct http_request *request, struct arena *arena,
                   struct http_response *out, struct error *err)
{
    struct exchange x = {.curl_error = ""};
    struct curl_slist *headers;
    CURLcode code;
    CURL *curl;
    bool ok = false;

    if (!http_request_ok(request, err))
        return false;
    headers = http_headers_list(request, false, err);
    if (!headers)
        return false;
    curl = handle_get(http);
    if (!curl) {
        http_headers_free(headers);
        return error_set(err, ERROR_INTERNAL, "libcurl has no memory");
    }
    buf_init(&x.body, http->max_response);
    http_head_begin(&x.head, curl, arena, out);
    code = set_options(http, curl, &x, request, headers);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        out->body = (struct str){arena_memdup(arena, x.body.p, x.body.n), x.body.n};
        error_clear(err);
        ok = true;
    } else {
        failed(&x, code, err);
    }
    handle_put(http, curl);
    http_headers_free(headers);
    buf_free(&x.body);
    return ok;
}
