#include "config.h"
#include "base/conf_table.h"
#include "base/arena.h"
#include "base/attr_regex.h"
#include "base/clock.h"

#include <string.h>

static void *field(struct conf *c, const struct conf_option *o)
{
    return (char *)c + o->offset;
}

static const void *field_of(const struct conf *c, const struct conf_option *o)
{
    return (const char *)c + o->offset;
}

static const char *set_number(struct conf *c, const struct conf_option *o, struct str v)
{
    uint64_t unit = 1;
    uint64_t n;

    if (o->type == CONF_BYTES && v.n) {
        switch (v.p[v.n - 1]) {
        case 'K': unit = 1ULL << 10; break;
        case 'M': unit = 1ULL << 20; break;
        case 'G': unit = 1ULL << 30; break;
        default: break;
        }
        if (unit > 1)
            v.n--;
    }
    if (!str_to_u64(v, UINT64_MAX / unit, &n))
        return o->type == CONF_BYTES ? "is not a number of bytes (with K, M or G)" : "is not a number";
    if (n * unit < o->min || n * unit > o->max)
        return "is out of range";
    memcpy(field(c, o), &(uint64_t){n * unit}, sizeof(uint64_t));
    return NULL;
}

static const char *set_bool(struct conf *c, const struct conf_option *o, struct str v)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_nocase(v, str_of(words[i]))) {
            *(bool *)field(c, o) = i & 1;
            return NULL;
        }
    return "is not true or false";
}

static bool is_pair(struct str word)
{
    struct str key, value;

    return str_cut(word, ':', &key, &value) && key.n > 0 && str_is_utf8(word) && str_utf8_len(key) <= 255 &&
           str_utf8_len(value) <= 255;
}

static const char *set_list(struct conf *c, const struct conf_option *o, struct str v)
{
    struct conf_list list = {arena_calloc(c->memory, v.n / 2 + 1, sizeof(char *)), 0};
    struct str rest = v;

    while (rest.n) {
        struct str word;

        str_cut(rest, ',', &word, &rest);
        word = str_trim(word);
        if (word.n == 0)
            return "has an empty word";
        if (o->type == CONF_PAIRS && !is_pair(word))
            return "is not KEY:VALUE (UTF-8, at most 255 characters each), with commas between";
        list.item[list.n++] = arena_str(c->memory, word).p;
    }
    memcpy(field(c, o), &list, sizeof(list));
    return NULL;
}

static const char *check_choice(const struct conf_option *o, struct str v)
{
    struct str word, rest = str_of(o->choices);

    while (rest.n) {
        str_cut(rest, ' ', &word, &rest);
        if (str_eq(word, v))
            return NULL;
    }
    return "is not one of the words that it takes";
}

static const char *check_table(struct str v)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    /* A digit first would be a table name too, but for MySQL not without quotes everywhere. */
    if (v.n == 0 || v.n > 64 || strspn(v.p, letters) < v.n || (v.p[0] >= '0' && v.p[0] <= '9'))
        return "is not a table's name (letters, digits and _; at most 64)";
    return NULL;
}

static const char *check_url(const struct conf_option *o, struct str v)
{
    if (v.n == 0 && !*o->def)
        return NULL;
    if (!str_starts(v, STR("http://")) && !str_starts(v, STR("https://")))
        return "does not begin with http:// or https://";
    if (str_ends(v, STR("/")))
        return "ends with a slash";
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || strchr("\"<>\\^`{|}", v.p[i]))
            return "has a character that no URL has";
    return NULL;
}

static const char *check_regex(struct conf *c, struct str v)
{
    regex_t re;
    const char *wrong = attr_regex_compile(v, &re);

    if (wrong)
        return arena_printf(c->memory, "is not taken: %s", wrong);
    regfree(&re);
    return NULL;
}

static const char *set_text(struct conf *c, const struct conf_option *o, struct str v)
{
    const char *text = arena_str(c->memory, v).p;
    const char *wrong = NULL;
    int64_t us;

    if (o->type == CONF_CHOICE)
        wrong = check_choice(o, v);
    else if (o->type == CONF_TABLE)
        wrong = check_table((struct str){text, v.n});
    else if (o->type == CONF_URL)
        wrong = check_url(o, v);
    else if (o->type == CONF_REGEX)
        wrong = check_regex(c, v);
    else if (o->type == CONF_TIME && v.n && !clock_parse(v, &us))
        wrong = "is no time like 2026-03-01T12:00:00Z";
    if (!wrong)
        memcpy(field(c, o), &text, sizeof(text));
    return wrong;
}

const char *conf_value_set(struct conf *c, const struct conf_option *o, struct str v)
{
    switch (o->type) {
    case CONF_NUMBER:
    case CONF_BYTES: return set_number(c, o, v);
    case CONF_BOOL: return set_bool(c, o, v);
    case CONF_LIST:
    case CONF_PAIRS: return set_list(c, o, v);
    case CONF_STRING:
    case CONF_CHOICE:
    case CONF_TABLE:
    case CONF_URL:
    case CONF_REGEX:
    case CONF_TIME: break;
    }
    return set_text(c, o, v);
}

static bool list_same(const struct conf_list *a, const struct conf_list *b)
{
    for (size_t i = 0; a->n == b->n && i < a->n; i++)
        if (strcmp(a->item[i], b->item[i]) != 0)
            return false;
    return a->n == b->n;
}

bool conf_value_same(const struct conf_option *o, const struct conf *a, const struct conf *b)
{
    const void *x = field_of(a, o);
    const void *y = field_of(b, o);

    switch (o->type) {
    case CONF_NUMBER:
    case CONF_BYTES: return memcmp(x, y, sizeof(uint64_t)) == 0;
    case CONF_BOOL: return *(const bool *)x == *(const bool *)y;
    case CONF_LIST:
    case CONF_PAIRS: return list_same(x, y);
    case CONF_STRING:
    case CONF_CHOICE:
    case CONF_TABLE:
    case CONF_URL:
    case CONF_REGEX:
    case CONF_TIME: break;
    }
    return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
}

void conf_value_copy(const struct conf_option *o, const struct conf *from, struct conf *to)
{
    const void *x = field_of(from, o);

    if (o->type == CONF_NUMBER || o->type == CONF_BYTES) {
        memcpy(field(to, o), x, sizeof(uint64_t));
    } else if (o->type == CONF_BOOL) {
        memcpy(field(to, o), x, sizeof(bool));
    } else if (o->type == CONF_LIST || o->type == CONF_PAIRS) {
        const struct conf_list *list = x;
        struct conf_list dup = {arena_calloc(to->memory, list->n + 1, sizeof(char *)), list->n};

        for (size_t i = 0; i < list->n; i++)
            dup.item[i] = arena_strdup(to->memory, list->item[i]);
        memcpy(field(to, o), &dup, sizeof(dup));
    } else {
        const char *text = arena_strdup(to->memory, *(const char *const *)x);

        memcpy(field(to, o), &text, sizeof(text));
    }
}
