#include "config.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

enum { DEPTH_MAX = 64, NUMBER_MAX = 400, FEW_MEMBERS = 16 };

const struct json_limits json_default_limits = {1024 * 1024, 100000, DEPTH_MAX};

struct parse {
    struct arena *arena;
    struct str text;
    struct json_limits limits;
    struct error *err;
    yajl_handle yajl;
    struct json *root;
    struct json *open[DEPTH_MAX]; /* the arrays and objects that we are in */
    struct json *last[DEPTH_MAX]; /* the newest child of each */
    struct str key;               /* of the member whose value comes next */
    unsigned depth;
    size_t values;
    bool failed; /* err is set */
};

static bool fail_at(struct parse *ps, size_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
static bool fail_at(struct parse *ps, size_t offset, const char *fmt, ...)
{
    size_t line = 1;
    size_t column = 1;
    char what[300];
    va_list ap;

    for (size_t i = 0; i < offset && i < ps->text.n; i++) {
        if (ps->text.p[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)ps->text.p[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    ps->failed = true;
    return error_set_at(ps->err, offset, ERROR_BAD_REQUEST, "malformed JSON at line %zu column %zu: %s", line,
                        column, what);
}

/* What the callbacks of yajl answer: 0 ends the parse. */
static struct json *add(struct parse *ps, enum json_type type)
{
    size_t offset = yajl_get_bytes_consumed(ps->yajl);

    if (++ps->values > ps->limits.max_values) {
        fail_at(ps, offset, "more than %zu values", ps->limits.max_values);
        return NULL;
    }
    struct json *v = arena_calloc(ps->arena, 1, sizeof(*v));
    v->type = type;
    v->offset = offset;
    if (ps->depth == 0) {
        ps->root = v;
        return v;
    }
    struct json *parent = ps->open[ps->depth - 1];
    if (parent->type == JSON_OBJECT)
        v->key = ps->key;
    if (ps->last[ps->depth - 1])
        ps->last[ps->depth - 1]->next = v;
    else
        parent->first = v;
    ps->last[ps->depth - 1] = v;
    parent->n++;
    return v;
}

static int on_null(void *ctx)
{
    return add(ctx, JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
    struct json *v = add(ctx, JSON_BOOL);

    if (v)
        v->boolean = value != 0;
    return v != NULL;
}

static int on_number(void *ctx, const char *p, size_t n)
{
    struct parse *ps = ctx;
    struct json *v = NULL;

    if (n > NUMBER_MAX)
        fail_at(ps, yajl_get_bytes_consumed(ps->yajl) - n, "a number of more than %d digits", NUMBER_MAX);
    else
        v = add(ps, JSON_NUMBER);
    if (v)
        v->str = arena_str(ps->arena, (struct str){p, n});
    return v != NULL;
}

static int on_string(void *ctx, const unsigned char *p, size_t n)
{
    struct parse *ps = ctx;
    struct json *v = add(ps, JSON_STRING);

    if (v)
        v->str = arena_str(ps->arena, (struct str){(const char *)p, n});
    return v != NULL;
}

static int open_level(struct parse *ps, enum json_type type)
{
    if (ps->depth >= ps->limits.max_depth) {
        fail_at(ps, yajl_get_bytes_consumed(ps->yajl) - 1, "nested deeper than %u levels",
                ps->limits.max_depth);
        return 0;
    }
    struct json *v = add(ps, type);
    if (!v)
        return 0;
    ps->open[ps->depth] = v;
    ps->last[ps->depth] = NULL;
    ps->depth++;
    return 1;
}

static int on_start_map(void *ctx)
{
    return open_level(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
    return open_level(ctx, JSON_ARRAY);
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
    struct parse *ps = ctx;

    ps->key = arena_str(ps->arena, (struct str){(const char *)p, n});
    return 1;
}

static int by_key(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a;
    const struct json *y = *(const struct json *const *)b;

    return str_cmp(x->key, y->key);
}

/* The second of two members with one key, or NULL. Sorting keeps a hostile object from costing its square. */
static const struct json *twice(const struct json *obj)
{
    const struct json **sorted;
    const struct json *found = NULL;
    size_t n = 0;

    if (obj->n <= FEW_MEMBERS) {
        for (const struct json *a = obj->first; a; a = a->next)
            for (const struct json *b = a->next; b; b = b->next)
                if (str_eq(a->key, b->key))
                    return b;
        return NULL;
    }
    sorted = mem_calloc(obj->n, sizeof(*sorted));
    for (const struct json *m = obj->first; m; m = m->next)
        sorted[n++] = m;
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (size_t i = 1; i < n && !found; i++)
        if (str_eq(sorted[i - 1]->key, sorted[i]->key))
            found = sorted[i - 1]->offset > sorted[i]->offset ? sorted[i - 1] : sorted[i];
    free(sorted);
    return found;
}

static int on_end_map(void *ctx)
{
    struct parse *ps = ctx;
    const struct json *second = twice(ps->open[ps->depth - 1]);

    if (second) {
        size_t shown = second->key.n < 100 ? second->key.n : 100;

        fail_at(ps, second->offset, "the key \"%.*s\" twice in one object", (int)shown, second->key.p);
        return 0;
    }
    ps->depth--;
    return 1;
}

static int on_end_array(void *ctx)
{
    struct parse *ps = ctx;

    ps->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* yajl uses what malloc gives it unchecked. What it asks for is bounded by the text's length, which was
 * checked before; these end the process where even that is not to be had. */
static void *yajl_new(void *ctx, size_t size)
{
    (void)ctx;
    return mem_alloc(size);
}

static void *yajl_more(void *ctx, void *p, size_t size)
{
    (void)ctx;
    return mem_realloc(p, size);
}

static void yajl_gone(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static bool hex4(const char *p, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_digit(p[i]);

        if (digit < 0)
            return false;
        *out = *out << 4 | (unsigned)digit;
    }
    return true;
}

/* What yajl lets pass: bytes that are not UTF-8 in odd places, halves of surrogate pairs. A backslash stands
 * in strings only, so this needs no knowledge of where strings are. */
static bool check_text(struct parse *ps)
{
    struct str t = ps->text;
    unsigned c;

    for (size_t i = 0; i < t.n;) {
        size_t len = str_utf8_char((struct str){t.p + i, t.n - i});

        if (len == 0)
            return fail_at(ps, i, "not UTF-8");
        if (t.p[i] != '\\') {
            i += len;
        } else if (t.n - i < 6 || t.p[i + 1] != 'u' || !hex4(t.p + i + 2, &c)) {
            /* "\\" is one unit; after anything else the scan goes on at the next byte. */
            i += t.n - i > 1 && t.p[i + 1] == '\\' ? 2 : 1;
        } else if (c >= 0xd800 && c <= 0xdbff) {
            unsigned low = 0;

            if (t.n - i < 12 || t.p[i + 6] != '\\' || t.p[i + 7] != 'u' || !hex4(t.p + i + 8, &low) ||
                low < 0xdc00 || low > 0xdfff)
                return fail_at(ps, i, "half of a surrogate pair");
            i += 12;
        } else if (c >= 0xdc00 && c <= 0xdfff) {
            return fail_at(ps, i, "half of a surrogate pair");
        } else {
            i += 6;
        }
    }
    return true;
}

static bool yajl_failed(struct parse *ps, bool at_end)
{
    size_t offset = at_end ? ps->text.n : yajl_get_bytes_consumed(ps->yajl);
    unsigned char *text;

    if (ps->failed)
        return false;
    text = yajl_get_error(ps->yajl, 0, NULL, 0);
    /* "parse error: unallowed token at this point in JSON text\n" */
    const char *what = text ? strstr((const char *)text, "error: ") : NULL;
    what = what ? what + 7 : "not JSON";
    size_t n = strcspn(what, "\n");
    while (n && what[n - 1] == '.')
        n--;
    /* It stops behind a token that it does not like, and at a character: the column may be one too low. */
    fail_at(ps, offset && !at_end ? offset - 1 : offset, "%.*s", (int)n, what);
    yajl_free_error(ps->yajl, text);
    return false;
}

static bool run(struct parse *ps)
{
    yajl_alloc_funcs funcs = {yajl_new, yajl_more, yajl_gone, NULL};
    bool ok = true;

    ps->yajl = yajl_alloc(&callbacks, &funcs, ps);
    if (!ps->yajl)
        mem_die(sizeof(*ps));
    if (yajl_parse(ps->yajl, (const unsigned char *)ps->text.p, ps->text.n) != yajl_status_ok)
        ok = yajl_failed(ps, false);
    else if (yajl_complete_parse(ps->yajl) != yajl_status_ok)
        ok = yajl_failed(ps, true);
    yajl_free(ps->yajl);
    if (ok && !ps->root)
        ok = fail_at(ps, ps->text.n, "no value");
    return ok;
}

struct json *json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
                        struct error *err)
{
    struct parse ps = {.arena = arena, .text = text, .err = err};

    ps.limits = limits ? *limits : json_default_limits;
    if (ps.limits.max_depth > DEPTH_MAX)
        ps.limits.max_depth = DEPTH_MAX;
    if (text.n > ps.limits.max_bytes) {
        error_set(err, ERROR_TOO_LARGE, "JSON of %zu bytes; at most %zu are taken", text.n,
                  ps.limits.max_bytes);
        return NULL;
    }
    if (str_trim(text).n == 0) {
        fail_at(&ps, 0, "nothing there");
        return NULL;
    }
    return check_text(&ps) && run(&ps) ? ps.root : NULL;
}

struct json *json_parse_object(struct arena *arena, struct str text, const struct json_limits *limits,
                               struct error *err)
{
    struct json *j = json_parse(arena, text, limits, err);

    if (j && j->type != JSON_OBJECT) {
        error_set(err, ERROR_BAD_REQUEST, "the body must be a JSON object, not %s", json_type_name(j));
        return NULL;
    }
    return j;
}
