#include "config.h"
#include "base/buf.h"
#include "handlers/body.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* --- a request whose body comes in pieces ---------------------------------------------------------- */

static struct {
    const char *type;
    const char *coding;
    struct str body;
    size_t step;
    size_t at;
    bool breaks; /* the client goes away at the body's end */
} in;

struct str request_header(const struct request *r, const char *name)
{
    (void)r;
    if (strcmp(name, "Content-Type") == 0)
        return str_of(in.type);
    assert_string_equal(name, "Content-Encoding");
    return str_of(in.coding);
}

bool request_body_read(struct request *r, void *p, size_t n, size_t *got, struct error *err)
{
    (void)r;
    n = n < in.step ? n : in.step;
    n = n < in.body.n - in.at ? n : in.body.n - in.at;
    if (n == 0 && in.breaks)
        return error_set(err, ERROR_ABORTED, "the client went away");
    if (n)
        memcpy(p, in.body.p + in.at, n);
    in.at += n;
    *got = n;
    return true;
}

/* --- what comes of it ------------------------------------------------------------------------------ */

static struct arena *arena;
static struct buf seen; /* "<0>data</><1>..." */
static struct body_limits limits;
static uint64_t counted;
static bool count_only;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    buf_init(&seen, 50000000);
    memset(&in, 0, sizeof(in));
    limits = (struct body_limits){1 << 30, 200, 16};
    count_only = false;
    counted = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    buf_free(&seen);
    return 0;
}

static bool on_begin(void *ctx, unsigned index, enum body_kind kind, struct error *err)
{
    (void)kind;
    (void)ctx;
    (void)err;
    buf_printf(&seen, "<%u>", index);
    return true;
}

static bool on_data(void *ctx, const void *p, size_t n, struct error *err)
{
    (void)ctx;
    (void)err;
    assert_true(n > 0);
    counted += n;
    if (!count_only)
        buf_add(&seen, p, n);
    return true;
}

static bool on_end(void *ctx, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_add_cstr(&seen, "</>");
    return true;
}

static const struct body_sink sink = {NULL, on_begin, on_data, on_end};

static bool decode(size_t step, struct error *err)
{
    struct request r = {.arena = arena};

    arena_reset(arena);
    buf_clear(&seen);
    in.at = 0;
    in.step = step;
    return body_decode(&r, &limits, &sink, err);
}

static const size_t steps[] = {1, 2, 3, 7, 1000, 1 << 20};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void good(const char *type, const char *coding, struct str body, const char *want)
{
    struct error err;

    in.type = type;
    in.coding = coding;
    in.body = body;
    for (size_t i = 0; i < STEPS; i++) {
        if (!decode(steps[i], &err))
            fail_msg("steps of %zu: %s", steps[i], err.message);
        assert_string_equal(seen.p, want);
    }
}

static void bad(const char *type, const char *coding, struct str body, enum error_kind kind, const char *why)
{
    struct error err;

    in.type = type;
    in.coding = coding;
    in.body = body;
    for (size_t i = 0; i < STEPS; i++) {
        if (decode(steps[i], &err))
            fail_msg("taken: %.*s", STR_ARG(body));
        if (!strstr(err.message, why))
            fail_msg("steps of %zu: got \"%s\", want \"%s\"", steps[i], err.message, why);
        assert_int_equal(err.kind, kind);
    }
}

#define RAW "application/octet-stream"
#define FORM "multipart/form-data; boundary=b"
#define DISPOSITION "Content-Disposition: form-data; name=\"subunit_data\"\r\n"

static struct str gz(struct str s, int level)
{
    static unsigned char out[4 << 20];
    z_stream z = {
        .next_in = (z_const Bytef *)s.p, .avail_in = (uInt)s.n, .next_out = out, .avail_out = sizeof(out)};

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (struct str){(const char *)out, z.total_out};
}

static struct str zst(struct str s)
{
    static char out[4 << 20];
    size_t n = ZSTD_compress(out, sizeof(out), s.p, s.n, 3);

    assert_false(ZSTD_isError(n));
    return (struct str){out, n};
}

/* A copy of A followed by B. */
static struct str both(struct buf *b, struct str first, struct str second)
{
    buf_init(b, 10000000);
    buf_add_str(b, first);
    buf_add_str(b, second);
    return buf_str(b);
}

/* --- forms ----------------------------------------------------------------------------------------- */

static void raw(void **state)
{
    (void)state;
    good(RAW, NULL, STR("hello"), "<0>hello</>");
    good("application/x-subunit", "", STR("hello"), "<0>hello</>");
    good("Application/Octet-Stream ; x=y", NULL, STR("hello"), "<0>hello</>");
    good(RAW, NULL, STR(""), "<0></>");
}

static void json(void **state)
{
    (void)state;
    good("application/json", NULL, STR("{\"subunit_data\": \"aGVsbG8=\"}"), "<0>hello</>");
    good(NULL, NULL, STR(" {\n\"subunit_data\":\"aGVs\\nbG8=\\r\\n\"} "), "<0>hello</>");
    good("", NULL, STR("{\"subunit_d\\u0061ta\":\"aGVs\\u0062G8=\"}"), "<0>hello</>");
    good("application/json; charset=UTF-8", NULL, STR("{\"subunit_data\":\"\"}"), "<0></>");
    good("application/json", NULL, STR("{\"subunit_data\":\"Pz8\\/Pz4+\"}"), "<0>?\?\?\?>></>");
    bad(NULL, NULL, STR(""), ERROR_BAD_REQUEST, "nothing there");
    bad(NULL, NULL, STR("{}"), ERROR_BAD_REQUEST, "no \"subunit_data\"");
    bad(NULL, NULL, STR("[]"), ERROR_BAD_REQUEST, "line 1 column 1: an object is expected");
    bad(NULL, NULL, STR("{\"x\":\"\"}"), ERROR_BAD_REQUEST, "unknown member \"x\"");
    bad(NULL, NULL, STR("{\"subunit_data\":\"\",\"x\":\"\"}"), ERROR_BAD_REQUEST, "unknown member \"x\"");
    bad(NULL, NULL, STR("{\"subunit_data\":\"\",\"subunit_data\":\"\"}"), ERROR_BAD_REQUEST, "twice");
    bad(NULL, NULL, STR("{\"subunit_data\":null}"), ERROR_BAD_REQUEST,
        "column 17: the value must be a string");
    bad(NULL, NULL, STR("{\"subunit_data\":\"aGVsbG8\"}"), ERROR_BAD_REQUEST, "base64, character 7");
    bad(NULL, NULL, STR("{\"subunit_data\":\"aGV-bG8=\"}"), ERROR_BAD_REQUEST, "base64, character 3");
    bad(NULL, NULL, STR("{\"subunit_data\":\"aGVsbG8="), ERROR_BAD_REQUEST, "ends too early");
    bad("application/json; charset=latin1", NULL, STR("{}"), ERROR_MEDIA_TYPE, "UTF-8 only");
}

static void multipart(void **state)
{
    (void)state;
    good(FORM, NULL, STR("--b\r\n" DISPOSITION "\r\nhello\r\n--b--\r\n"), "<0>hello</>");
    good(FORM, NULL,
         STR("--b\r\n" DISPOSITION "\r\none\r\n--b\r\n" DISPOSITION "\r\n\r\n--b\r\n" DISPOSITION
             "\r\nthree\r\n--b--\r\n"),
         "<0>one</><1></><2>three</>");
    bad(FORM, NULL, STR("--b--\r\n"), ERROR_BAD_REQUEST, "no \"subunit_data\"");
    bad(FORM, NULL, STR("--b\r\nContent-Disposition: form-data; name=other\r\n\r\n\r\n--b--\r\n"),
        ERROR_BAD_REQUEST, "a part named \"other\"");
    bad(FORM, NULL, STR("--b\r\n" DISPOSITION "\r\nhello"), ERROR_BAD_REQUEST, "closing boundary");
    bad("multipart/form-data", NULL, STR("--b--"), ERROR_BAD_REQUEST, "no boundary");
    limits.max_parts = 2;
    bad(FORM, NULL,
        STR("--b\r\n" DISPOSITION "\r\n\r\n--b\r\n" DISPOSITION "\r\n\r\n--b\r\n" DISPOSITION "\r\n"),
        ERROR_BAD_REQUEST, "more than 2 parts");
}

static void other_types(void **state)
{
    (void)state;
    bad("text/plain", NULL, STR("x"), ERROR_MEDIA_TYPE, "\"text/plain\" is not taken");
    bad("multipart/mixed; boundary=b", NULL, STR("x"), ERROR_MEDIA_TYPE, "not taken");
    bad("application/octet-streams", NULL, STR("x"), ERROR_MEDIA_TYPE, "not taken");
    bad("application/octet-stream, application/json", NULL, STR("x"), ERROR_MEDIA_TYPE, "not taken");
    bad(RAW, "br", STR("x"), ERROR_MEDIA_TYPE, "\"br\" is not taken");
    bad(RAW, "deflate", STR("x"), ERROR_MEDIA_TYPE, "not taken");
    bad(RAW, "gzip, gzip", STR("x"), ERROR_MEDIA_TYPE, "several");
    bad(RAW, "identity", STR("x"), ERROR_MEDIA_TYPE, "not taken");
}

/* --- codings --------------------------------------------------------------------------------------- */

static void gzip(void **state)
{
    struct buf b;

    (void)state;
    good(RAW, "gzip", gz(STR("hello"), 9), "<0>hello</>");
    good(RAW, " X-GZIP", gz(STR("hello"), 0), "<0>hello</>");
    good(RAW, "gzip", gz(STR(""), 9), "<0></>");
    good(FORM, "gzip", gz(STR("--b\r\n" DISPOSITION "\r\nhello\r\n--b--\r\n"), 9), "<0>hello</>");
    good(NULL, "gzip", gz(STR("{\"subunit_data\": \"aGVsbG8=\"}"), 9), "<0>hello</>");
    struct str one = gz(STR("one "), 9);
    good(RAW, "gzip", both(&b, one, one), "<0>one one </>");
    buf_free(&b);
}

static void gzip_broken(void **state)
{
    struct str whole = gz(STR("hello, hello, hello"), 9);
    char copy[200];
    struct buf b;
    char why[60];

    (void)state;
    for (size_t n = 0; n < whole.n; n++) {
        snprintf(why, sizeof(why), "broken at byte %zu: it ends too early", n);
        bad(RAW, "gzip", (struct str){whole.p, n}, ERROR_BAD_REQUEST, why);
    }
    memcpy(copy, whole.p, whole.n);
    copy[whole.n - 8] ^= 1;
    bad(RAW, "gzip", (struct str){copy, whole.n}, ERROR_BAD_REQUEST, "incorrect data check");
    memcpy(copy, whole.p, whole.n);
    copy[whole.n - 1] ^= 1;
    bad(RAW, "gzip", (struct str){copy, whole.n}, ERROR_BAD_REQUEST, "incorrect length check");
    bad(RAW, "gzip", STR("plain text"), ERROR_BAD_REQUEST, "incorrect header check");
    snprintf(why, sizeof(why), "broken at byte %zu: something that is not gzip follows", whole.n);
    bad(RAW, "gzip", both(&b, whole, STR("\0")), ERROR_BAD_REQUEST, why);
    buf_free(&b);
    bad(RAW, "gzip", both(&b, whole, STR("\x1f\x8b")), ERROR_BAD_REQUEST, "ends too early");
    buf_free(&b);
    bad(RAW, "gzip", both(&b, whole, STR("\x1f!")), ERROR_BAD_REQUEST, "incorrect header check");
    buf_free(&b);
    /* zlib's own format is not gzip */
    bad(RAW, "gzip", STR("\x78\x9c\x03\x00\x00\x00\x00\x01"), ERROR_BAD_REQUEST, "incorrect header check");
}

static void zstd(void **state)
{
    struct str whole = zst(STR("hello"));
    struct buf b;
    char why[60];

    (void)state;
    good(RAW, "zstd", whole, "<0>hello</>");
    good(RAW, "ZSTD", both(&b, whole, whole), "<0>hellohello</>");
    buf_free(&b);
    good(RAW, "zstd", both(&b, STR("\x53\x2a\x4d\x18\x02\0\0\0??"), whole), "<0>hello</>");
    buf_free(&b);
    for (size_t n = 0; n < whole.n; n++) {
        snprintf(why, sizeof(why), "broken at byte %zu: it ends too early", n);
        bad(RAW, "zstd", (struct str){whole.p, n}, ERROR_BAD_REQUEST, why);
    }
    bad(RAW, "zstd", STR("plain text"), ERROR_BAD_REQUEST, "broken at byte 0: no zstd frame begins here");
    snprintf(why, sizeof(why), "broken at byte %zu: no zstd frame begins here", whole.n);
    bad(RAW, "zstd", both(&b, whole, STR("more")), ERROR_BAD_REQUEST, why);
    buf_free(&b);
    bad(RAW, "zstd", both(&b, whole, STR("x")), ERROR_BAD_REQUEST, "ends too early");
    buf_free(&b);
    /* the format of version 0.7 */
    bad(RAW, "zstd", STR("\x27\xb5\x2f\xfd\0\0\0\0"), ERROR_BAD_REQUEST, "no zstd frame begins here");
}

static void zstd_window(void **state)
{
    static char text[64 << 20];
    static char out[1 << 20];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    struct error err;

    (void)state;
    count_only = true;
    limits.max_ratio = 100000;
    for (int log = 23; log <= 24; log++) {
        ZSTD_inBuffer ib = {text, sizeof(text), 0};
        ZSTD_outBuffer ob = {out, sizeof(out), 0};

        ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log);
        ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
        assert_int_equal(ZSTD_compressStream2(c, &ob, &ib, ZSTD_e_end), 0);
        in.type = RAW;
        in.coding = "zstd";
        in.body = (struct str){out, ob.pos};
        counted = 0;
        if (log == 23) {
            assert_true(decode(1000, &err));
            assert_int_equal(counted, sizeof(text));
        } else {
            assert_false(decode(1000, &err));
            assert_non_null(strstr(err.message, "too much memory"));
        }
    }
    ZSTD_freeCCtx(c);
}

/* --- limits ---------------------------------------------------------------------------------------- */

static void bombs(void **state)
{
    static char zeros[100 << 20];
    struct error err;

    (void)state;
    count_only = true;
    in.type = RAW;
    in.coding = "gzip";
    in.body = gz((struct str){zeros, sizeof(zeros)}, 9);
    assert_false(decode(4096, &err));
    assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    assert_non_null(strstr(err.message, "grows more than 200 times"));
    assert_in_range(counted, 1, 2 << 20);
    limits.max_ratio = 2000;
    limits.max_bytes = 10000000;
    counted = 0;
    assert_false(decode(4096, &err));
    assert_non_null(strstr(err.message, "larger than 10000000 bytes"));
    assert_in_range(counted, 1, 10000000);
    in.coding = "zstd";
    in.body = zst((struct str){zeros, sizeof(zeros)});
    limits.max_ratio = 200;
    counted = 0;
    assert_false(decode(4096, &err));
    assert_non_null(strstr(err.message, "grows more than 200 times"));
    assert_in_range(counted, 0, 2 << 20);
    /* Blanks in front of JSON are no stream, and end at the limit too. */
    memset(zeros, ' ', sizeof(zeros));
    in.type = NULL;
    in.coding = "gzip";
    in.body = gz((struct str){zeros, sizeof(zeros)}, 9);
    limits.max_ratio = 100000;
    assert_false(decode(4096, &err));
    assert_non_null(strstr(err.message, "when decompressed"));
}

static void stream_limit(void **state)
{
    (void)state;
    limits.max_bytes = 5;
    good(RAW, NULL, STR("hello"), "<0>hello</>");
    bad(RAW, NULL, STR("hello!"), ERROR_BAD_REQUEST, "larger than 5 bytes");
    good(NULL, NULL, STR("{\"subunit_data\": \"aGVsbG8=\"}"), "<0>hello</>");
    bad(NULL, NULL, STR("{\"subunit_data\": \"aGVsbG8h\"}"), ERROR_BAD_REQUEST, "larger than 5 bytes");
    bad(FORM, NULL, STR("--b\r\n" DISPOSITION "\r\none\r\n--b\r\n" DISPOSITION "\r\ntwo\r\n--b--\r\n"),
        ERROR_BAD_REQUEST, "larger than 5 bytes");
}

static void client_goes_away(void **state)
{
    struct error err;

    (void)state;
    in.type = RAW;
    in.body = STR("hello");
    in.breaks = true;
    assert_false(decode(3, &err));
    assert_int_equal(err.kind, ERROR_ABORTED);
    assert_string_equal(seen.p, "<0>hello");
}

/* What is large comes through whole, in every form and coding. */
static void large(void **state)
{
    const size_t n = 3 << 20;
    struct buf want, body;
    uint32_t x = 1;
    struct error err;

    (void)state;
    buf_init(&want, 10000000);
    buf_init(&body, 20000000);
    buf_add_cstr(&want, "<0>");
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        /* much that looks like a boundary, and never one */
        char c = x >> 30 ? "\r\n--"[x >> 16 & 3] : (char)(x >> 8);
        buf_add_char(&want, c == 'b' ? 'c' : c);
    }
    struct str stream = {want.p + 3, n};
    buf_printf(&body, "--b\r\n%s\r\n", DISPOSITION);
    buf_add_str(&body, stream);
    buf_add_cstr(&body, "\r\n--b--\r\n");
    buf_add_cstr(&want, "</>");
    in.type = FORM;
    for (int k = 0; k < 3; k++) {
        in.coding = k == 0 ? NULL : k == 1 ? "gzip" : "zstd";
        in.body = k == 0 ? buf_str(&body) : k == 1 ? gz(buf_str(&body), 1) : zst(buf_str(&body));
        if (!decode(10007, &err))
            fail_msg("%s", err.message);
        assert_true(str_eq(buf_str(&seen), buf_str(&want)));
    }
    buf_free(&want);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(raw, setup, teardown),
        cmocka_unit_test_setup_teardown(json, setup, teardown),
        cmocka_unit_test_setup_teardown(multipart, setup, teardown),
        cmocka_unit_test_setup_teardown(other_types, setup, teardown),
        cmocka_unit_test_setup_teardown(gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(gzip_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(zstd, setup, teardown),
        cmocka_unit_test_setup_teardown(zstd_window, setup, teardown),
        cmocka_unit_test_setup_teardown(bombs, setup, teardown),
        cmocka_unit_test_setup_teardown(stream_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(client_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(large, setup, teardown),
    };

    return cmocka_run_group_tests_name("handlers/body", tests, NULL, NULL);
}
