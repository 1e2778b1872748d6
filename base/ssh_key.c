#include "config.h"
#include "base/ssh_key.h"
#include "base/base64.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

enum { BASE64_MAX = 2048, EXPONENT_MAX = 8 };

/* --- parsing ------------------------------------------------------------------------------------ */

static bool malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_BAD_REQUEST, "Malformed public key: %s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* The word that TEXT begins with; TEXT then is what follows, without the blanks between. */
static struct str take_word(struct str *text)
{
    struct str word = {text->p, 0};

    while (word.n < text->n && !is_blank(text->p[word.n]))
        word.n++;
    *text = (struct str){text->p + word.n, text->n - word.n};
    while (text->n && is_blank(text->p[0]))
        *text = (struct str){text->p + 1, text->n - 1};
    return word;
}

/* A length of four bytes, and as many bytes. */
static bool take_field(struct str *blob, struct str *out)
{
    const unsigned char *p = (const unsigned char *)blob->p;
    size_t n;

    if (blob->n < 4)
        return false;
    n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (n > blob->n - 4)
        return false;
    *out = (struct str){blob->p + 4, n};
    *blob = (struct str){blob->p + 4 + n, blob->n - 4 - n};
    return true;
}

/* A positive number in its shortest form: a zero stands before a first byte with its high bit set only. */
static bool take_number(struct str *blob, struct str *out)
{
    if (!take_field(blob, out) || out->n == 0 || out->p[0] & 0x80)
        return false;
    if (out->p[0] != 0)
        return true;
    *out = (struct str){out->p + 1, out->n - 1};
    return out->n > 0 && (out->p[0] & 0x80);
}

static unsigned bits_of(struct str number)
{
    unsigned bits = (unsigned)(number.n - 1) * 8, first = (unsigned char)number.p[0];

    for (; first; first >>= 1)
        bits++;
    return bits;
}

static bool is_odd(struct str number)
{
    return number.p[number.n - 1] & 1;
}

static bool parse_blob(struct str blob, struct ssh_key *out, struct error *err)
{
    struct str type;

    if (!take_field(&blob, &type) || !str_eq_cstr(type, "ssh-rsa"))
        return malformed(err, "its bytes are no RSA key's");
    if (!take_number(&blob, &out->exponent) || !take_number(&blob, &out->modulus) || blob.n)
        return malformed(err, "its bytes are not an exponent and a modulus in their shortest form");
    out->bits = bits_of(out->modulus);
    if (out->bits < SSH_KEY_BITS_MIN || out->bits > SSH_KEY_BITS_MAX)
        return error_set(err, ERROR_BAD_REQUEST, "Public key has %u bits; %d to %d are taken", out->bits,
                         SSH_KEY_BITS_MIN, SSH_KEY_BITS_MAX);
    /* To the exponent 1 anybody can sign. */
    if (out->exponent.n > EXPONENT_MAX || bits_of(out->exponent) < 2 || !is_odd(out->exponent) ||
        !is_odd(out->modulus))
        return malformed(err, "its numbers cannot be an RSA key's");
    return true;
}

bool ssh_key_parse(struct arena *arena, struct str text, struct ssh_key *out, struct error *err)
{
    struct base64 state = BASE64_INIT;
    unsigned char *bytes;
    size_t n;

    text = str_trim(text);
    *out = (struct ssh_key){.format = take_word(&text)};
    out->base64 = take_word(&text);
    out->comment = text;
    if (!str_eq_cstr(out->format, "ssh-rsa"))
        return error_set(err, ERROR_BAD_REQUEST, "Public key has unsupported format: ssh-rsa is taken");
    if (out->base64.n == 0 || out->base64.n > BASE64_MAX)
        return malformed(err, "no base64 of a key's length follows its format");
    bytes = arena_alloc(arena, BASE64_DECODED_MAX(out->base64.n));
    if (!base64_feed(&state, out->base64.p, out->base64.n, bytes, &n, NULL) || !base64_end(&state, NULL))
        return malformed(err, "it is no base64");
    hash_sha256(bytes, n, out->sha256);
    return parse_blob((struct str){(const char *)bytes, n}, out, err);
}

/* --- verifying ---------------------------------------------------------------------------------- */

static BIGNUM *number(struct str s)
{
    return BN_bin2bn((const unsigned char *)s.p, (int)s.n, NULL);
}

/* NULL where OpenSSL has no memory, or does not like the key. */
static EVP_PKEY *make_key(const struct ssh_key *key)
{
    EVP_PKEY *made = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *e = number(key->exponent), *n = number(key->modulus);

    if (build && ctx && e && n && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n))
        params = OSSL_PARAM_BLD_to_param(build);
    if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, params) != 1)
        made = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    BN_free(n);
    return made;
}

bool ssh_key_verify(const struct ssh_key *key, struct str signature, const void *p, size_t n,
                    struct error *err)
{
    EVP_PKEY *pkey = make_key(key);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    /* An RSA key's padding is PKCS#1 v1.5 unless one asks for another. */
    bool ok = pkey && md && signature.n == key->modulus.n &&
              EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestVerify(md, (const unsigned char *)signature.p, signature.n, p, n) == 1;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    return ok || error_set(err, ERROR_BAD_REQUEST, "Signature verification failed");
}
