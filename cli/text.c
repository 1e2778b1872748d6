#include "config.h"
#include "cli/text.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

enum { MAX_MARKS = 4 }; /* combining marks on one character that are shown as such */

void text_init(void)
{
    /* the output is UTF-8 wherever it goes: what widths need is not the user's language */
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        setlocale(LC_CTYPE, "");
}

/* The character that S begins with, of N bytes; 0 bytes where it begins with none. */
static uint32_t decode(struct str s, size_t *n)
{
    const unsigned char *p = (const unsigned char *)s.p;

    *n = str_utf8_char(s);
    switch (*n) {
    case 1: return p[0];
    case 2: return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    case 3: return (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    case 4: return (p[0] & 0x07U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU);
    default: return 0;
    }
}

/* Characters that are not what they look like: they turn the direction, or cannot be seen. The joiners (200C,
 * 200D) stay: languages and emoji need them. */
static bool is_format(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static size_t add_escape(struct buf *out, uint32_t c)
{
    static const char letters[] = "\n\t\r", names[] = "ntr";
    const char *at = c ? memchr(letters, (int)c, 3) : NULL;
    size_t before = out->n;

    if (at && c < 0x80)
        buf_printf(out, "\\%c", names[at - letters]);
    else
        buf_printf(out, c < 0x80 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    return out->n - before;
}

/* The columns of a character, -1 where it must be escaped. */
static int width_of(uint32_t c, unsigned *marks)
{
    int width;

    if (is_control(c) || is_format(c))
        return -1;
    width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
    *marks = width == 0 ? *marks + 1 : 0;
    return *marks > MAX_MARKS ? -1 : width;
}

size_t text_escape(struct buf *out, struct str s)
{
    size_t columns = 0, n;
    unsigned marks = MAX_MARKS; /* nothing stands before the first that a mark could go on */

    for (size_t i = 0; i < s.n; i += n) {
        uint32_t c = decode((struct str){s.p + i, s.n - i}, &n);
        int width = n ? width_of(c, &marks) : -1;

        if (width >= 0) {
            buf_add(out, s.p + i, n);
            columns += (size_t)width;
        } else if (n) {
            columns += add_escape(out, c);
        } else {
            buf_printf(out, "\\x%02x", (unsigned char)s.p[i]);
            columns += 4;
            n = 1;
        }
    }
    return columns;
}

size_t text_width(struct str s)
{
    size_t columns = 0, n;

    for (size_t i = 0; i < s.n; i += n) {
        uint32_t c = decode((struct str){s.p + i, s.n - i}, &n);
        int width = n ? wcwidth((wchar_t)c) : 1;

        columns += width > 0 ? (size_t)width : 0;
        n = n ? n : 1;
    }
    return columns;
}

size_t text_cut(struct buf *out, struct str s, size_t width)
{
    size_t columns = text_width(s), taken = 0, n;

    if (columns <= width) {
        buf_add_str(out, s);
        return columns;
    }
    for (size_t i = 0; i < s.n && width > 0; i += n) {
        uint32_t c = decode((struct str){s.p + i, s.n - i}, &n);
        int w = n ? wcwidth((wchar_t)c) : 1;

        w = w > 0 ? w : 0;
        n = n ? n : 1;
        if (taken + (size_t)w > width - 1)
            break;
        buf_add(out, s.p + i, n);
        taken += (size_t)w;
    }
    if (width == 0)
        return 0;
    buf_add_cstr(out, "\xe2\x80\xa6");
    return taken + 1;
}

void text_json(struct buf *out, struct str json)
{
    size_t n;

    for (size_t i = 0; i < json.n; i += n) {
        uint32_t c = decode((struct str){json.p + i, json.n - i}, &n);

        if (n > 1 && c < 0x10000 && (is_control(c) || is_format(c)))
            buf_printf(out, "\\u%04x", c);
        else if (n > 1 && is_format(c))
            buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ff));
        else
            buf_add(out, json.p + i, n ? n : 1);
        n = n ? n : 1;
    }
}
