#include "config.h"
#include "base/http_wire.h"
#include "base/buf.h"

#include <openssl/crypto.h>
#include <string.h>

long http_clamp_ms(uint64_t ms)
{
    return ms > 24 * 3600 * 1000 ? 24 * 3600 * 1000 : (long)ms;
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

/* Whatever the case of its letters, as the filter of imports and libcurl have it. */
static bool has_scheme(struct str url, struct str scheme)
{
    return url.n >= scheme.n && str_eq_nocase((struct str){url.p, scheme.n}, scheme);
}

bool http_request_ok(const struct http_request *request, struct error *err)
{
    if (!token_ok(request->method))
        return error_set(err, ERROR_BAD_REQUEST, "the method cannot be sent");
    if (!has_scheme(str_of(request->url), STR("http://")) &&
        !has_scheme(str_of(request->url), STR("https://")))
        return error_set(err, ERROR_BAD_REQUEST, "the URL does not begin with http:// or https://");
    return true;
}

/* --- headers ------------------------------------------------------------------------------------ */

struct str http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = response->n_headers; i > 0; i--)
        if (str_eq_nocase(str_of(response->headers[i - 1].name), str_of(name)))
            return response->headers[i - 1].value;
    return (struct str){NULL, 0};
}

static void status_line(struct http_head *head, struct str line)
{
    struct str version, rest, status;
    uint64_t value = 0;

    str_cut(line, ' ', &version, &rest);
    str_cut(str_trim(rest), ' ', &status, &rest);
    str_to_u64(status, 999, &value);
    head->out->status = (int)value;
    head->out->n_headers = 0; /* what a 100 Continue brought does not count */
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct http_head *head = arg;
    struct str line = {p, size * n}, name, value;

    head->bytes += line.n;
    if (head->bytes > HTTP_MAX_HEADER_BYTES) {
        head->over = true;
        return 0;
    }
    if (str_starts(line, STR("HTTP/")))
        status_line(head, line);
    else if (str_trim(line).n == 0)
        head->complete = head->complete || head->out->status >= 200;
    else if (!head->complete && str_cut(str_trim(line), ':', &name, &value) &&
             head->out->n_headers < HTTP_MAX_HEADERS)
        head->out->headers[head->out->n_headers++] = (struct http_header){
            arena_memdup(head->arena, name.p, name.n), arena_str(head->arena, str_trim(value))};
    return line.n;
}

void http_head_begin(struct http_head *head, CURL *curl, struct arena *arena, struct http_response *out)
{
    *out =
        (struct http_response){.headers = arena_calloc(arena, HTTP_MAX_HEADERS, sizeof(struct http_header))};
    *head = (struct http_head){.arena = arena, .out = out};
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
}

/* The list holds tokens. */
void http_headers_free(struct curl_slist *list)
{
    for (struct curl_slist *l = list; l; l = l->next)
        OPENSSL_cleanse(l->data, strlen(l->data));
    curl_slist_free_all(list);
}

struct curl_slist *http_headers_list(const struct http_request *request, bool expect, struct error *err)
{
    /* "Expect:" keeps libcurl from waiting for a 100 Continue where it would by itself */
    struct curl_slist *list = curl_slist_append(NULL, expect ? "Expect: 100-continue" : "Expect:");
    struct buf line;

    if (!list)
        error_set(err, ERROR_INTERNAL, "libcurl has no memory");
    buf_init(&line, HTTP_MAX_HEADER_BYTES);
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
            http_headers_free(list);
        list = longer;
    }
    if (line.p)
        OPENSSL_cleanse(line.p, line.n);
    buf_free(&line);
    return list;
}

/* --- options and results ------------------------------------------------------------------------ */

CURLcode http_options_set(CURL *curl, const struct http_request *request, struct curl_slist *headers,
                          const char *cafile, bool insecure)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* "..", where it is a name, is one */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L);
    if (cafile)
        curl_easy_setopt(curl, CURLOPT_CAINFO, cafile);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    return curl_easy_setopt(curl, CURLOPT_URL, request->url);
}

bool http_failed(CURLcode code, const char *text, struct error *err)
{
    enum error_kind kind = ERROR_UNAVAILABLE;

    if (!*text)
        text = curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) {
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
