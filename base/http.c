#include "config.h"
#include "base/http.h"
#include "base/buf.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_IDLE = 32, MAX_HEADERS = 128, MAX_HEADER_BYTES = 64 * 1024 };

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
    struct arena *arena;
    struct http_response *out;
    struct buf body;
    size_t header_bytes;
    bool headers_over;
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

static long clamp_ms(uint64_t ms)
{
    return ms > 24 * 3600 * 1000 ? 24 * 3600 * 1000 : (long)ms;
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
    http->timeout_ms = clamp_ms(options->timeout_ms);
    http->connect_timeout_ms = clamp_ms(options->connect_timeout_ms);
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

bool http_value_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* RFC 9110's token, the form of a header's name and of a method. */
static bool token_ok(const char *s)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return *s && strspn(s, allowed) == strlen(s);
}

struct str http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = response->n_headers; i > 0; i--)
        if (str_eq_nocase(str_of(response->headers[i - 1].name), str_of(name)))
            return response->headers[i - 1].value;
    return (struct str){NULL, 0};
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;

    buf_add(&x->body, p, size * n);
    return buf_ok(&x->body) ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    struct str line = {p, size * n}, name, value;

    x->header_bytes += line.n;
    if (x->header_bytes > MAX_HEADER_BYTES) {
        x->headers_over = true;
        return 0;
    }
    if (str_starts(line, STR("HTTP/"))) {
        x->out->n_headers = 0; /* what a 100 Continue brought does not count */
        return line.n;
    }
    if (!str_cut(str_trim(line), ':', &name, &value) || x->out->n_headers == MAX_HEADERS)
        return line.n;
    x->out->headers[x->out->n_headers++] =
        (struct http_header){arena_memdup(x->arena, name.p, name.n), arena_str(x->arena, str_trim(value))};
    return line.n;
}

/* The list holds tokens. */
static void headers_free(struct curl_slist *list)
{
    for (struct curl_slist *l = list; l; l = l->next)
        OPENSSL_cleanse(l->data, strlen(l->data));
    curl_slist_free_all(list);
}

/* The headers as libcurl wants them; NULL and *ERR where one is unfit. "Expect:" keeps libcurl from waiting
 * for a 100 Continue. Free it with headers_free(). */
static struct curl_slist *headers_list(const struct http_request *request, struct error *err)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    struct buf line;

    buf_init(&line, MAX_HEADER_BYTES);
    for (size_t i = 0; list && i < request->n_headers; i++) {
        const struct http_header *h = &request->headers[i];
        struct curl_slist *longer = NULL;

        buf_clear(&line);
        /* libcurl sends a header without a value only when it ends in a semicolon */
        buf_printf(&line, h->value.n ? "%s: " : "%s;", h->name);
        buf_add_str(&line, h->value);
        if (!token_ok(h->name) || !http_value_ok(h->value) || !buf_ok(&line))
            error_set(err, ERROR_BAD_REQUEST, "a header's name or value cannot be sent");
        else
            longer = curl_slist_append(list, line.p);
        if (!longer)
            headers_free(list);
        list = longer;
    }
    if (line.p)
        OPENSSL_cleanse(line.p, line.n);
    buf_free(&line);
    return list;
}

static void set_options(const struct http *http, CURL *curl, struct exchange *x,
                        const struct http_request *request, struct curl_slist *headers)
{
    long timeout = request->timeout_ms ? clamp_ms(request->timeout_ms) : http->timeout_ms;

    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, x->curl_error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     http->connect_timeout_ms ? http->connect_timeout_ms : timeout);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, http->insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, http->insecure ? 0L : 2L);
    if (http->cafile)
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->cafile);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    if (request->body.p) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.p);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
    }
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* libcurl's result in our kinds. Its own words name hosts and ports at most. */
static bool failed(const struct exchange *x, CURLcode code, struct error *err)
{
    const char *text = *x->curl_error ? x->curl_error : curl_easy_strerror(code);
    enum error_kind kind = ERROR_UNAVAILABLE;

    if (x->headers_over || !buf_ok(&x->body)) {
        kind = ERROR_TOO_LARGE;
        text = "the reply is over the limit";
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        kind = ERROR_TIMEOUT;
    } else if (code == CURLE_URL_MALFORMAT) {
        kind = ERROR_BAD_REQUEST;
        text = curl_easy_strerror(code); /* the longer text may quote the URL */
    }
    error_set(err, kind, "%s", text);
    if (err)
        err->code = (int)code;
    return false;
}

bool http_exchange(struct http *http, const struct http_request *request, struct arena *arena,
                   struct http_response *out, struct error *err)
{
    struct exchange x = {.arena = arena, .out = out};
    struct curl_slist *headers;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    CURL *curl;
    long status = 0;
    bool ok = false;

    if (!token_ok(request->method))
        return error_set(err, ERROR_BAD_REQUEST, "the method cannot be sent");
    if (!str_starts(str_of(request->url), STR("http://")) &&
        !str_starts(str_of(request->url), STR("https://")))
        return error_set(err, ERROR_BAD_REQUEST, "the URL does not begin with http:// or https://");
    error_set(err, ERROR_INTERNAL, "libcurl has no memory");
    headers = headers_list(request, err);
    if (!headers)
        return false;
    curl = handle_get(http);
    if (!curl) {
        headers_free(headers);
        return false;
    }
    *out = (struct http_response){.headers = arena_calloc(arena, MAX_HEADERS, sizeof(struct http_header))};
    buf_init(&x.body, http->max_response);
    set_options(http, curl, &x, request, headers);
    code = curl_easy_setopt(curl, CURLOPT_URL, request->url);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        out->status = (int)status;
        out->body = (struct str){arena_memdup(arena, x.body.p, x.body.n), x.body.n};
        error_clear(err);
        ok = true;
    } else {
        failed(&x, code, err);
    }
    handle_put(http, curl);
    headers_free(headers);
    buf_free(&x.body);
    return ok;
}
