#include "config.h"
#include "base/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { FORM = 1, NONCE = 12, TAG = 16, HEAD = 1 + NONCE, AROUND = HEAD + TAG };

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool seal_key_parse(struct str hex, unsigned char key[SEAL_KEY_SIZE])
{
    unsigned char bytes[SEAL_KEY_SIZE];

    if (hex.n != sizeof(bytes) * 2)
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        int high = digit_value(hex.p[2 * i]), low = digit_value(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    memcpy(key, bytes, sizeof(bytes));
    seal_wipe(bytes, sizeof(bytes));
    return true;
}

void seal_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

/* Key and context go in; what is left is text and tag. */
static bool prepare(EVP_CIPHER_CTX *ctx, bool encrypt, const unsigned char *key, const unsigned char *nonce,
                    struct str context)
{
    int n;

    return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1 &&
           (context.n == 0 ||
            EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)context.p, (int)context.n) == 1);
}

static bool encrypt(EVP_CIPHER_CTX *ctx, const unsigned char *key, struct str context, struct str plain,
                    unsigned char *out)
{
    unsigned char *text = out + HEAD;
    int n = 0, tail = 0;

    out[0] = FORM;
    return RAND_bytes(out + 1, NONCE) == 1 && prepare(ctx, true, key, out + 1, context) &&
           (plain.n == 0 ||
            EVP_EncryptUpdate(ctx, text, &n, (const unsigned char *)plain.p, (int)plain.n) == 1) &&
           EVP_EncryptFinal_ex(ctx, text + n, &tail) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, text + plain.n) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const unsigned char *key, struct str context, struct str sealed,
                    unsigned char *out)
{
    const unsigned char *in = (const unsigned char *)sealed.p;
    size_t length = sealed.n - AROUND;
    unsigned char tag[TAG];
    int n = 0, tail = 0;

    memcpy(tag, in + HEAD + length, TAG);
    return prepare(ctx, false, key, in + 1, context) &&
           (length == 0 || EVP_DecryptUpdate(ctx, out, &n, in + HEAD, (int)length) == 1) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, out + n, &tail) == 1;
}

bool seal(struct arena *arena, const unsigned char key[SEAL_KEY_SIZE], struct str context, struct str plain,
          struct str *sealed, struct error *err)
{
    EVP_CIPHER_CTX *ctx;
    unsigned char *out;

    if (plain.n > SEAL_PLAIN_MAX || context.n > SEAL_PLAIN_MAX)
        return error_set(err, ERROR_INTERNAL, "%zu bytes are too many to be sealed", plain.n);
    out = arena_alloc(arena, plain.n + AROUND);
    ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && encrypt(ctx, key, context, plain, out);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return error_set(err, ERROR_INTERNAL, "OpenSSL cannot seal");
    *sealed = (struct str){(char *)out, plain.n + AROUND};
    return true;
}

struct secret {
    unsigned char *p;
    size_t n;
};

static void wipe_secret(void *arg)
{
    const struct secret *secret = arg;

    seal_wipe(secret->p, secret->n);
}

bool seal_open(struct arena *arena, const unsigned char key[SEAL_KEY_SIZE], struct str context,
               struct str sealed, struct str *plain, struct error *err)
{
    struct secret *secret;
    EVP_CIPHER_CTX *ctx;

    if (sealed.n < AROUND || sealed.n > SEAL_PLAIN_MAX + AROUND || sealed.p[0] != FORM ||
        context.n > SEAL_PLAIN_MAX)
        return error_set(err, ERROR_INTERNAL, "what was sealed has not the form that it was given");
    secret = arena_alloc(arena, sizeof(*secret));
    secret->n = sealed.n - AROUND;
    secret->p = arena_alloc(arena, secret->n + 1);
    arena_defer(arena, wipe_secret, secret);
    ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && decrypt(ctx, key, context, sealed, secret->p);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        seal_wipe(secret->p, secret->n);
        return error_set(err, ERROR_INTERNAL,
                         "what was sealed does not open: another key or another context");
    }
    secret->p[secret->n] = '\0';
    *plain = (struct str){(char *)secret->p, secret->n};
    return true;
}
