#include "config.h"
#include "handlers/uri.h"
#include "base/buf.h"

#include <string.h>

void uri_split(struct str target, struct str *path, struct str *query)
{
    str_cut(target, '?', path, query);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Decodes RAW into OUT, which has room for RAW.n bytes and a NUL. */
static bool decode(struct str raw, bool plus_is_blank, char *out, size_t *n, struct error *err)
{
    if (!str_percent_decode(raw, plus_is_blank, out, n))
        return error_set(err, ERROR_BAD_REQUEST, "malformed percent-encoding in the URL");
    if (memchr(out, '\0', *n))
        return error_set(err, ERROR_BAD_REQUEST, "the URL has a NUL byte");
    if (!str_is_utf8((struct str){out, *n}))
        return error_set(err, ERROR_BAD_REQUEST, "the URL is not valid UTF-8");
    return true;
}

static bool has_encoded_slash(struct str raw)
{
    for (size_t i = 0; i + 2 < raw.n; i++)
        if (raw.p[i] == '%' && raw.p[i + 1] == '2' && (raw.p[i + 2] == 'F' || raw.p[i + 2] == 'f'))
            return true;
    return false;
}

static bool check_segments(struct str path, struct error *err)
{
    struct str rest = path;

    for (size_t i = 0; i < path.n; i++)
        if (is_control(path.p[i]))
            return error_set(err, ERROR_BAD_REQUEST, "the path has a control character");
    while (rest.n > 0) {
        struct str segment;

        str_cut(rest, '/', &segment, &rest);
        if (str_eq_cstr(segment, ".") || str_eq_cstr(segment, ".."))
            return error_set(err, ERROR_BAD_REQUEST, "the path has a segment \"%.*s\"", STR_ARG(segment));
    }
    return true;
}

bool uri_decode_path(struct arena *arena, struct str raw, struct str *path, struct error *err)
{
    char *out;
    size_t n;

    if (raw.n == 0 || raw.p[0] != '/')
        return error_set(err, ERROR_BAD_REQUEST, "the request target is not a path");
    if (raw.n > URI_MAX_BYTES)
        return error_set(err, ERROR_BAD_REQUEST, "the URL is longer than %d bytes", URI_MAX_BYTES);
    out = arena_alloc(arena, raw.n + 1);
    if (!decode(raw, false, out, &n, err))
        return false;
    *path = (struct str){out, n};
    if (!check_segments(*path, err))
        return false;
    if (has_encoded_slash(raw))
        return error_set(err, ERROR_NOT_FOUND, "no such resource");
    return true;
}

static bool parse_param(struct arena *arena, struct str piece, struct query_param *param, struct error *err)
{
    struct str name, value;
    char *out = arena_alloc(arena, piece.n + 2);
    size_t n;

    str_cut(piece, '=', &name, &value);
    if (!decode(name, true, out, &n, err))
        return false;
    param->name = (struct str){out, n};
    if (n == 0)
        return error_set(err, ERROR_BAD_REQUEST, "a query parameter has no name");
    for (size_t i = 0; i < n; i++)
        if (is_control(out[i]))
            return error_set(err, ERROR_BAD_REQUEST, "a query parameter's name has a control character");
    out += n + 1;
    if (!decode(value, true, out, &n, err))
        return false;
    param->value = (struct str){out, n};
    param->used = false;
    return true;
}

bool uri_parse_query(struct arena *arena, struct str raw, struct query_param **params, size_t *n,
                     struct error *err)
{
    size_t pieces = 1;
    struct str rest = raw;

    *n = 0;
    *params = NULL;
    if (raw.n == 0)
        return true;
    if (raw.n > URI_MAX_BYTES)
        return error_set(err, ERROR_BAD_REQUEST, "the URL is longer than %d bytes", URI_MAX_BYTES);
    for (size_t i = 0; i < raw.n; i++)
        pieces += raw.p[i] == '&';
    if (pieces > URI_MAX_PARAMS)
        return error_set(err, ERROR_BAD_REQUEST, "more than %d query parameters", URI_MAX_PARAMS);
    *params = arena_calloc(arena, pieces, sizeof(**params));
    while (rest.n > 0) {
        struct str piece;

        str_cut(rest, '&', &piece, &rest);
        if (piece.n == 0)
            continue;
        if (!parse_param(arena, piece, &(*params)[*n], err))
            return false;
        (*n)++;
    }
    return true;
}

void uri_encode(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '.' || c == '_' || c == '~')
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}
