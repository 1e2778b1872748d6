#include "config.h"
#include "base/hash.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

struct hash_sha256 {
    EVP_MD_CTX *ctx;
};

/* OpenSSL's digests fail only for want of memory or of the algorithm itself: nothing that a caller could
 * mend. */
static void must(int ok)
{
    if (ok != 1)
        mem_die(0);
}

struct hash_sha256 *hash_sha256_new(void)
{
    struct hash_sha256 *h = mem_alloc(sizeof(*h));

    h->ctx = EVP_MD_CTX_new();
    must(h->ctx != NULL);
    must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
    return h;
}

void hash_sha256_add(struct hash_sha256 *h, const void *p, size_t n)
{
    must(EVP_DigestUpdate(h->ctx, p, n));
}

void hash_sha256_end(struct hash_sha256 *h, unsigned char out[SHA256_SIZE])
{
    must(EVP_DigestFinal_ex(h->ctx, out, NULL));
    must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
}

void hash_sha256_free(struct hash_sha256 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

/* OpenSSL 3 looks the algorithm up and makes a context at each EVP_Digest(), which costs several times what a
 * token or a test's name does. So a context a thread, made once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;

static void context_free(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void make_key(void)
{
    must(pthread_key_create(&context_key, context_free) == 0);
}

static EVP_MD_CTX *thread_context(void)
{
    EVP_MD_CTX *ctx;

    must(pthread_once(&once, make_key) == 0);
    ctx = pthread_getspecific(context_key);
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        must(ctx != NULL);
        must(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL));
        must(pthread_setspecific(context_key, ctx) == 0);
    }
    return ctx;
}

void hash_sha256(const void *p, size_t n, unsigned char out[SHA256_SIZE])
{
    EVP_MD_CTX *ctx = thread_context();

    must(EVP_DigestInit_ex(ctx, NULL, NULL)); /* the algorithm is the context's */
    must(EVP_DigestUpdate(ctx, p, n));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
}

void hash_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}
