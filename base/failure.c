#include "config.h"
#include "base/failure.h"
#include "base/hash.h"

#include <string.h>

int failure_rank(struct str name, struct str mime)
{
    if (str_eq_cstr(name, "message"))
        return 4;
    if (str_eq_cstr(name, "traceback"))
        return 3;
    if (str_starts(name, STR("traceback")))
        return 2;
    return str_starts(mime, STR("text/x-traceback"));
}

/* --- the line ------------------------------------------------------------------------------------ */

static bool next_line(struct str *text, struct str *line)
{
    if (text->n == 0)
        return false;
    str_cut(*text, '\n', line, text);
    return true;
}

static bool is_frame(struct str line)
{
    return str_starts(line, STR("  File \""));
}

/* "\tat org.junit.Assert.fail(Assert.java:88)", "\t... 23 more" */
static bool is_java_frame(struct str line)
{
    struct str bare = str_trim(line);

    return bare.n < line.n && (str_starts(bare, STR("at ")) || str_starts(bare, STR("... ")));
}

struct str failure_line(struct str tail)
{
    struct str line, raised = {NULL, 0}, last = {"", 0};
    bool in_frame = false;

    while (next_line(&tail, &line)) {
        struct str bare = str_trim(line);

        if (is_frame(line)) {
            in_frame = true;
        } else if (bare.n && in_frame && line.p[0] != ' ') {
            in_frame = false;
            raised = bare;
        }
        if (bare.n && !is_java_frame(line))
            last = bare;
    }
    return raised.p ? raised : last;
}

/* --- placeholders -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

/* Bytes at the front of S for which... */
static size_t span(struct str s, bool (*is)(char c))
{
    size_t n = 0;

    while (n < s.n && is(s.p[n]))
        n++;
    return n;
}

static bool is_hex(char c)
{
    return str_hex_digit(c) >= 0;
}

static bool is_path_char(char c)
{
    return is_word(c) || (unsigned char)c >= 0x80 || is_one_of(c, "/.-+%@~=,");
}

static bool is_url_char(char c)
{
    return is_path_char(c) || is_one_of(c, ":?&#[]");
}

static size_t uuid_at(struct str s)
{
    static const size_t groups[] = {8, 4, 4, 4, 12};
    size_t at = 0;

    for (size_t i = 0; i < 5; i++) {
        if (i && (at >= s.n || s.p[at++] != '-'))
            return 0;
        if (span((struct str){s.p + at, s.n - at}, is_hex) < groups[i])
            return 0;
        at += groups[i];
    }
    return at < s.n && is_word(s.p[at]) ? 0 : at;
}

/* Four numbers with dots between them, perhaps a port. */
static size_t ipv4_at(struct str s)
{
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        if (i && (at >= s.n || s.p[at++] != '.'))
            return 0;
        size_t n = span((struct str){s.p + at, s.n - at}, is_digit);
        if (n == 0 || n > 3)
            return 0;
        at += n;
    }
    return at < s.n && is_word(s.p[at]) ? 0 : at;
}

/* 0x..., or eight and more hexadecimal digits that are one word, with a digit among them. */
static size_t hex_at(struct str s)
{
    size_t prefix = s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x' ? 2 : 0;
    struct str digits = {s.p + prefix, s.n - prefix};
    size_t n = span(digits, is_hex), numbers = 0;

    for (size_t i = 0; i < n; i++)
        numbers += is_digit(digits.p[i]);
    if (n == 0 || (n < digits.n && is_word(digits.p[n])))
        return 0;
    if (!prefix && (n < 8 || numbers == 0 || numbers == n))
        return 0;
    return prefix + n;
}

static size_t url_at(struct str s)
{
    size_t n = span(s, is_word);

    if (n == 0 || n > 10 || s.n < n + 3 || memcmp(s.p + n, "://", 3) != 0)
        return 0;
    return n + 3 + span((struct str){s.p + n + 3, s.n - n - 3}, is_url_char);
}

/* /a/b, ./a, ../a/b, ~/a, C:\a: at least one name behind a slash. */
static size_t path_at(struct str s)
{
    size_t n = span(s, is_path_char);
    size_t dots = 0;

    while (dots < s.n && dots < 2 && is_one_of(s.p[dots], ".~"))
        dots++;
    if (dots >= s.n || s.p[dots] != '/' || n < dots + 2 || s.p[dots + 1] == '/')
        return 0;
    /* "and/or" is no path; a full stop ends a sentence. */
    while (n && is_one_of(s.p[n - 1], ".,"))
        n--;
    return n;
}

/* What stands at the front of S and differs from run to run; 0: nothing. */
static size_t variable_at(struct str s, const char **placeholder)
{
    static const struct {
        size_t (*at)(struct str s);
        const char *placeholder;
    } kinds[] = {
        {uuid_at, "<uuid>"}, {url_at, "<url>"}, {ipv4_at, "<ip>"}, {path_at, "<path>"}, {hex_at, "<hex>"},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t n = kinds[i].at(s);

        *placeholder = kinds[i].placeholder;
        if (n)
            return n;
    }
    return 0;
}

/* Digits, anywhere; with a fraction. */
static size_t number_at(struct str s)
{
    size_t n = span(s, is_digit);

    if (n && n + 1 < s.n && s.p[n] == '.' && is_digit(s.p[n + 1]))
        n += 1 + span((struct str){s.p + n + 1, s.n - n - 1}, is_digit);
    return n;
}

static void add_char(struct buf *out, struct str *line)
{
    size_t n = str_utf8_char(*line);
    unsigned char c = (unsigned char)line->p[0];

    if (n == 0)
        buf_add_cstr(out, "?");
    else if (c < 0x20 || c == 0x7f)
        buf_add_char(out, ' ');
    else
        buf_add(out, line->p, n);
    n = n ? n : 1;
    *line = (struct str){line->p + n, line->n - n};
}

void failure_normalise(struct str line, struct buf *out)
{
    size_t end = out->n + FAILURE_LINE - 8; /* room for a placeholder or a character */
    bool inside = false;                    /* of a word */

    while (line.n && out->n < end && buf_ok(out)) {
        const char *placeholder = "<N>";
        size_t n = inside ? 0 : variable_at(line, &placeholder);

        if (n == 0) {
            placeholder = "<N>";
            n = number_at(line);
        }
        if (n == 0) {
            inside = is_word(line.p[0]) || (unsigned char)line.p[0] >= 0x80;
            add_char(out, &line);
            continue;
        }
        inside = true;
        buf_add_cstr(out, placeholder);
        line = (struct str){line.p + n, line.n - n};
    }
}

void failure_signature(struct str normal, unsigned char out[FAILURE_SIGNATURE_SIZE])
{
    unsigned char sha256[SHA256_SIZE];

    hash_sha256(normal.p, normal.n, sha256);
    memcpy(out, sha256, FAILURE_SIGNATURE_SIZE);
}
