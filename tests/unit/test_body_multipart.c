#include "config.h"
#include "base/buf.h"
#include "handlers/multipart.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;
static struct buf seen; /* "<name|filename|type>data</>" */

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    buf_init(&seen, 10000000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    buf_free(&seen);
    return 0;
}

static bool on_begin(void *ctx, const struct multipart_part *part, struct error *err)
{
    (void)ctx;
    (void)err;
    buf_printf(&seen, "<%.*s|%.*s|%.*s>", STR_ARG(part->name), STR_ARG(part->filename),
               STR_ARG(part->content_type));
    return true;
}

static bool on_data(void *ctx, const char *p, size_t n, struct error *err)
{
    (void)ctx;
    (void)err;
    assert_true(n > 0);
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

static bool read_in(struct str text, size_t step, struct error *err)
{
    const struct multipart_sink sink = {NULL, on_begin, on_data, on_end};
    struct multipart *m = multipart_new(arena, STR("b"), &sink);

    buf_clear(&seen);
    buf_add_cstr(&seen, "");
    for (size_t i = 0; i < text.n; i += step)
        if (!multipart_feed(m, text.p + i, text.n - i < step ? text.n - i : step, err))
            return false;
    return multipart_end(m, err);
}

static const size_t steps[] = {1, 2, 3, 5, 7, 11, 10000000};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void good_n(struct str text, struct str want)
{
    struct error err;

    for (size_t i = 0; i < STEPS; i++) {
        if (!read_in(text, steps[i], &err))
            fail_msg("steps of %zu: %s: %s", steps[i], text.p, err.message);
        if (!str_eq(buf_str(&seen), want))
            fail_msg("steps of %zu: got %s, want %s", steps[i], seen.p, want.p);
    }
}

static void good(const char *text, const char *want)
{
    good_n(str_of(text), str_of(want));
}

static void bad(const char *text, const char *why)
{
    struct error err;
    uint64_t offset = 0;

    for (size_t i = 0; i < STEPS; i++) {
        if (read_in(str_of(text), steps[i], &err))
            fail_msg("taken: %s", text);
        if (!strstr(err.message, why))
            fail_msg("%s: got \"%s\", want \"%s\"", text, err.message, why);
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
        assert_true(err.has_offset && err.offset <= strlen(text));
        if (i)
            assert_int_equal(err.offset, offset);
        offset = err.offset;
    }
}

#define D "Content-Disposition: form-data; name=\"n\"\r\n"

static void parts(void **state)
{
    (void)state;
    good("--b\r\n" D "\r\nhello\r\n--b--\r\n", "<n||>hello</>");
    good("--b\r\n" D "\r\nhello\r\n--b--", "<n||>hello</>");
    good("--b\r\n" D "\r\n\r\n--b--", "<n||></>");
    good("--b\r\n" D "\r\n--b--", "<n||></>");
    good("--b \t\r\n" D "\r\nx\r\n--b-- \r\n", "<n||>x</>");
    good("--b\r\n" D "\r\none\r\n--b\r\n" D "\r\ntwo\r\n--b--\r\n", "<n||>one</><n||>two</>");
    good("--b--\r\n", "");
    good("--b\r\ncontent-DISPOSITION:form-data;filename=f.bin;NAME=n\r\nContent-Type:\tx/y; z=1 \r\nX-Other: "
         "anything\r\nContent-Transfer-Encoding: binary\r\n\r\nx\r\n--b--",
         "<n|f.bin|x/y; z=1>x</>");
    good("--b\r\nContent-Disposition: form-data; name=\"a\\\"b;=\\\\c\"; filename=\"C:\\dir\\f\"; "
         "\r\n\r\nx\r\n--b--",
         "<a\"b;=\\c|C:\\dir\\f|>x</>");
}

/* What looks like a boundary and is none. */
static void data_like_boundaries(void **state)
{
    (void)state;
    good("--b\r\n" D "\r\n\r\n\r\n--\r\n-b\r--b\n--b \r\r\n--c\r\n\r\n--b--",
         "<n||>\r\n\r\n--\r\n-b\r--b\n--b \r\r\n--c\r\n</>");
    good("--b\r\n" D "\r\n\r\r\n--b--", "<n||>\r</>");
    good("--b\r\n" D "\r\n-\r\n--b--", "<n||>-</>");
    good("--b\r\n" D "\r\n--\r\n--b--", "<n||>--</>");
    good_n(STR("--b\r\n" D "\r\n\0\xff\0\r\n--b--"), STR("<n||>\0\xff\0</>"));
}

static void around(void **state)
{
    (void)state;
    good("preamble\r\nmore --b\r\n--b\r\n" D "\r\nx\r\n--b--\r\nepilogue\r\n--b\r\nmore", "<n||>x</>");
    good("\r\n--b\r\n" D "\r\nx\r\n--b--", "<n||>x</>");
}

static void cut_off(void **state)
{
    static const char whole[] = "--b\r\n" D "\r\nhello\r\n--b\r\n" D "\r\nx\r\n--b--";
    struct error err;

    (void)state;
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        assert_false(read_in((struct str){whole, n}, 4, &err));
        assert_non_null(strstr(err.message, "it ends without its closing boundary"));
        assert_int_equal(err.offset, n);
    }
    assert_true(read_in(str_of(whole), 4, &err));
}

static void malformed(void **state)
{
    (void)state;
    bad("--b\r\n" D "\r\nx\r\n--bc\r\n--b--", "goes on");
    bad("--b\r\n" D "\r\nx\r\n--b-\r\n--b--", "goes on");
    bad("--b\r\n" D "\r\nx\r\n--b--x\r\n", "closing boundary's line goes on");
    bad("--bx\r\n" D "\r\nx\r\n--b--", "goes on");
    bad("--b\n" D "\r\nx\r\n--b--", "goes on");
    bad("--b\rx" D "\r\nx\r\n--b--", "CR without its LF");
    bad("--b\r\n\r\nx\r\n--b--", "without Content-Disposition");
    bad("--b\r\nContent-Disposition: attachment; name=n\r\n\r\nx\r\n--b--", "form-data");
    bad("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "without a name");
    bad("--b\r\nContent-Disposition: form-data; name\r\n\r\nx\r\n--b--", "malformed");
    bad("--b\r\nContent-Disposition: form-data; name=\"n\r\n\r\nx\r\n--b--", "malformed");
    bad("--b\r\nContent-Disposition: form-data; name=n x\r\n\r\nx\r\n--b--", "malformed");
    bad("--b\r\nContent-Disposition: form-data; name=n; name=m\r\n\r\nx\r\n--b--", "malformed");
    bad("--b\r\nContent-Disposition: form-data; filename=f; filename=f; name=m\r\n\r\nx\r\n--b--",
        "malformed");
    bad("--b\r\n" D D "\r\nx\r\n--b--", "stands twice");
    bad("--b\r\n" D "Content-Type: a/b\r\nContent-type: a/c\r\n\r\nx\r\n--b--", "stands twice");
    bad("--b\r\n" D "Content-Type: Multipart/mixed; boundary=c\r\n\r\nx\r\n--b--", "multipart within a part");
    bad("--b\r\n" D "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", "Transfer-Encoding");
    bad("--b\r\n" D " folded\r\n\r\nx\r\n--b--", "header that is none");
    bad("--b\r\n" D "no colon\r\n\r\nx\r\n--b--", "header that is none");
    bad("--b\r\n" D "A: b\nC: d\r\n\r\nx\r\n--b--", "CR LF");
    bad("--b\r\n" D "A: \x01\r\n\r\nx\r\n--b--", "control character");
    bad("--b\r\n: x\r\n\r\nx\r\n--b--", "header that is none");
}

static void long_headers(void **state)
{
    struct buf b;
    struct error err;

    (void)state;
    buf_init(&b, 100000);
    for (size_t n = 8192; n <= 8193; n++) {
        buf_clear(&b);
        buf_add_cstr(&b, "--b\r\n" D "X: ");
        while (b.n < 5 + n - 4)
            buf_add_char(&b, 'x');
        buf_add_cstr(&b, "\r\n\r\nx\r\n--b--");
        assert_int_equal(read_in(buf_str(&b), 100, &err), n == 8192);
    }
    assert_non_null(strstr(err.message, "longer than 8192"));
    buf_free(&b);
}

static bool refuse(void *ctx, const struct multipart_part *part, struct error *err)
{
    (void)ctx;
    (void)part;
    return error_set(err, ERROR_CONFLICT, "no");
}

static void sinks_that_refuse(void **state)
{
    const struct multipart_sink sink = {NULL, refuse, on_data, on_end};
    struct multipart *m = multipart_new(arena, STR("b"), &sink);
    struct error err;

    (void)state;
    assert_false(multipart_feed(m, "--b\r\n" D "\r\nx", 5 + sizeof(D) - 1 + 3, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void boundaries(void **state)
{
    struct error err;
    struct str out;
    char text[200];

    (void)state;
    assert_true(multipart_boundary(arena, STR("; boundary=abc"), &out, &err) && str_eq(out, STR("abc")));
    assert_true(multipart_boundary(arena, STR(" ; x=y; Boundary=\"a b'()+_,-./:=?c\" "), &out, &err));
    assert_true(str_eq(out, STR("a b'()+_,-./:=?c")));
    assert_false(multipart_boundary(arena, STR(""), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary="), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=\"\""), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=\"a \""), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=a; boundary=b"), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=\"a"), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=\"a\"b"), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=a@b"), &out, &err));
    assert_false(multipart_boundary(arena, STR("; boundary=\"a\rb\""), &out, &err));
    assert_false(multipart_boundary(arena, (struct str){"; boundary=a\0b", 14}, &out, &err));
    assert_false(multipart_boundary(arena, STR("boundary=a"), &out, &err));
    for (int n = 70; n <= 71; n++) {
        snprintf(text, sizeof(text), "; boundary=%0*d", n, 0);
        assert_int_equal(multipart_boundary(arena, str_of(text), &out, &err), n == 70);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts, setup, teardown),
        cmocka_unit_test_setup_teardown(data_like_boundaries, setup, teardown),
        cmocka_unit_test_setup_teardown(around, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(long_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(sinks_that_refuse, setup, teardown),
        cmocka_unit_test_setup_teardown(boundaries, setup, teardown),
    };

    return cmocka_run_group_tests_name("handlers/multipart", tests, NULL, NULL);
}
