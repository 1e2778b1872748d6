#include "config.h"
#include "cli/output.h"
#include "base/mem.h"
#include "cli/api.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MAX_COLUMNS = 24, MAX_CELL = 1 << 20, GAP = 2, MIN_WIDTH = 6 };

struct output {
    const struct cli *cli;
    struct arena *arena; /* of the cells */
    const struct column *shown[MAX_COLUMNS];
    size_t n;
    size_t width[MAX_COLUMNS];
    struct str *cells; /* row by row, escaped */
    size_t n_cells, room;
    size_t items;
};

/* --- cells -------------------------------------------------------------------------------------- */

static const struct json *element(const struct json *list, const char *index)
{
    const struct json *j = list->first;

    for (unsigned long i = strtoul(index, NULL, 10); j && i > 0; i--)
        j = j->next;
    return j;
}

const struct json *output_member(const struct json *j, const char *path)
{
    struct str rest = str_of(path), head;
    char key[64];

    while (j && rest.n) {
        str_cut(rest, '.', &head, &rest);
        if (head.n >= sizeof(key))
            return NULL;
        memcpy(key, head.p, head.n);
        key[head.n] = '\0';
        j = json_is(j, JSON_ARRAY) ? element(j, key) : json_get(j, key);
    }
    return j;
}

const char *output_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    for (; bytes >= 1000 && unit < 4; unit++)
        bytes /= 1000;
    snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return out;
}

const char *output_duration(double seconds, char out[32])
{
    long long s = seconds > 0 && seconds < 1e9 ? (long long)seconds : 0;

    if (s >= 3600)
        snprintf(out, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 32, "%lld:%02lld", s / 60, s % 60);
    return out;
}

static void add_scalar(struct buf *b, const struct json *j)
{
    if (json_is(j, JSON_STRING) || json_is(j, JSON_NUMBER))
        buf_add_str(b, j->str);
    else if (json_is(j, JSON_BOOL))
        buf_add_cstr(b, j->boolean ? "true" : "false");
    else if (j && !json_is(j, JSON_NULL)) {
        struct json_writer w;

        json_writer_init(&w, b);
        json_value(&w, j);
    }
}

static void add_pairs(struct buf *b, const struct json *list)
{
    for (const struct json *j = JSON_FIRST(list); j; j = j->next) {
        struct str key = j->key;
        const struct json *value = j;

        if (json_is(list, JSON_ARRAY)) {
            json_to_str(json_get(j, "key"), &key);
            value = json_get(j, "value");
        }
        buf_add_cstr(b, j == list->first ? "" : ", ");
        buf_add_str(b, key);
        buf_add_char(b, '=');
        add_scalar(b, value);
    }
}

/* A member as its column's text, not escaped yet. */
static void format(struct buf *b, const struct column *column, const struct json *j, bool exact)
{
    double number;
    char text[32];

    if (column->cell == CELL_PAIRS && (json_is(j, JSON_ARRAY) || json_is(j, JSON_OBJECT)))
        add_pairs(b, j);
    else if (column->cell == CELL_COUNT)
        buf_printf(b, "%zu", j ? j->n : 0);
    else if (!exact && column->cell == CELL_SECONDS && json_to_double(j, &number))
        buf_printf(b, "%.3f", number);
    else if (!exact && column->cell == CELL_BYTES && json_to_double(j, &number))
        buf_add_cstr(b, output_bytes(number, text));
    else
        add_scalar(b, j);
}

/* Escaped. In a table it is kept, in the arena of O. */
static struct str cell_text(const struct output *o, const struct column *column, const struct json *item)
{
    bool exact = o->cli->format == OUTPUT_VALUE;
    struct buf plain, escaped;
    struct str out;

    buf_init(&plain, MAX_CELL);
    buf_init(&escaped, 10 * MAX_CELL);
    format(&plain, column, column->path ? output_member(item, column->path) : item, exact);
    text_escape(&escaped, buf_str(&plain));
    out = arena_str(exact ? o->cli->arena : o->arena, buf_str(&escaped));
    buf_free(&plain);
    buf_free(&escaped);
    return out;
}

/* --- lists -------------------------------------------------------------------------------------- */

const struct column *output_column(const struct column *columns, const char *name)
{
    for (; columns->title; columns++)
        if (strcasecmp(columns->title, name) == 0)
            return columns;
    return NULL;
}

/* The columns that --column names, or else all, those that are for asking only where MORE. */
static void choose(struct output *o, const struct column *columns, const struct args *args, bool more)
{
    bool asked = args && args_flag(args, "column");
    const struct column *column;
    const char *name;
    size_t at = 0;

    while (asked && o->n < MAX_COLUMNS && (name = args_next(args, "column", &at)))
        if ((column = output_column(columns, name)))
            o->shown[o->n++] = column;
    for (; !asked && columns->title && o->n < MAX_COLUMNS; columns++)
        if (more || !columns->more)
            o->shown[o->n++] = columns;
}

static void cells_free(void *arg)
{
    struct output *o = arg;

    free(o->cells);
}

static struct output *make(struct cli *cli, const struct column *columns, const struct args *args, bool more)
{
    struct output *o = arena_calloc(cli->arena, 1, sizeof(*o));

    o->cli = cli;
    o->arena = cli->arena;
    choose(o, columns, args, more);
    arena_defer(cli->arena, cells_free, o);
    return o;
}

struct output *output_list(struct cli *cli)
{
    return make(cli, cli->columns, cli->args, false);
}

struct output *output_list_of(struct cli *cli, const struct column *columns)
{
    return make(cli, columns, NULL, false);
}

static void put(struct output *o, struct str cell)
{
    if (o->n_cells == o->room) {
        o->room = o->room ? 2 * o->room : 256;
        o->cells = mem_realloc(o->cells, o->room * sizeof(*o->cells));
    }
    o->cells[o->n_cells++] = cell;
}

void output_item(struct output *o, const struct json *item)
{
    if (o->cli->format == OUTPUT_JSON) {
        fputs(o->items++ ? ",\n " : "[", stdout);
        output_json(item);
        return;
    }
    o->items++;
    for (size_t i = 0; i < o->n; i++) {
        struct str cell = cell_text(o, o->shown[i], item);
        size_t width = text_width(cell);

        if (o->cli->format == OUTPUT_VALUE) {
            printf("%.*s%c", STR_ARG(cell), i + 1 == o->n ? '\n' : '\t');
            continue;
        }
        o->width[i] = width > o->width[i] ? width : o->width[i];
        put(o, cell);
    }
}

static bool is_right(const struct column *c)
{
    return c->cell == CELL_NUMBER || c->cell == CELL_SECONDS || c->cell == CELL_BYTES ||
           c->cell == CELL_COUNT;
}

static void print_cell(const struct output *o, size_t i, struct str text)
{
    size_t width = o->width[i], taken;
    struct buf cut;

    buf_init(&cut, 11 * MAX_CELL);
    taken = text_cut(&cut, text, width);
    if (is_right(o->shown[i]))
        printf("%*s", (int)(width - taken), "");
    fwrite(cut.p ? cut.p : "", 1, cut.n, stdout);
    if (i + 1 < o->n)
        printf("%*s", (is_right(o->shown[i]) ? 0 : (int)(width - taken)) + GAP, "");
    buf_free(&cut);
}

/* The widest column that may be cut: figures may not. o->n where there is none. */
static size_t widest_column(const struct output *o)
{
    size_t widest = o->n;

    for (size_t i = 0; i < o->n; i++)
        if (!is_right(o->shown[i]) && o->width[i] > MIN_WIDTH &&
            (widest == o->n || o->width[i] > o->width[widest]))
            widest = i;
    return widest;
}

/* On a terminal the widest columns give way until a row is a line. */
static void fit(struct output *o)
{
    struct winsize size;
    size_t sum = 0, widest;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return;
    for (size_t i = 0; i < o->n; i++)
        sum += o->width[i] + (i ? GAP : 0);
    for (; sum > size.ws_col && (widest = widest_column(o)) < o->n; sum--)
        o->width[widest]--;
}

static void print_table(struct output *o)
{
    for (size_t i = 0; i < o->n; i++) {
        size_t width = strlen(o->shown[i]->title);

        o->width[i] = width > o->width[i] ? width : o->width[i];
    }
    fit(o);
    for (size_t i = 0; i < o->n; i++) {
        char title[64] = "";

        for (size_t k = 0; k < sizeof(title) - 1 && o->shown[i]->title[k]; k++)
            title[k] = (char)toupper((unsigned char)o->shown[i]->title[k]);
        print_cell(o, i, str_of(title));
    }
    putchar('\n');
    for (size_t at = 0; at < o->n_cells; at++) {
        print_cell(o, at % o->n, o->cells[at]);
        if (at % o->n + 1 == o->n)
            putchar('\n');
    }
}

bool output_end(struct output *o, struct error *err)
{
    if (o->cli->format == OUTPUT_JSON)
        puts(o->items ? "]" : "[]");
    else if (o->cli->format == OUTPUT_TABLE && o->items)
        print_table(o);
    return output_flush(err);
}

/* --- one item, and JSON -------------------------------------------------------------------------- */

bool output_one(struct cli *cli, const struct json *item, struct error *err)
{
    const struct output *o = make(cli, cli->columns, cli->args, true);
    size_t width = 0;

    if (!output_member(item, cli->columns->path))
        return api_odd(cli, "something else", err);
    if (cli->format == OUTPUT_JSON)
        return output_document(item, err);
    for (size_t i = 0; i < o->n; i++)
        width = strlen(o->shown[i]->title) > width ? strlen(o->shown[i]->title) : width;
    for (size_t i = 0; i < o->n; i++) {
        if (cli->format == OUTPUT_TABLE)
            printf("%-*s  ", (int)width, o->shown[i]->title);
        printf("%.*s\n", STR_ARG(cell_text(o, o->shown[i], item)));
    }
    return output_flush(err);
}

void output_json(const struct json *value)
{
    struct json_writer w;
    struct buf plain, safe;

    buf_init(&plain, SIZE_MAX / 2);
    buf_init(&safe, SIZE_MAX / 2);
    json_writer_init(&w, &plain);
    json_value(&w, value);
    text_json(&safe, buf_str(&plain));
    fwrite(safe.p, 1, safe.n, stdout);
    buf_free(&plain);
    buf_free(&safe);
}

size_t output_count(const struct output *o)
{
    return o->items;
}

bool output_document(const struct json *doc, struct error *err)
{
    output_json(doc);
    putchar('\n');
    return output_flush(err);
}

void output_heading(const struct cli *cli, const char *text)
{
    if (cli->format == OUTPUT_TABLE)
        printf("\n%s\n", text);
}

bool output_flush(struct error *err)
{
    int code;

    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    code = errno;
    error_set(err, ERROR_ABORTED, "standard output: %s", strerror(code ? code : EIO));
    return false;
}
