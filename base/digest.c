#include "config.h"
#include "base/digest.h"
#include "base/hash.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *ctx;
};

/* They fail only for want of memory or of the algorithm itself: nothing that a caller could mend. */
static void must(int ok)
{
    if (ok != 1)
        mem_die(0);
}

struct digest *digest_new(enum digest_kind kind)
{
    struct digest *d = mem_alloc(sizeof(*d));

    d->ctx = EVP_MD_CTX_new();
    must(d->ctx != NULL);
    must(EVP_DigestInit_ex(d->ctx, kind == DIGEST_MD5 ? EVP_md5() : EVP_sha512(), NULL));
    return d;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
    must(EVP_DigestUpdate(d->ctx, p, n));
}

void digest_end(struct digest *d, char out[DIGEST_HEX_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    must(EVP_DigestFinal_ex(d->ctx, bytes, &n));
    hash_hex(bytes, n, out);
    must(EVP_DigestInit_ex(d->ctx, NULL, NULL));
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}
