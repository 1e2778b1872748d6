#include "config.h"
#include "base/xml_text.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* XML's Char: of ASCII the three blanks and all that is visible, of the rest all but U+FFFE and U+FFFF. */
static bool is_allowed(struct str c)
{
    unsigned char first = (unsigned char)c.p[0];

    if (c.n == 1)
        return first >= 0x20 || first == '\t' || first == '\n' || first == '\r';
    return !(c.n == 3 && memcmp(c.p, "\xef\xbf", 2) == 0 && (unsigned char)c.p[2] >= 0xbe);
}

static void add_char(struct buf *out, struct str c)
{
    if (!is_allowed(c)) {
        buf_add_cstr(out, REPLACEMENT);
        return;
    }
    switch (c.p[0]) {
    case '&': buf_add_cstr(out, "&amp;"); break;
    case '<': buf_add_cstr(out, "&lt;"); break;
    case '>': buf_add_cstr(out, "&gt;"); break; /* for the sake of ]]> */
    case '"': buf_add_cstr(out, "&quot;"); break;
    case '\r': buf_add_cstr(out, "&#13;"); break; /* a parser would make a line feed of it */
    default: buf_add_str(out, c); break;
    }
}

/* Could more bytes make a character of S, which is none? */
static bool is_beginning(struct str s)
{
    static const char *const tails[] = {"\x80",     "\x80\x80", "\x80\x80\x80", "\xa0",
                                        "\xa0\x80", "\x90",     "\x90\x80",     "\x90\x80\x80"};
    char text[8];

    if (s.n == 0 || s.n > 3)
        return false;
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        size_t more = strlen(tails[i]);

        memcpy(text, s.p, s.n);
        memcpy(text + s.n, tails[i], more);
        if (str_utf8_char((struct str){text, s.n + more}) == s.n + more)
            return true;
    }
    return false;
}

/* The bytes at the front of S that are written as they are. */
static size_t plain(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= ' ' && s.p[n] < 0x7f && s.p[n] != '&' && s.p[n] != '<' && s.p[n] != '>' &&
           s.p[n] != '"')
        n++;
    return n;
}

/* All of S but the beginning of a character at its end. Gives what it left. */
static struct str add_chars(struct buf *out, struct str s)
{
    while (s.n) {
        size_t n = plain(s);

        if (n) {
            buf_add(out, s.p, n);
        } else if ((n = str_utf8_char(s))) {
            add_char(out, (struct str){s.p, n});
        } else {
            if (is_beginning(s))
                return s;
            buf_add_cstr(out, REPLACEMENT);
            n = 1;
        }
        s = (struct str){s.p + n, s.n - n};
    }
    return s;
}

void xml_text_add(struct xml_text *t, struct buf *out, struct str piece)
{
    /* A split character first: byte by byte, as few as it needs. */
    while (t->n && piece.n) {
        t->pending[t->n++] = *piece.p;
        piece = (struct str){piece.p + 1, piece.n - 1};
        struct str left = add_chars(out, (struct str){t->pending, t->n});
        memmove(t->pending, left.p, left.n);
        t->n = left.n;
    }
    if (t->n)
        return;
    struct str left = add_chars(out, piece);
    memcpy(t->pending, left.n ? left.p : "", left.n);
    t->n = left.n;
}

void xml_text_end(struct xml_text *t, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++)
        buf_add_cstr(out, REPLACEMENT);
    t->n = 0;
}

void xml_attribute(struct buf *out, const char *name, struct str value, size_t max)
{
    struct xml_text text = {.n = 0};
    struct str left = {value.p, value.n < max ? value.n : max};

    while (left.n < value.n && left.n && ((unsigned char)value.p[left.n] & 0xc0) == 0x80)
        left.n--;
    buf_printf(out, " %s=\"", name);
    /* An attribute's line ends and tabs would become blanks. */
    for (size_t i = 0; i < left.n; i++) {
        if (left.p[i] == '\n' || left.p[i] == '\t') {
            xml_text_end(&text, out);
            buf_printf(out, "&#%d;", left.p[i]);
        } else {
            xml_text_add(&text, out, (struct str){left.p + i, 1});
        }
    }
    xml_text_end(&text, out);
    buf_add_char(out, '"');
}
