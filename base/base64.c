#include "config.h"
#include "base/base64.h"

#include <string.h>

enum { BAD = 64, PAD, SKIP };

static unsigned char values[256];

__attribute__((constructor)) static void fill_values(void)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    memset(values, BAD, sizeof(values));
    for (unsigned char i = 0; i < 64; i++)
        values[(unsigned char)alphabet[i]] = i;
    values['='] = PAD;
    values['\r'] = values['\n'] = SKIP;
}

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
    b->bits = b->bits << 6 | (v == PAD ? 0u : v);
    return ++b->n_chars < 4 || group_end(b, out, got, err);
}

bool base64_feed(struct base64 *b, const char *p, size_t n, unsigned char *out, size_t *got,
                 struct error *err)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t i = 0;

    *got = 0;
    while (i < n) {
        /* Whole groups of plain characters, which is nearly all of a text. */
        while (b->n_chars == 0 && !b->ended && n - i >= 4) {
            unsigned char v[4] = {values[s[i]], values[s[i + 1]], values[s[i + 2]], values[s[i + 3]]};

            if ((v[0] | v[1] | v[2] | v[3]) & 64)
                break;
            out[(*got)++] = (unsigned char)(v[0] << 2 | v[1] >> 4);
            out[(*got)++] = (unsigned char)(v[1] << 4 | v[2] >> 2);
            out[(*got)++] = (unsigned char)(v[2] << 6 | v[3]);
            i += 4;
            b->offset += 4;
        }
        if (i == n)
            break;
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
