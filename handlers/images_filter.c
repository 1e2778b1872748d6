#include "config.h"
#include "handlers/images_filter.h"
#include "base/clock.h"
#include "handlers/image_context.h"

#include <string.h>

enum { SECOND_US = 1000000, VALUES_MAX = 1000 };

/* --- values ------------------------------------------------------------------------------------- */

/* Is the quotation mark at I where one may stand? */
static const char *quote_mistake(struct str s, size_t i, bool open)
{
    if (!open && i > 0 && s.p[i - 1] != ',')
        return "There is no comma before opening quotation mark.";
    if (open && i + 1 < s.n && s.p[i + 1] != ',')
        return "There is no comma after closing quotation mark.";
    return NULL;
}

static bool check_quotes(struct str s, struct error *err)
{
    const char *mistake = NULL;
    bool open = false;

    for (size_t i = 0; i < s.n && !mistake; i++) {
        if (s.p[i] == '\\') {
            i++; /* what follows is itself */
        } else if (s.p[i] == '"') {
            mistake = quote_mistake(s, i, open);
            open = !open;
        }
    }
    if (!mistake && open)
        mistake = "The quote is not closed.";
    return !mistake ||
           error_set(err, ERROR_BAD_REQUEST, "Invalid filter value %.*s. %s", IMAGES_SHOWN(s), mistake);
}

/* The word that begins at *AT, written to TO; *AT is then behind its comma. */
static struct str next_word(char *to, struct str s, size_t *at)
{
    bool quoted = *at < s.n && s.p[*at] == '"';
    size_t n = 0, i = *at + quoted;

    for (; i < s.n && s.p[i] != (quoted ? '"' : ','); i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
            i++;
        to[n++] = s.p[i];
    }
    *at = i + quoted + 1;
    return (struct str){to, n};
}

bool images_filter_split(struct arena *arena, struct str s, struct str **out, size_t *n, struct error *err)
{
    char *text = arena_alloc(arena, s.n + 1);

    if (!check_quotes(s, err))
        return false;
    *out = arena_calloc(arena, VALUES_MAX, sizeof(**out));
    *n = 0;
    for (size_t at = 0; at < s.n || *n == 0;) {
        if (*n == VALUES_MAX)
            return error_set(err, ERROR_BAD_REQUEST, "at most %d values are taken", VALUES_MAX);
        (*out)[*n] = next_word(text, s, &at);
        text += (*out)[(*n)++].n;
    }
    return true;
}

static struct image_condition *new_condition(struct images_reading *x, struct error *err)
{
    struct image_condition *c;

    if (x->out->filter.n == IMAGE_CONDITIONS_MAX) {
        error_set(err, ERROR_BAD_REQUEST, "at most %d filters are taken", IMAGE_CONDITIONS_MAX);
        return NULL;
    }
    c = &x->out->filter.conditions[x->out->filter.n++];
    *c = (struct image_condition){.column = x->column, .test = x->test};
    return c;
}

/* The operator before the first colon, unless the whole is a time. */
static struct str split_operator(struct str *value)
{
    struct str op, rest;
    int64_t us;

    if (clock_parse(*value, &us) || !str_cut(*value, ':', &op, &rest))
        return STR("eq");
    *value = rest;
    return op;
}

/* --- the filters, a kind each ------------------------------------------------------------------- */

static bool one_text(struct images_reading *x, struct str value, struct error *err)
{
    struct image_condition *c = new_condition(x, err);
    struct str *values = arena_calloc(x->r->arena, 1, sizeof(*values));

    values[0] = value;
    if (c) {
        c->values = values;
        c->n_values = 1;
    }
    return c != NULL;
}

bool images_filter_text(struct images_reading *x, struct error *err)
{
    return one_text(x, x->p->value, err);
}

bool images_filter_list(struct images_reading *x, struct error *err)
{
    struct str value = x->p->value, op = split_operator(&value), *values;
    struct image_condition *c;
    size_t n;

    if (str_eq_cstr(op, "eq"))
        return one_text(x, value, err);
    if (!str_eq_cstr(op, "in"))
        return error_set(err, ERROR_BAD_REQUEST, "Unable to filter by unknown operator '%.*s'.",
                         IMAGES_SHOWN(op));
    if (!images_filter_split(x->r->arena, value, &values, &n, err) || !(c = new_condition(x, err)))
        return false;
    c->values = values;
    c->n_values = n;
    return true;
}

bool images_filter_number(struct images_reading *x, struct error *err)
{
    struct image_condition *c;
    int64_t n;

    if (!str_to_i64(x->p->value, INT64_MIN, INT64_MAX, &n))
        return error_set(err, ERROR_BAD_REQUEST, "Unable to filter on a range with a non-numeric value.");
    c = new_condition(x, err);
    if (c)
        c->number = n;
    return c != NULL;
}

bool images_filter_bool(struct images_reading *x, struct error *err)
{
    bool hidden = x->column == IMAGE_BY_OS_HIDDEN; /* whose case does not matter */
    struct image_condition *c;
    bool yes = hidden ? str_eq_nocase(x->p->value, STR("true")) : str_eq_cstr(x->p->value, "true");
    bool no = hidden ? str_eq_nocase(x->p->value, STR("false")) : str_eq_cstr(x->p->value, "false");

    if (!yes && !no)
        return error_set(err, ERROR_BAD_REQUEST,
                         "Invalid value '%.*s' for '%.*s' filter. Valid values are 'true' or 'false'.",
                         IMAGES_SHOWN(x->p->value), STR_ARG(x->p->name));
    c = new_condition(x, err);
    if (c)
        c->number = yes;
    return c != NULL;
}

/* Times are shown, and so compared, in whole seconds: SAME is the first moment that is shown as the one that
 * was asked for (or later), LATER the first one that is shown as a later one. */
static bool set_time(struct image_condition *c, struct str op, int64_t us)
{
    int64_t second = us - ((us % SECOND_US) + SECOND_US) % SECOND_US;
    bool whole = second == us;
    int64_t later = second + SECOND_US, same = whole ? second : later;

    c->number2 = later;
    if (str_eq_cstr(op, "gt") || str_eq_cstr(op, "gte")) {
        c->test = IMAGE_FROM;
        c->number = str_eq_cstr(op, "gte") ? same : later;
    } else if (str_eq_cstr(op, "lt") || str_eq_cstr(op, "lte")) {
        c->test = IMAGE_BEFORE;
        c->number = str_eq_cstr(op, "lt") ? same : later;
    } else if (str_eq_cstr(op, "neq")) {
        c->test = IMAGE_OUTSIDE;
        c->number = same;
    } else {
        return false;
    }
    return true;
}

bool images_filter_time(struct images_reading *x, struct error *err)
{
    struct str value = x->p->value, op = split_operator(&value);
    bool equal = str_eq_cstr(op, "eq");
    struct image_condition *c;
    int64_t us;

    if (!clock_parse(value, &us))
        return error_set(err, ERROR_BAD_REQUEST,
                         "Bad \"%.*s\" query filter format. Use ISO 8601 DateTime notation.",
                         STR_ARG(x->p->name));
    if (!(c = new_condition(x, err)))
        return false;
    if (!set_time(c, equal ? STR("gte") : op, us))
        return error_set(err, ERROR_BAD_REQUEST, "Unable to filter on a unknown operator.");
    /* one moment: not before it, and before the next */
    if (equal && (c = new_condition(x, err)))
        set_time(c, STR("lte"), us);
    return c != NULL;
}

bool images_filter_tag(struct images_reading *x, struct error *err)
{
    return one_text(x, str_trim(x->p->value), err);
}

bool images_filter_property(struct images_reading *x, struct error *err)
{
    if (!image_property_allowed(x->r, PROPERTY_READ, x->p->name))
        x->out->nothing = true;
    if (!one_text(x, x->p->value, err))
        return false;
    x->out->filter.conditions[x->out->filter.n - 1].property = x->p->name;
    return true;
}
