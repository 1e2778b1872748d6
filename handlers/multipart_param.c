#include "config.h"
#include "handlers/multipart.h"

#include <string.h>

/* The parameters of Content-Type and Content-Disposition: *( ";" token "=" ( token / quoted-string ) ). */

static struct str skip_blanks(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct str){s.p + 1, s.n - 1};
    return s;
}

/* Browsers send %22 for a quote and a backslash as it is, the RFC has backslashes quote: only \" and \\ are
 * taken for that. */
static bool is_escape(struct str s, size_t i)
{
    return s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\');
}

/* The inside of the quoted string at the beginning of S, as it stands. */
static bool quoted(struct str *s, struct str *out)
{
    size_t i = 1;

    while (i < s->n && s->p[i] != '"')
        i += is_escape(*s, i) ? 2 : 1;
    if (i >= s->n)
        return false;
    *out = (struct str){s->p + 1, i - 1};
    *s = (struct str){s->p + i + 1, s->n - i - 1};
    return true;
}

static struct str unescape(struct arena *arena, struct str s)
{
    char *text = arena_alloc(arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (is_escape(s, i))
            i++;
        text[n++] = s.p[i];
    }
    text[n] = '\0';
    return (struct str){text, n};
}

/* One "; name=value" at the beginning of S. */
static bool next_param(struct str *s, struct str *name, struct str *value, bool *in_quotes)
{
    size_t n = 0;

    *in_quotes = false;
    if (s->p[0] != ';')
        return false;
    *s = skip_blanks((struct str){s->p + 1, s->n - 1});
    *name = *value = (struct str){NULL, 0};
    if (s->n == 0)
        return true; /* a semicolon at the end does no harm */
    while (n < s->n && !strchr("=; \t\"", s->p[n]))
        n++;
    if (n == 0 || n == s->n || s->p[n] != '=')
        return false;
    *name = (struct str){s->p, n};
    *s = (struct str){s->p + n + 1, s->n - n - 1};
    if (s->n && s->p[0] == '"') {
        *in_quotes = true;
        if (!quoted(s, value))
            return false;
    } else {
        for (n = 0; n < s->n && !strchr("; \t\"", s->p[n]);)
            n++;
        if (n == 0)
            return false;
        *value = (struct str){s->p, n};
        *s = (struct str){s->p + n, s->n - n};
    }
    *s = skip_blanks(*s);
    return true;
}

bool multipart_param(struct arena *arena, struct str params, const char *name, struct str *out)
{
    struct str rest = skip_blanks(params);

    *out = (struct str){NULL, 0};
    while (rest.n) {
        struct str key, value;
        bool in_quotes;

        if (!next_param(&rest, &key, &value, &in_quotes))
            return false;
        if (!str_eq_nocase(key, str_of(name)))
            continue;
        if (out->p)
            return false;
        *out = in_quotes ? unescape(arena, value) : arena_str(arena, value);
    }
    return true;
}

bool multipart_boundary(struct arena *arena, struct str params, struct str *out, struct error *err)
{
    static const char chars[] = "'()+_,-./:=? ";

    if (!multipart_param(arena, params, "boundary", out) || !out->p)
        return error_set(err, ERROR_BAD_REQUEST, "Content-Type has no boundary, or is malformed");
    bool ok = out->n >= 1 && out->n <= 70 && out->p[out->n - 1] != ' ';
    for (size_t i = 0; i < out->n && ok; i++) {
        char c = out->p[i];

        ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             (c && strchr(chars, c));
    }
    return ok || error_set(err, ERROR_BAD_REQUEST,
                           "the boundary must be 1 to 70 characters of those that RFC 2046 lists");
}
