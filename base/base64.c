#include "config.h"
#include "base/base64.h"

/* What a character is: V and its six bits, or one of the others. */
enum { BAD, PAD, SKIP, V = 64 };

static const unsigned char values[256] = {
    ['A'] = V + 0,  ['B'] = V + 1,  ['C'] = V + 2,  ['D'] = V + 3,  ['E'] = V + 4,  ['F'] = V + 5,
    ['G'] = V + 6,  ['H'] = V + 7,  ['I'] = V + 8,  ['J'] = V + 9,  ['K'] = V + 10, ['L'] = V + 11,
    ['M'] = V + 12, ['N'] = V + 13, ['O'] = V + 14, ['P'] = V + 15, ['Q'] = V + 16, ['R'] = V + 17,
    ['S'] = V + 18, ['T'] = V + 19, ['U'] = V + 20, ['V'] = V + 21, ['W'] = V + 22, ['X'] = V + 23,
    ['Y'] = V + 24, ['Z'] = V + 25, ['a'] = V + 26, ['b'] = V + 27, ['c'] = V + 28, ['d'] = V + 29,
    ['e'] = V + 30, ['f'] = V + 31, ['g'] = V + 32, ['h'] = V + 33, ['i'] = V + 34, ['j'] = V + 35,
    ['k'] = V + 36, ['l'] = V + 37, ['m'] = V + 38, ['n'] = V + 39, ['o'] = V + 40, ['p'] = V + 41,
    ['q'] = V + 42, ['r'] = V + 43, ['s'] = V + 44, ['t'] = V + 45, ['u'] = V + 46, ['v'] = V + 47,
    ['w'] = V + 48, ['x'] = V + 49, ['y'] = V + 50, ['z'] = V + 51, ['0'] = V + 52, ['1'] = V + 53,
    ['2'] = V + 54, ['3'] = V + 55, ['4'] = V + 56, ['5'] = V + 57, ['6'] = V + 58, ['7'] = V + 59,
    ['8'] = V + 60, ['9'] = V + 61, ['+'] = V + 62, ['/'] = V + 63, ['='] = PAD,    ['\r'] = SKIP,
    ['\n'] = SKIP,
};

static bool fail(const struct base64 *b, const char *what, struct error *err)
{
    return error_set_at(err, b->offset, ERROR_BAD_REQUEST, "base64, character %llu: %s",
                        (unsigned long long)b->offset, what);
}

/* Four characters, the padding among them. */
static bool group_end(struct base64 *b, unsigned char *out, size_t *got, struct error *err)
{
    if (b->bits & (b->n_pad == 2 ? 0xffff : b->n_pad == 1 ? 0xff : 0))
        return fail(b, "bits that no byte has in front of the padding", err);
    out[(*got)++] = (unsigned char)(b->bits >> 16);
    if (b->n_pad < 2)
        out[(*got)++] = (unsigned char)(b->bits >> 8);
    if (b->n_pad < 1)
        out[(*got)++] = (unsigned char)b->bits;
    b->ended = b->n_pad > 0;
    b->bits = 0;
    b->n_chars = b->n_pad = 0;
    return true;
}

static bool one(struct base64 *b, unsigned char v, unsigned char *out, size_t *got, struct error *err)
{
    if (v == SKIP)
        return true;
    if (v == BAD)
        return fail(b, "not a character of base64", err);
    if (b->ended)
        return fail(b, "something behind the padding", err);
    if (v == PAD && b->n_chars < 2)
        return fail(b, "padding where none belongs", err);
    if (v != PAD && b->n_pad)
        return fail(b, "padding in the middle", err);
    b->n_pad += v == PAD;
    b->bits = b->bits << 6 | (v == PAD ? 0u : v & 63u);
    return ++b->n_chars < 4 || group_end(b, out, got, err);
}

/* Decodes whole groups of plain characters, which is nearly all of a text; returns the characters used. */
static size_t groups(const unsigned char *s, size_t n, unsigned char *out)
{
    size_t i = 0;

    for (; n - i >= 4; i += 4, out += 3) {
        unsigned a = values[s[i]], b = values[s[i + 1]], c = values[s[i + 2]], d = values[s[i + 3]];
        unsigned bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);

        if (!(a & b & c & d & V))
            break;
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
    }
    return i;
}

bool base64_feed(struct base64 *b, const char *p, size_t n, unsigned char *out, size_t *got,
                 struct error *err)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t i = 0;

    *got = 0;
    while (i < n) {
        if (b->n_chars == 0 && !b->ended) {
            size_t used = groups(s + i, n - i, out + *got);

            i += used;
            *got += used / 4 * 3;
            b->offset += used;
            if (i == n)
                break;
        }
        if (!one(b, values[s[i]], out, got, err))
            return false;
        i++;
        b->offset++;
    }
    return true;
}

bool base64_end(const struct base64 *b, struct error *err)
{
    return b->n_chars == 0 || fail(b, "it ends in the middle of a group of four", err);
}
