#include "config.h"
#include "handlers/body_coding.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* RFC 9659: what a receiver of Content-Encoding: zstd must take, and need not exceed. */
enum { ZSTD_WINDOW_LOG = 23 };
enum { OUT_SIZE = 65536, RATIO_FROM = 1024 * 1024 };

struct body_coding {
    enum body_coding_kind kind;
    uint64_t max_bytes;
    uint64_t max_ratio;
    body_out_fn out;
    void *ctx;
    uint64_t in_bytes; /* taken by the decoder */
    uint64_t out_bytes;
    bool whole; /* at the end of a member or frame */
    z_stream z;
    ZSTD_DStream *zstd;
    unsigned char magic[4]; /* of a frame */
    size_t n_magic;
    unsigned char buffer[OUT_SIZE];
};

bool body_coding_kind(struct str value, enum body_coding_kind *kind, struct error *err)
{
    struct str v = str_trim(value);

    *kind = BODY_CODING_NONE;
    if (v.n == 0)
        return true;
    if (memchr(v.p, ',', v.n))
        return error_set(err, ERROR_MEDIA_TYPE,
                         "several Content-Encodings at once are not taken; gzip or zstd are");
    /* RFC 9110: x-gzip means gzip. */
    if (str_eq_nocase(v, STR("gzip")) || str_eq_nocase(v, STR("x-gzip")))
        *kind = BODY_CODING_GZIP;
    else if (str_eq_nocase(v, STR("zstd")))
        *kind = BODY_CODING_ZSTD;
    else
        return error_set(err, ERROR_MEDIA_TYPE, "Content-Encoding \"%.*s\" is not taken; gzip and zstd are",
                         (int)(v.n < 60 ? v.n : 60), v.p);
    return true;
}

struct body_coding *body_coding_new(enum body_coding_kind kind, uint64_t max_bytes, uint64_t max_ratio,
                                    body_out_fn out, void *ctx)
{
    struct body_coding *c = mem_calloc(1, sizeof(*c));

    c->kind = kind;
    c->max_bytes = max_bytes;
    c->max_ratio = max_ratio;
    c->out = out;
    c->ctx = ctx;
    /* 16: a gzip header and no other */
    if (kind == BODY_CODING_GZIP && inflateInit2(&c->z, 16 + MAX_WBITS) != Z_OK)
        mem_die(sizeof(c->z));
    if (kind == BODY_CODING_ZSTD) {
        c->zstd = ZSTD_createDStream();
        if (!c->zstd)
            mem_die(sizeof(c->zstd));
        ZSTD_DCtx_setParameter(c->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    }
    return c;
}

void body_coding_free(struct body_coding *c)
{
    if (!c)
        return;
    if (c->kind == BODY_CODING_GZIP)
        inflateEnd(&c->z);
    ZSTD_freeDStream(c->zstd);
    free(c);
}

static const char *name(const struct body_coding *c)
{
    return c->kind == BODY_CODING_GZIP ? "gzip" : "zstd";
}

static bool fail(const struct body_coding *c, const char *what, struct error *err)
{
    return error_set_at(err, c->in_bytes, ERROR_BAD_REQUEST, "the %s body is broken at byte %llu: %s",
                        name(c), (unsigned long long)c->in_bytes, what);
}

static bool give(struct body_coding *c, const void *p, size_t n, struct error *err)
{
    if (n == 0)
        return true;
    c->out_bytes += n;
    if (c->out_bytes > c->max_bytes)
        return error_set_at(err, c->in_bytes, ERROR_BAD_REQUEST,
                            "the body is larger than %llu bytes when decompressed (at byte %llu)",
                            (unsigned long long)c->max_bytes, (unsigned long long)c->in_bytes);
    if (c->kind != BODY_CODING_NONE && c->out_bytes > RATIO_FROM && c->out_bytes / c->max_ratio > c->in_bytes)
        return error_set_at(err, c->in_bytes, ERROR_BAD_REQUEST,
                            "the body grows more than %llu times when decompressed (at byte %llu)",
                            (unsigned long long)c->max_ratio, (unsigned long long)c->in_bytes);
    return c->out(c->ctx, p, n, err);
}

/* --- gzip ----------------------------------------------------------------------------------------- */

/* A member may follow another one; anything else may not. */
static bool gzip_next_member(struct body_coding *c, struct error *err)
{
    if (c->z.next_in[0] != 0x1f)
        return fail(c, "something that is not gzip follows its end", err);
    inflateReset(&c->z);
    c->whole = false;
    return true;
}

static bool gzip_feed(struct body_coding *c, const char *p, size_t n, struct error *err)
{
    bool full = false;

    c->z.next_in = (z_const Bytef *)p;
    c->z.avail_in = (uInt)n;
    while (c->z.avail_in || full) {
        if (c->whole && !gzip_next_member(c, err))
            return false;
        c->z.next_out = c->buffer;
        c->z.avail_out = OUT_SIZE;
        uInt before = c->z.avail_in;
        int rc = inflate(&c->z, Z_NO_FLUSH);
        c->in_bytes += before - c->z.avail_in;
        if (rc == Z_MEM_ERROR)
            mem_die(OUT_SIZE);
        if (!give(c, c->buffer, OUT_SIZE - c->z.avail_out, err))
            return false;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return fail(c, c->z.msg ? c->z.msg : "corrupt", err);
        c->whole = rc == Z_STREAM_END;
        full = c->z.avail_out == 0 && !c->whole;
    }
    return true;
}

/* --- zstd ----------------------------------------------------------------------------------------- */

/* Goes on until IN is used up or the frame ends. */
static bool zstd_run(struct body_coding *c, ZSTD_inBuffer *in, struct error *err)
{
    bool full = false;

    c->whole = false;
    while (in->pos < in->size || full) {
        ZSTD_outBuffer out = {c->buffer, OUT_SIZE, 0};
        size_t before = in->pos;
        size_t rc = ZSTD_decompressStream(c->zstd, &out, in);

        c->in_bytes += in->pos - before;
        if (ZSTD_isError(rc))
            return fail(c, ZSTD_getErrorName(rc), err);
        if (!give(c, out.dst, out.pos, err))
            return false;
        if (rc == 0) {
            c->whole = true;
            c->n_magic = 0;
            break;
        }
        full = out.pos == out.size;
    }
    return true;
}

/* The library would also take the formats from before 1.0, which nobody sends and no window limit binds. */
static bool zstd_magic_ok(const unsigned char m[4])
{
    return (m[0] == 0x28 && m[1] == 0xb5 && m[2] == 0x2f && m[3] == 0xfd) ||
           ((m[0] & 0xf0) == 0x50 && m[1] == 0x2a && m[2] == 0x4d && m[3] == 0x18);
}

static bool zstd_feed(struct body_coding *c, const char *p, size_t n, struct error *err)
{
    ZSTD_inBuffer in = {p, n, 0};

    while (in.pos < in.size) {
        if (c->n_magic < sizeof(c->magic)) {
            c->magic[c->n_magic++] = (unsigned char)p[in.pos++];
            c->in_bytes++;
            c->whole = false;
            if (c->n_magic < sizeof(c->magic))
                continue;
            c->in_bytes -= sizeof(c->magic); /* not the decoder's yet */
            if (!zstd_magic_ok(c->magic))
                return fail(c, "no zstd frame begins here", err);
            ZSTD_inBuffer magic = {c->magic, sizeof(c->magic), 0};
            if (!zstd_run(c, &magic, err))
                return false;
        } else if (!zstd_run(c, &in, err)) {
            return false;
        }
    }
    return true;
}

/* --- both ----------------------------------------------------------------------------------------- */

bool body_coding_feed(struct body_coding *c, const char *p, size_t n, struct error *err)
{
    if (n == 0)
        return true;
    switch (c->kind) {
    case BODY_CODING_GZIP: return gzip_feed(c, p, n, err);
    case BODY_CODING_ZSTD: return zstd_feed(c, p, n, err);
    case BODY_CODING_NONE: break;
    }
    c->in_bytes += n;
    return give(c, p, n, err);
}

bool body_coding_end(struct body_coding *c, struct error *err)
{
    if (c->kind == BODY_CODING_NONE || c->whole)
        return true;
    return fail(c, "it ends too early", err);
}
