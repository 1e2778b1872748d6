#include "config.h"
#include "fcgi/record.h"

#include <string.h>

enum { BEGIN_BODY = 8, ROLE_RESPONDER = 1 };

bool record_parse(const uint8_t *p, struct record *out)
{
    out->type = p[1];
    out->request_id = (uint16_t)(p[2] << 8 | p[3]);
    out->content = (size_t)(p[4] << 8 | p[5]);
    out->padding = p[6];
    return p[0] == 1;
}

static enum record_scan bad(const char **why, const char *what)
{
    *why = what;
    return RECORD_BAD;
}

/* One length of a name-value pair: 1 byte, or 4 where the high bit is set. */
static bool read_length(const uint8_t *p, size_t n, size_t *at, size_t *length)
{
    if (*at >= n)
        return false;
    if (!(p[*at] & 0x80)) {
        *length = p[(*at)++];
        return true;
    }
    if (n - *at < 4)
        return false;
    *length = (size_t)(p[*at] & 0x7f) << 24 | (size_t)p[*at + 1] << 16 | (size_t)p[*at + 2] << 8 | p[*at + 3];
    *at += 4;
    return true;
}

static bool name_is_sane(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] == '=' || p[i] >= 0x7f)
            return false;
    return n > 0;
}

/* The pairs as libfcgi will read them: into "NAME=VALUE" strings that end at a NUL. */
static enum record_scan check_params(const uint8_t *p, size_t n, const char **why)
{
    size_t at = 0, count = 0;

    while (at < n) {
        size_t name, value;

        if (!read_length(p, n, &at, &name) || !read_length(p, n, &at, &value))
            return bad(why, "a parameter's length is cut off");
        if (name > n - at || value > n - at - name)
            return bad(why, "a parameter is longer than what holds it");
        if (!name_is_sane(p + at, name))
            return bad(why, "a parameter's name is malformed");
        if (memchr(p + at + name, '\0', value))
            return bad(why, "a parameter's value has a NUL byte");
        if (++count > RECORD_MAX_PARAMS)
            return bad(why, "too many parameters");
        at += name + value;
    }
    return RECORD_READY;
}

static enum record_scan check_begin(const struct record *rec, const uint8_t *body, const char **why)
{
    if (rec->type != RECORD_BEGIN || rec->request_id == 0 || rec->content != BEGIN_BODY)
        return bad(why, "the connection does not begin with BEGIN_REQUEST");
    if ((body[0] << 8 | body[1]) != ROLE_RESPONDER)
        return bad(why, "only the role RESPONDER is known");
    return RECORD_READY;
}

/* The record at *AT, if it is all there: then *AT moves behind it. */
static enum record_scan next_record(const uint8_t *p, size_t n, size_t *at, struct record *rec,
                                    const char **why)
{
    if (n - *at >= RECORD_HEADER && !record_parse(p + *at, rec))
        return bad(why, "not FastCGI version 1");
    if (n - *at < RECORD_HEADER || n - *at - RECORD_HEADER < rec->content + rec->padding)
        return RECORD_MORE;
    *at += RECORD_HEADER + rec->content + rec->padding;
    return RECORD_READY;
}

enum record_scan record_scan_head(const uint8_t *p, size_t n, uint8_t *scratch, struct record_head *head,
                                  const char **why)
{
    size_t at = 0, n_params = 0;
    struct record rec;
    enum record_scan got = next_record(p, n, &at, &rec, why);

    if (got == RECORD_READY)
        got = check_begin(&rec, p + RECORD_HEADER, why);
    if (got != RECORD_READY)
        return got;
    head->request_id = rec.request_id;
    for (;;) {
        const uint8_t *content = p + at + RECORD_HEADER;

        if (n - at >= RECORD_HEADER && p[at + 1] != RECORD_PARAMS)
            return bad(why, "something else stands between the parameters");
        got = next_record(p, n, &at, &rec, why);
        if (got != RECORD_READY)
            return got == RECORD_MORE && n >= RECORD_MAX_HEAD ? bad(why, "the parameters are too long") : got;
        if (rec.request_id != head->request_id)
            return bad(why, "requests are not multiplexed");
        if (rec.content == 0)
            break;
        if (n_params + rec.content > RECORD_MAX_HEAD)
            return bad(why, "the parameters are too long");
        memcpy(scratch + n_params, content, rec.content);
        n_params += rec.content;
    }
    head->bytes = at;
    if (at > RECORD_MAX_HEAD - RECORD_HEADER)
        return bad(why, "the parameters are too long");
    if (n - at < RECORD_HEADER)
        return RECORD_MORE;
    return check_params(scratch, n_params, why);
}

/* What the header that has just come says. */
static enum record_scan begin_rest(struct record_rest *rest)
{
    struct record rec;

    if (!record_parse(rest->header, &rec) || rec.request_id != rest->request_id || rec.type != RECORD_STDIN)
        return RECORD_BAD;
    rest->left = rec.content + rec.padding;
    rest->last = rec.content == 0;
    rest->n_header = 0;
    return RECORD_MORE;
}

enum record_scan record_skip(struct record_rest *rest, const uint8_t *p, size_t n, size_t *used)
{
    size_t at = 0;

    for (;;) {
        size_t part = rest->left < n - at ? rest->left : n - at;

        rest->left -= part;
        *used = at += part;
        if (rest->left == 0 && rest->last)
            return RECORD_READY;
        if (at == n)
            return RECORD_MORE;
        rest->header[rest->n_header++] = p[at++];
        if (rest->n_header == RECORD_HEADER && begin_rest(rest) == RECORD_BAD)
            return RECORD_BAD;
    }
}
