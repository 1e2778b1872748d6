#include "config.h"
#include "base/hash.h"
#include "base/mem.h"

#include <openssl/evp.h>
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

void hash_sha256(const void *p, size_t n, unsigned char out[SHA256_SIZE])
{
    must(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL));
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
