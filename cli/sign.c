#include "config.h"
#include "cli/sign.h"
#include "base/hash.h"
#include "cli/auth.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_BLOB = 8192 };

struct sign_key {
    EVP_PKEY *pkey;
};

static void key_free(void *arg)
{
    struct sign_key *key = arg;

    EVP_PKEY_free(key->pkey);
}

/* Who asks for a passphrase, and what came of it. */
struct asking {
    struct cli *cli;
    bool asked, answered;
};

/* A pem_password_cb. */
static int ask(char *out, int size, int writing, void *arg)
{
    struct asking *asking = arg;
    const char *secret = auth_ask_secret(asking->cli, "Passphrase of the key");

    (void)writing;
    asking->asked = true;
    asking->answered = secret != NULL;
    if (!secret || (int)strlen(secret) > size)
        return -1;
    memcpy(out, secret, strlen(secret));
    return (int)strlen(secret);
}

struct sign_key *sign_key_read(struct cli *cli, const char *file, struct error *err)
{
    struct sign_key *key = arena_calloc(cli->arena, 1, sizeof(*key));
    struct asking asking = {.cli = cli};
    FILE *f = fopen(file, "re");
    struct stat st;

    if (!f) {
        error_set(err, errno == EACCES ? ERROR_FORBIDDEN : ERROR_NOT_FOUND, "%s: %s", file, strerror(errno));
        return NULL;
    }
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)))
        cli_note(cli, "others can get at the private key %s (mode %04o): chmod 600", file,
                 (unsigned)st.st_mode & 07777);
    key->pkey = PEM_read_PrivateKey(f, NULL, ask, &asking);
    fclose(f);
    arena_defer(cli->arena, key_free, key);
    if (key->pkey && EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_RSA)
        return key;
    if (cli_interrupted(NULL))
        error_set(err, ERROR_ABORTED, "interrupted");
    else if (asking.asked && !key->pkey)
        error_set(err, ERROR_UNAUTHORIZED,
                  asking.answered ? "%s: the passphrase is wrong"
                                  : "%s has a passphrase, and there is no terminal to ask at",
                  file);
    else
        error_set(
            err, ERROR_BAD_REQUEST,
            "%s holds no RSA private key in PEM (\"ssh-keygen -p -m PEM -f KEY\" makes one of OpenSSH's "
            "own form)",
            file);
    return NULL;
}

static void add_u32(struct buf *b, size_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(b, (char)(unsigned char)(v >> shift));
}

/* An mpint of RFC 4251: big-endian, a zero byte where the first bit is set. */
static bool add_number(struct buf *b, const struct sign_key *key, const char *name)
{
    unsigned char bytes[MAX_BLOB / 4];
    BIGNUM *number = NULL;
    int n = -1;

    if (EVP_PKEY_get_bn_param(key->pkey, name, &number) == 1 && BN_num_bytes(number) <= (int)sizeof(bytes))
        n = BN_bn2bin(number, bytes);
    BN_free(number);
    if (n <= 0)
        return false;
    add_u32(b, (size_t)n + (bytes[0] >> 7));
    if (bytes[0] >> 7)
        buf_add_char(b, '\0');
    buf_add(b, bytes, (size_t)n);
    return true;
}

const char *sign_public(struct cli *cli, const struct sign_key *key, struct error *err)
{
    const char *text = NULL;
    struct buf blob;

    buf_init(&blob, MAX_BLOB);
    add_u32(&blob, 7);
    buf_add_cstr(&blob, "ssh-rsa");
    if (add_number(&blob, key, OSSL_PKEY_PARAM_RSA_E) && add_number(&blob, key, OSSL_PKEY_PARAM_RSA_N) &&
        buf_ok(&blob)) {
        char *base64 = arena_alloc(cli->arena, 4 * (blob.n / 3 + 2));

        EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)blob.p, (int)blob.n);
        text = arena_printf(cli->arena, "ssh-rsa %s", base64);
    } else {
        error_set(err, ERROR_BAD_REQUEST, "the key's public part cannot be read");
    }
    buf_free(&blob);
    return text;
}

const char *sign_text(struct cli *cli, const struct sign_key *key, struct str p, struct error *err)
{
    size_t n = (size_t)EVP_PKEY_get_size(key->pkey);
    unsigned char *bytes = arena_alloc(cli->arena, n);
    char *hex = arena_alloc(cli->arena, 2 * n + 1);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
              EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)p.p, p.n) == 1;

    EVP_MD_CTX_free(ctx);
    if (!ok) {
        error_set(err, ERROR_BAD_REQUEST, "the key cannot sign");
        return NULL;
    }
    hash_hex(bytes, n, hex);
    return hex;
}
