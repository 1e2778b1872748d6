#include "config.h"
#include "handlers/body.h"
#include "base/base64.h"
#include "base/json_flat.h"
#include "handlers/body_coding.h"
#include "handlers/multipart.h"

#include <string.h>

enum { IN_SIZE = 32768, BASE64_PIECE = 8192 };

enum form { FORM_RAW, FORM_MULTIPART, FORM_JSON };

static const char member_name[] = "subunit_data";

struct body {
    const struct body_limits *limits;
    const struct body_sink *sink;
    enum form form;
    enum body_kind kind; /* of a raw body */
    struct multipart *multipart;
    struct json_flat json;
    struct base64 base64;
    uint64_t stream_bytes;
    unsigned parts;
};

/* --- streams, whatever the form -------------------------------------------------------------------- */

static bool stream_begin(struct body *b, enum body_kind kind, struct error *err)
{
    if (b->parts >= b->limits->max_parts)
        return error_set(err, ERROR_BAD_REQUEST, "more than %u parts \"%s\"", b->limits->max_parts,
                         member_name);
    return b->sink->part_begin(b->sink->ctx, b->parts++, kind, err);
}

static bool stream_data(struct body *b, const void *p, size_t n, struct error *err)
{
    if (n == 0)
        return true;
    if (n > b->limits->max_bytes - b->stream_bytes)
        return error_set_at(err, b->limits->max_bytes, ERROR_BAD_REQUEST,
                            "the stream is larger than %llu bytes", (unsigned long long)b->limits->max_bytes);
    b->stream_bytes += n;
    return b->sink->data(b->sink->ctx, p, n, err);
}

static bool stream_end(struct body *b, struct error *err)
{
    return b->sink->part_end(b->sink->ctx, err);
}

/* Of a media type, with or without parameters; p NULL: none is given. XML says its encoding itself. */
static enum body_kind kind_of(struct str content_type)
{
    struct str type, rest;

    str_cut(content_type, ';', &type, &rest);
    type = str_trim(type);
    return str_eq_nocase(type, STR("application/xml")) || str_eq_nocase(type, STR("text/xml")) ? BODY_XML
                                                                                               : BODY_SUBUNIT;
}

/* --- multipart/form-data --------------------------------------------------------------------------- */

static bool on_part(void *ctx, const struct multipart_part *part, struct error *err)
{
    if (!str_eq_cstr(part->name, member_name))
        return error_set(err, ERROR_BAD_REQUEST, "a part named \"%.*s\"; only \"%s\" is taken",
                         (int)(part->name.n < 100 ? part->name.n : 100), part->name.p, member_name);
    return stream_begin(ctx, kind_of(part->content_type), err);
}

static bool on_part_data(void *ctx, const char *p, size_t n, struct error *err)
{
    return stream_data(ctx, p, n, err);
}

static bool on_part_end(void *ctx, struct error *err)
{
    return stream_end(ctx, err);
}

/* --- {"subunit_data": "<base64>"} ------------------------------------------------------------------ */

static bool on_member(void *ctx, struct str key, struct error *err)
{
    struct body *b = ctx;

    if (!str_eq_cstr(key, member_name))
        return error_set(err, ERROR_BAD_REQUEST, "unknown member \"%.*s\"; only \"%s\" is taken",
                         (int)(key.n < 100 ? key.n : 100), key.p, member_name);
    if (b->parts)
        return error_set(err, ERROR_BAD_REQUEST, "the key \"%s\" twice in one object", member_name);
    b->base64 = BASE64_INIT;
    return stream_begin(b, BODY_SUBUNIT, err);
}

static bool on_value(void *ctx, const char *p, size_t n, struct error *err)
{
    unsigned char out[BASE64_DECODED_MAX(BASE64_PIECE)];
    struct body *b = ctx;

    while (n) {
        size_t piece = n < BASE64_PIECE ? n : BASE64_PIECE;
        size_t got;

        if (!base64_feed(&b->base64, p, piece, out, &got, err) || !stream_data(b, out, got, err))
            return false;
        p += piece;
        n -= piece;
    }
    return true;
}

static bool on_value_end(void *ctx, struct error *err)
{
    struct body *b = ctx;

    return base64_end(&b->base64, err) && stream_end(b, err);
}

/* --- which form ------------------------------------------------------------------------------------ */

static bool set_multipart(struct body *b, struct arena *arena, struct str params, struct error *err)
{
    const struct multipart_sink sink = {b, on_part, on_part_data, on_part_end};
    struct str boundary;

    if (!multipart_boundary(arena, params, &boundary, err))
        return false;
    b->form = FORM_MULTIPART;
    b->multipart = multipart_new(arena, boundary, &sink);
    return true;
}

static bool set_json(struct body *b, struct arena *arena, struct str params, struct error *err)
{
    const struct json_flat_sink sink = {b, on_member, on_value, on_value_end};
    struct str charset;

    if (!multipart_param(arena, params, "charset", &charset) ||
        (charset.p && !str_eq_nocase(charset, STR("utf-8"))))
        return error_set(err, ERROR_MEDIA_TYPE, "JSON is taken as UTF-8 only");
    b->form = FORM_JSON;
    json_flat_init(&b->json, &sink);
    return true;
}

static bool choose_form(struct body *b, struct arena *arena, struct str content_type, struct error *err)
{
    struct str type, params;

    str_cut(content_type, ';', &type, &params);
    params = (struct str){type.p + type.n, content_type.n - type.n};
    type = str_trim(type);
    b->form = FORM_RAW;
    b->kind = kind_of(type);
    if (b->kind == BODY_XML || str_eq_nocase(type, STR("application/octet-stream")) ||
        str_eq_nocase(type, STR("application/x-subunit")))
        return true;
    if (str_eq_nocase(type, STR("multipart/form-data")))
        return set_multipart(b, arena, params, err);
    if (type.n == 0 || str_eq_nocase(type, STR("application/json")))
        return set_json(b, arena, params, err);
    return error_set(err, ERROR_MEDIA_TYPE,
                     "Content-Type \"%.*s\" is not taken; application/octet-stream, application/x-subunit, "
                     "application/xml, text/xml, multipart/form-data and application/json are",
                     (int)(type.n < 100 ? type.n : 100), type.p);
}

/* --- the whole ------------------------------------------------------------------------------------- */

static bool on_decompressed(void *ctx, const char *p, size_t n, struct error *err)
{
    struct body *b = ctx;

    switch (b->form) {
    case FORM_MULTIPART: return multipart_feed(b->multipart, p, n, err);
    case FORM_JSON: return json_flat_feed(&b->json, p, n, err);
    case FORM_RAW: break;
    }
    return stream_data(b, p, n, err);
}

static bool form_end(struct body *b, struct error *err)
{
    if (b->form == FORM_RAW)
        return stream_end(b, err);
    if (b->form == FORM_MULTIPART && !multipart_end(b->multipart, err))
        return false;
    if (b->form == FORM_JSON && !json_flat_end(&b->json, err))
        return false;
    return b->parts || error_set(err, ERROR_BAD_REQUEST, "no \"%s\" in the body", member_name);
}

static bool pump(struct request *r, struct body *b, struct body_coding *coding, struct error *err)
{
    char *in = arena_alloc(r->arena, IN_SIZE);
    size_t got;

    if (b->form == FORM_RAW && !stream_begin(b, b->kind, err))
        return false;
    do {
        if (!request_body_read(r, in, IN_SIZE, &got, err) || !body_coding_feed(coding, in, got, err))
            return false;
    } while (got);
    return body_coding_end(coding, err) && form_end(b, err);
}

bool body_decode(struct request *r, const struct body_limits *limits, const struct body_sink *sink,
                 struct error *err)
{
    struct body b = {.limits = limits, .sink = sink};
    enum body_coding_kind kind;

    if (!body_coding_kind(request_header(r, "Content-Encoding"), &kind, err) ||
        !choose_form(&b, r->arena, request_header(r, "Content-Type"), err))
        return false;
    /* What wraps the streams may be a third larger than they (base64), and has headers. */
    uint64_t most = limits->max_bytes / 3 * 4 + 1024 * 1024;
    struct body_coding *coding = body_coding_new(kind, most, limits->max_ratio, on_decompressed, &b);
    bool ok = pump(r, &b, coding, err);
    body_coding_free(coding);
    return ok;
}
