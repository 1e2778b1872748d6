#include "config.h"
#include "base/ssh_key.h"
#include "base/buf.h"
#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

/* A key pair of OpenSSL's, and its public half as OpenSSH writes it. */
struct pair {
    EVP_PKEY *pkey;
    struct buf e, n; /* big-endian, shortest */
};

static void get_number(EVP_PKEY *pkey, const char *name, struct buf *out)
{
    BIGNUM *bn = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);
    buf_init(out, 4096);
    int bytes = BN_num_bytes(bn);
    char *room = buf_room(out, (size_t)bytes);
    assert_int_equal(BN_bn2bin(bn, (unsigned char *)room), bytes);
    buf_grow(out, (size_t)bytes);
    BN_free(bn);
}

static void make_pair(struct pair *out, size_t bits)
{
    out->pkey = EVP_RSA_gen(bits);
    assert_non_null(out->pkey);
    get_number(out->pkey, OSSL_PKEY_PARAM_RSA_E, &out->e);
    get_number(out->pkey, OSSL_PKEY_PARAM_RSA_N, &out->n);
}

static void free_pair(struct pair *p)
{
    EVP_PKEY_free(p->pkey);
    buf_free(&p->e);
    buf_free(&p->n);
}

static void add_field(struct buf *blob, const void *p, size_t n)
{
    const unsigned char length[] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                    (unsigned char)(n >> 8), (unsigned char)n};

    buf_add(blob, length, 4);
    buf_add(blob, p, n);
}

/* ZEROS before the number. */
static void add_number(struct buf *blob, struct str number, unsigned zeros)
{
    struct buf b;

    buf_init(&b, 8192);
    while (zeros--)
        buf_add_char(&b, 0);
    buf_add_str(&b, number);
    add_field(blob, b.p ? b.p : "", b.n);
    buf_free(&b);
}

static struct str as_text(struct arena *a, const struct buf *blob, const char *behind)
{
    char *text = arena_alloc(a, blob->n * 2 + 64 + strlen(behind));
    int n;

    memcpy(text, "ssh-rsa ", 8);
    n = EVP_EncodeBlock((unsigned char *)text + 8, (const unsigned char *)blob->p, (int)blob->n);
    memcpy(text + 8 + n, behind, strlen(behind) + 1);
    return str_of(text);
}

static struct str key_text(struct arena *a, struct str e, struct str n, unsigned e_zeros, unsigned n_zeros,
                           const char *behind)
{
    struct buf blob;

    buf_init(&blob, 8192);
    add_field(&blob, "ssh-rsa", 7);
    add_number(&blob, e, e_zeros);
    add_number(&blob, n, n_zeros);
    struct str text = as_text(a, &blob, behind);
    buf_free(&blob);
    return text;
}

static struct str sign(struct arena *a, EVP_PKEY *pkey, const char *text)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t n = 4096;
    unsigned char *out = arena_alloc(a, n);

    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, pkey), 1);
    assert_int_equal(EVP_DigestSign(md, out, &n, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(md);
    return (struct str){(const char *)out, n};
}

static void test_good(void **state)
{
    struct arena *a = arena_new(0);
    struct pair p;
    struct ssh_key key, again;
    struct error err;

    (void)state;
    make_pair(&p, 2048);
    struct str text = key_text(a, buf_str(&p.e), buf_str(&p.n), 0, 1, " me@there now ");
    assert_true(ssh_key_parse(a, text, &key, &err));
    assert_true(str_eq_cstr(key.format, "ssh-rsa") && str_eq_cstr(key.comment, "me@there now"));
    assert_int_equal(key.bits, 2048);
    assert_true(str_eq(key.modulus, buf_str(&p.n)) && str_eq(key.exponent, buf_str(&p.e)));
    /* blanks around and between are no part of it */
    text = key_text(a, buf_str(&p.e), buf_str(&p.n), 0, 1, "\n");
    assert_true(ssh_key_parse(a, str_of(arena_printf(a, " \t%.*s", STR_ARG(text))), &again, &err));
    assert_int_equal(again.comment.n, 0);
    assert_memory_equal(key.sha256, again.sha256, SHA256_SIZE);

    struct str signature = sign(a, p.pkey, "text");
    assert_true(ssh_key_verify(&key, signature, "text", 4, &err));
    assert_false(ssh_key_verify(&key, signature, "texT", 4, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_false(ssh_key_verify(&key, (struct str){signature.p, signature.n - 1}, "text", 4, &err));
    assert_false(ssh_key_verify(&key, (struct str){signature.p, signature.n + 1}, "text", 4, &err));
    assert_false(ssh_key_verify(&key, (struct str){signature.p, 0}, "text", 4, &err));
    for (size_t i = 0; i < signature.n; i += 17) {
        char *forged = arena_memdup(a, signature.p, signature.n);

        forged[i] ^= 1;
        assert_false(ssh_key_verify(&key, (struct str){forged, signature.n}, "text", 4, &err));
    }
    free_pair(&p);
    arena_free(a);
}

static void refuse(struct arena *a, struct str text, const char *why)
{
    struct ssh_key key;
    struct error err;

    assert_false(ssh_key_parse(a, text, &key, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    if (!strstr(err.message, why))
        fail_msg("\"%s\" does not say \"%s\"", err.message, why);
}

static void test_other_forms_of_a_key(void **state)
{
    struct arena *a = arena_new(0);
    struct pair p;
    struct buf blob;

    (void)state;
    make_pair(&p, 1024);
    struct str e = buf_str(&p.e), n = buf_str(&p.n);
    struct str good = key_text(a, e, n, 0, 1, "");
    refuse(a, key_text(a, e, n, 0, 0, ""), "shortest form"); /* negative */
    refuse(a, key_text(a, e, n, 0, 2, ""), "shortest form");
    refuse(a, key_text(a, e, n, 1, 1, ""), "shortest form");
    refuse(a, key_text(a, STR(""), n, 0, 1, ""), "shortest form");
    refuse(a, key_text(a, STR(""), n, 1, 1, ""), "shortest form"); /* zero */
    refuse(a, key_text(a, e, STR(""), 0, 0, ""), "shortest form");
    /* To the exponent 1 everything is a signature of itself. */
    refuse(a, key_text(a, STR("\1"), n, 0, 1, ""), "cannot be");
    refuse(a, key_text(a, STR("\2"), n, 0, 1, ""), "cannot be");
    refuse(a, key_text(a, STR("\1\0\0"), n, 0, 1, ""), "cannot be");
    refuse(a, key_text(a, STR("\1\1\1\1\1\1\1\1\1"), n, 0, 1, ""), "cannot be");
    char *even = arena_memdup(a, n.p, n.n);
    even[n.n - 1] &= (char)~1;
    refuse(a, key_text(a, e, (struct str){even, n.n}, 0, 1, ""), "cannot be");

    buf_init(&blob, 8192);
    add_field(&blob, "ssh-dss", 7);
    add_number(&blob, e, 0);
    add_number(&blob, n, 1);
    refuse(a, as_text(a, &blob, ""), "no RSA key");
    buf_clear(&blob);
    add_field(&blob, "ssh-rsa", 7);
    add_number(&blob, e, 0);
    refuse(a, as_text(a, &blob, ""), "shortest form"); /* no modulus */
    add_number(&blob, n, 1);
    buf_add_char(&blob, 0);
    refuse(a, as_text(a, &blob, ""), "shortest form"); /* something behind */
    buf_clear(&blob);
    buf_add(&blob, "\xff\xff\xff\xffssh-rsa", 11);
    refuse(a, as_text(a, &blob, ""), "no RSA key");
    buf_free(&blob);

    refuse(a, STR(""), "unsupported format");
    refuse(a, STR("ssh-rsa"), "base64");
    refuse(a, STR("ssh-rsa "), "base64");
    refuse(a, STR("ssh-rsa ===="), "base64");
    refuse(a, STR("ssh-rsa AAAA"), "no RSA key");
    refuse(a, STR("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"), "unsupported format");
    refuse(a, str_of(arena_printf(a, "ssh-dss%.*s", (int)good.n - 7, good.p + 7)), "unsupported format");
    for (size_t cut = 8; cut < good.n; cut++) /* never a shorter one */
        refuse(a, (struct str){good.p, cut}, "Malformed");
    refuse(a, str_of(arena_printf(a, "ssh-rsa %0*d", 2049, 0)), "length");
    free_pair(&p);
    arena_free(a);
}

static void test_sizes(void **state)
{
    struct arena *a = arena_new(0);
    struct ssh_key key;
    struct error err;
    char big[1026];

    (void)state;
    memset(big, 0xff, sizeof(big));
    refuse(a, key_text(a, STR("\3"), (struct str){big, 127}, 0, 1, ""), "1016 bits");
    assert_true(ssh_key_parse(a, key_text(a, STR("\3"), (struct str){big, 128}, 0, 1, ""), &key, &err));
    assert_int_equal(key.bits, 1024);
    assert_true(ssh_key_parse(a, key_text(a, STR("\3"), (struct str){big, 1024}, 0, 1, ""), &key, &err));
    assert_int_equal(key.bits, 8192);
    /* A number that is no product of two primes verifies nothing, and hurts nobody. */
    assert_false(ssh_key_verify(&key, (struct str){big, 1024}, "a", 1, &err));
    refuse(a, key_text(a, STR("\3"), (struct str){big, 1025}, 0, 1, ""), "8200 bits");
    big[0] = 1;
    refuse(a, key_text(a, STR("\3"), (struct str){big, 1025}, 0, 0, ""), "8193 bits");
    refuse(a, key_text(a, STR("\3"), (struct str){big, 128}, 0, 0, ""), "1017 bits");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_other_forms_of_a_key),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
