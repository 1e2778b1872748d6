#include "config.h"
#include "base/json.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A handler that writes what is not JSON has a bug that no client should get to see. */
static void must(bool ok, const char *what)
{
    if (ok)
        return;
    log_error("json writer: %s", what);
    abort();
}

void json_writer_init(struct json_writer *w, struct buf *buf)
{
    *w = (struct json_writer){.buf = buf};
}

static uint64_t level_bit(const struct json_writer *w)
{
    return 1ULL << (w->depth - 1);
}

/* What stands before a value: a comma, or nothing behind a key. */
static void before_value(struct json_writer *w)
{
    if (w->depth == 0)
        return;
    if (w->in_object & level_bit(w)) {
        must(w->after_key, "a value without a key in an object");
        w->after_key = false;
        return;
    }
    if (w->has_items & level_bit(w))
        buf_add_char(w->buf, ',');
    w->has_items |= level_bit(w);
}

static void begin(struct json_writer *w, bool object)
{
    before_value(w);
    must(w->depth < 64, "more than 64 levels");
    w->depth++;
    w->has_items &= ~level_bit(w);
    if (object)
        w->in_object |= level_bit(w);
    else
        w->in_object &= ~level_bit(w);
    buf_add_char(w->buf, object ? '{' : '[');
}

static void end(struct json_writer *w, bool object)
{
    must(w->depth > 0 && !w->after_key && !(w->in_object & level_bit(w)) == !object, "a wrong end");
    w->depth--;
    buf_add_char(w->buf, object ? '}' : ']');
}

void json_obj_begin(struct json_writer *w)
{
    begin(w, true);
}

void json_obj_end(struct json_writer *w)
{
    end(w, true);
}

void json_arr_begin(struct json_writer *w)
{
    begin(w, false);
}

void json_arr_end(struct json_writer *w)
{
    end(w, false);
}

/* --- strings -------------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_control(struct buf *b, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i < sizeof(shorts) - 1; i += 2)
        if ((unsigned char)shorts[i] == c) {
            buf_add(b, (const char[]){'\\', shorts[i + 1]}, 2);
            return;
        }
    buf_printf(b, "\\u%04x", c);
}

/* How long the character that begins with C claims to be. */
static size_t claimed(unsigned char c)
{
    return c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
}

/* Adds S but, unless it is FINAL, a last character that is not whole yet; returns the bytes used. */
static size_t add_text(struct buf *b, struct str s, bool final)
{
    size_t i = 0;

    while (i < s.n) {
        const unsigned char *p = (const unsigned char *)s.p + i;
        size_t run = 0;

        while (i + run < s.n && is_plain(p[run]))
            run++;
        if (run) {
            buf_add(b, p, run);
            i += run;
            continue;
        }
        size_t len = str_utf8_char((struct str){(const char *)p, s.n - i});
        if (len == 0 && !final && s.n - i < claimed(*p))
            return i;
        if (len == 0)
            buf_add(b, "\xef\xbf\xbd", 3);
        else if (len == 1)
            add_control(b, *p);
        else if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
            buf_add_cstr(b, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
        else
            buf_add(b, p, len);
        i += len ? len : 1;
    }
    return i;
}

static void add_string(struct buf *b, struct str s)
{
    buf_add_char(b, '"');
    add_text(b, s, true);
    buf_add_char(b, '"');
}

void json_key_s(struct json_writer *w, struct str key)
{
    must(w->depth > 0 && (w->in_object & level_bit(w)) && !w->after_key, "a key outside an object");
    if (w->has_items & level_bit(w))
        buf_add_char(w->buf, ',');
    w->has_items |= level_bit(w);
    add_string(w->buf, key);
    buf_add_char(w->buf, ':');
    w->after_key = true;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_s(w, str_of(key));
}

void json_str(struct json_writer *w, struct str s)
{
    if (!s.p) {
        json_null(w);
        return;
    }
    before_value(w);
    add_string(w->buf, s);
}

void json_cstr(struct json_writer *w, const char *s)
{
    json_str(w, str_of(s));
}

void json_str_begin(struct json_writer *w, struct json_str_state *s)
{
    s->n = 0;
    before_value(w);
    buf_add_char(w->buf, '"');
}

void json_str_piece(struct json_writer *w, struct json_str_state *s, struct str piece)
{
    size_t used;

    while (s->n && piece.n) {
        s->held[s->n++] = (unsigned char)*piece.p++;
        piece.n--;
        used = add_text(w->buf, (struct str){(const char *)s->held, s->n}, false);
        s->n -= (unsigned)used;
        memmove(s->held, s->held + used, s->n);
    }
    used = add_text(w->buf, piece, false);
    if (used < piece.n) {
        memcpy(s->held, piece.p + used, piece.n - used);
        s->n = (unsigned)(piece.n - used);
    }
}

void json_str_end(struct json_writer *w, struct json_str_state *s)
{
    add_text(w->buf, (struct str){(const char *)s->held, s->n}, true);
    s->n = 0;
    buf_add_char(w->buf, '"');
}

/* --- other values --------------------------------------------------------------------------------- */

void json_i64(struct json_writer *w, int64_t v)
{
    before_value(w);
    buf_printf(w->buf, "%lld", (long long)v);
}

void json_u64(struct json_writer *w, uint64_t v)
{
    before_value(w);
    buf_printf(w->buf, "%llu", (unsigned long long)v);
}

void json_bool(struct json_writer *w, bool v)
{
    before_value(w);
    buf_add_cstr(w->buf, v ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    before_value(w);
    buf_add_cstr(w->buf, "null");
}

void json_double(struct json_writer *w, double v)
{
    char text[40];

    if (!isfinite(v)) {
        json_null(w);
        return;
    }
    before_value(w);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v) /* as exact as a double can be: no tolerance is meant */
            break;
    }
    buf_add_cstr(w->buf, text);
}

void json_raw(struct json_writer *w, struct str text)
{
    before_value(w);
    buf_add_str(w->buf, text);
}

void json_value(struct json_writer *w, const struct json *v)
{
    if (!v) {
        json_null(w);
        return;
    }
    switch (v->type) {
    case JSON_NULL: json_null(w); return;
    case JSON_BOOL: json_bool(w, v->boolean); return;
    case JSON_NUMBER: json_raw(w, v->str); return;
    case JSON_STRING: json_str(w, v->str); return;
    case JSON_ARRAY: json_arr_begin(w); break;
    case JSON_OBJECT: json_obj_begin(w); break;
    }
    /* No deeper than the parser lets a text be. */
    for (const struct json *m = v->first; m; m = m->next) {
        if (v->type == JSON_OBJECT)
            json_key_s(w, m->key);
        json_value(w, m);
    }
    end(w, v->type == JSON_OBJECT);
}

void json_key_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_str(w, s);
}

void json_key_cstr(struct json_writer *w, const char *key, const char *s)
{
    json_key(w, key);
    json_cstr(w, s);
}

void json_key_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_i64(w, v);
}

void json_key_u64(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_u64(w, v);
}

void json_key_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_bool(w, v);
}

void json_key_null(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_null(w);
}

void json_key_double(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_double(w, v);
}
