#include "config.h"
#include "base/json_flat.h"

#include <stdio.h>
#include <string.h>

enum state {
    BEFORE_OBJECT,
    FIRST_KEY, /* a key or the object's end */
    NEXT_KEY,  /* a key */
    IN_STRING,
    IN_ESCAPE,    /* held has the backslash and what came of it */
    IN_CHARACTER, /* held has the first bytes of a UTF-8 character */
    COLON,
    VALUE,
    AFTER_VALUE,
    AFTER_OBJECT,
};

void json_flat_init(struct json_flat *f, const struct json_flat_sink *sink)
{
    memset(f, 0, sizeof(*f));
    f->sink = *sink;
    f->line = 1;
    f->state = BEFORE_OBJECT;
}

static bool fail(struct json_flat *f, struct error *err, const char *what)
{
    return error_set_at(err, f->offset, ERROR_BAD_REQUEST, "malformed JSON at line %llu column %llu: %s",
                        (unsigned long long)f->line, (unsigned long long)(f->offset - f->line_start + 1),
                        what);
}

/* Decoded bytes of the string that we are in. */
static bool give(struct json_flat *f, const void *p, size_t n, struct error *err)
{
    if (f->in_value)
        return n == 0 || f->sink.data(f->sink.ctx, p, n, err);
    if (n > sizeof(f->key) - f->n_key) {
        f->offset += sizeof(f->key) - f->n_key; /* at the first that is too much */
        return fail(f, err, "a key of more than 256 bytes");
    }
    memcpy(f->key + f->n_key, p, n);
    f->n_key += n;
    return true;
}

static bool string_end(struct json_flat *f, struct error *err)
{
    if (f->in_value) {
        f->state = AFTER_VALUE;
        return f->sink.end(f->sink.ctx, err);
    }
    f->state = COLON;
    return f->sink.member(f->sink.ctx, (struct str){f->key, f->n_key}, err);
}

/* --- escapes -------------------------------------------------------------------------------------- */

static int hex(unsigned char c)
{
    return str_hex_digit((char)c);
}

static unsigned hex4(const unsigned char *p)
{
    return (unsigned)(hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 | hex(p[3]));
}

static bool give_code_point(struct json_flat *f, unsigned c, struct error *err)
{
    unsigned char out[4];
    size_t n = 0;

    if (c < 0x80) {
        out[n++] = (unsigned char)c;
    } else if (c < 0x800) {
        out[n++] = (unsigned char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        out[n++] = (unsigned char)(0xe0 | c >> 12);
        out[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    } else {
        out[n++] = (unsigned char)(0xf0 | c >> 18);
        out[n++] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
        out[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        out[n++] = (unsigned char)(0x80 | (c & 0x3f));
    f->state = IN_STRING;
    f->n_held = 0;
    return give(f, out, n, err);
}

/* held is \uXXXX, or that and \uXXXX of the second half. */
static bool unicode_escape(struct json_flat *f, struct error *err)
{
    unsigned c = hex4(f->held + 2);

    if (f->n_held == 12) {
        unsigned low = hex4(f->held + 8);

        if (low < 0xdc00 || low > 0xdfff)
            return fail(f, err, "half of a surrogate pair");
        return give_code_point(f, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), err);
    }
    if (c >= 0xdc00 && c <= 0xdfff)
        return fail(f, err, "half of a surrogate pair");
    if (c >= 0xd800 && c <= 0xdbff)
        return true; /* its second half must follow */
    return give_code_point(f, c, err);
}

static bool in_escape(struct json_flat *f, unsigned char c, struct error *err)
{
    static const char shorts[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    unsigned at = f->n_held;

    f->held[f->n_held++] = c;
    if (at == 1 && c != 'u') {
        for (size_t i = 0; i < sizeof(shorts) - 1; i += 2)
            if (shorts[i] == (char)c)
                return give_code_point(f, (unsigned char)shorts[i + 1], err);
        return fail(f, err, "an escape that JSON does not have");
    }
    if ((at == 6 && c != '\\') || (at == 7 && c != 'u'))
        return fail(f, err, "half of a surrogate pair");
    if (((at >= 2 && at <= 5) || at >= 8) && hex(c) < 0)
        return fail(f, err, "\\u without four hexadecimal digits");
    if (f->n_held == 6 || f->n_held == 12)
        return unicode_escape(f, err);
    return true;
}

/* --- characters ----------------------------------------------------------------------------------- */

static bool in_character(struct json_flat *f, unsigned char c, struct error *err)
{
    static const unsigned char lengths[16] = {[0xc] = 2, [0xd] = 2, [0xe] = 3, [0xf] = 4};
    unsigned want;

    f->held[f->n_held++] = c;
    want = lengths[f->held[0] >> 4];
    if (want == 0 || (f->n_held > 1 && (c & 0xc0) != 0x80))
        return fail(f, err, "not UTF-8");
    if (f->n_held < want)
        return true;
    struct str s = {(const char *)f->held, f->n_held};
    if (str_utf8_char(s) != s.n)
        return fail(f, err, "not UTF-8");
    f->state = IN_STRING;
    f->n_held = 0;
    return give(f, s.p, s.n, err);
}

/* A byte in a string that is no plain ASCII character. */
static bool in_string(struct json_flat *f, unsigned char c, struct error *err)
{
    if (c == '"')
        return string_end(f, err);
    if (c < 0x20)
        return fail(f, err, "a control character in a string");
    if (c >= 0x80) {
        f->state = IN_CHARACTER;
        return in_character(f, c, err);
    }
    f->state = IN_ESCAPE;
    f->held[f->n_held++] = c;
    return true;
}

/* Has one of the eight bytes the value of those of PATTERN? Classic bit tricks: a byte that is 0 after the
 * XOR borrows into its highest bit; bytes of 0x80 and more were looked for before. */
static bool has_byte(uint64_t w, uint64_t pattern)
{
    uint64_t x = w ^ pattern;

    return ((x - 0x0101010101010101) & ~x & 0x8080808080808080) != 0;
}

/* How many bytes of P stand for themselves. */
static size_t plain(const char *p, size_t n)
{
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t w;

        memcpy(&w, p + i, 8);
        /* 0x60 added sets the highest bit of a byte from 0x20 to 0x7f, and of no other without a carry */
        if ((w & 0x8080808080808080) || (~(w + 0x6060606060606060) & 0x8080808080808080) ||
            has_byte(w, 0x2222222222222222) || has_byte(w, 0x5c5c5c5c5c5c5c5c))
            break;
    }
    while (i < n) {
        unsigned char c = (unsigned char)p[i];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        i++;
    }
    return i;
}

/* --- what stands between strings ------------------------------------------------------------------ */

static bool between(struct json_flat *f, char c, struct error *err)
{
    if (c == '\n') {
        f->line++;
        f->line_start = f->offset + 1;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return true;
    if (c == '"' && (f->state == FIRST_KEY || f->state == NEXT_KEY || f->state == VALUE)) {
        f->in_value = f->state == VALUE;
        f->n_key = 0;
        f->state = IN_STRING;
        return true;
    }
    if (f->state == BEFORE_OBJECT && c == '{')
        f->state = FIRST_KEY;
    else if ((f->state == FIRST_KEY || f->state == AFTER_VALUE) && c == '}')
        f->state = AFTER_OBJECT;
    else if (f->state == COLON && c == ':')
        f->state = VALUE;
    else if (f->state == AFTER_VALUE && c == ',')
        f->state = NEXT_KEY;
    else
        return fail(f, err,
                    f->state == BEFORE_OBJECT  ? "an object is expected"
                    : f->state == AFTER_OBJECT ? "something behind the object"
                    : f->state == VALUE        ? "the value must be a string"
                    : f->state == COLON        ? "a colon is expected"
                    : f->state == AFTER_VALUE  ? "a comma or } is expected"
                                               : "a key is expected");
    return true;
}

bool json_flat_feed(struct json_flat *f, const char *p, size_t n, struct error *err)
{
    size_t i = 0;

    while (i < n) {
        bool ok;
        size_t run = f->state == IN_STRING ? plain(p + i, n - i) : 0;

        if (run) {
            if (!give(f, p + i, run, err))
                return false;
            i += run;
            f->offset += run;
            continue;
        }
        if (f->state == IN_STRING)
            ok = in_string(f, (unsigned char)p[i], err);
        else if (f->state == IN_ESCAPE)
            ok = in_escape(f, (unsigned char)p[i], err);
        else if (f->state == IN_CHARACTER)
            ok = in_character(f, (unsigned char)p[i], err);
        else
            ok = between(f, p[i], err);
        if (!ok)
            return false;
        i++;
        f->offset++;
    }
    return true;
}

bool json_flat_end(struct json_flat *f, struct error *err)
{
    if (f->state == AFTER_OBJECT)
        return true;
    return fail(f, err, f->state == BEFORE_OBJECT ? "nothing there" : "it ends too early");
}
