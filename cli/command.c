#include "config.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/suggest.h"

#include <stdio.h>
#include <string.h>

static const char default_formats[] = "table json value";

/* --- finding -------------------------------------------------------------------------------------- */

/* The words of NAME, if ARGS begin with them; else 0. */
static size_t matches(const char *name, const struct args *args)
{
    struct str rest = str_of(name), head;
    size_t n = 0;

    while (rest.n) {
        str_cut(rest, ' ', &head, &rest);
        if (n == args->n_words || !str_eq_cstr(head, args->words[n]))
            return 0;
        n++;
    }
    return n;
}

/* The first two words as one text, as the table has names of two. */
static struct str typed(const struct args *args, char text[128])
{
    snprintf(text, 128, "%s%s%s", args->words[0], args->n_words > 1 ? " " : "",
             args->n_words > 1 ? args->words[1] : "");
    return str_of(text);
}

static bool is_group(const char *word, struct buf *members)
{
    bool found = false;
    struct str head, rest;

    for (size_t i = 0; i < command_count; i++)
        if (str_cut(str_of(command_table[i].name), ' ', &head, &rest) && str_eq_cstr(head, word)) {
            buf_printf(members, "%s%.*s", found ? ", " : "", STR_ARG(rest));
            found = true;
        }
    return found;
}

static bool unknown(const struct args *args, struct error *err)
{
    const char *near = NULL, *group = args->words[0];
    size_t best = SUGGEST_FAR;
    char text[128];
    struct buf members;
    struct str two = typed(args, text);

    for (size_t i = 0; i < command_count; i++) {
        bool one = !strchr(command_table[i].name, ' ');

        suggest_nearer(one ? str_of(group) : two, command_table[i].name, &near, &best);
    }
    buf_init(&members, 400);
    if (near)
        error_set(err, ERROR_BAD_REQUEST, "no command \"%s\"; is it \"%s\"?", text, near);
    else if (is_group(group, &members))
        error_set(err, ERROR_BAD_REQUEST, "\"%s\" needs one of: %.*s", group, STR_ARG(buf_str(&members)));
    else
        error_set(err, ERROR_BAD_REQUEST, "no command \"%s\"", group);
    buf_free(&members);
    return false;
}

const struct command *command_find(const struct args *args, size_t *n_words, struct error *err)
{
    for (size_t i = 0; i < command_count; i++)
        if ((*n_words = matches(command_table[i].name, args)) > 0)
            return &command_table[i];
    unknown(args, err);
    return NULL;
}

/* --- checking ------------------------------------------------------------------------------------- */

static bool takes(const struct command *command, struct str name)
{
    return option_listed(option_globals, name) || (command->options && option_listed(command->options, name));
}

static const char *choices_of(const struct command *command, const struct option_spec *o)
{
    if (strcmp(o->name, "format") == 0)
        return command->formats ? command->formats : default_formats;
    return o->choices;
}

static bool check_option(const struct command *command, const struct option_given *g, struct error *err)
{
    const char *choices = choices_of(command, g->option);

    if (!takes(command, str_of(g->option->name)))
        return error_set(err, ERROR_BAD_REQUEST, "\"%s\" takes no --%s", command->name, g->option->name);
    if (choices && !option_listed(choices, str_of(g->value)))
        return error_set(err, ERROR_BAD_REQUEST, "--%s: '%s' is none of: %s", g->option->name, g->value,
                         choices);
    return true;
}

static void add_columns(struct buf *b, const struct column *columns)
{
    for (; columns->title; columns++)
        buf_printf(b, " %s", columns->title);
}

/* Before anything is done: a wrong name must not lose what is printed of it. */
static bool check_columns(const struct command *command, const struct args *args, struct error *err)
{
    const char *name;
    struct buf known;
    size_t at = 0;

    while ((name = args_next(args, "column", &at))) {
        if (!command->columns)
            return error_set(err, ERROR_BAD_REQUEST, "\"%s\" prints no columns", command->name);
        if (output_column(command->columns, name))
            continue;
        buf_init(&known, 400);
        add_columns(&known, command->columns);
        error_set(err, ERROR_BAD_REQUEST, "no column '%s'; there are%.*s", name, STR_ARG(buf_str(&known)));
        buf_free(&known);
        return false;
    }
    return true;
}

bool command_check(const struct command *command, const struct args *args, struct error *err)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (!check_option(command, &args->given[i], err))
            return false;
    if (!check_columns(command, args, err))
        return false;
    if (args->n_words < command->min_words)
        return error_set(err, ERROR_BAD_REQUEST, "\"%s\" needs %s", command->name, command->arguments);
    if (args->n_words > command->max_words)
        return error_set(err, ERROR_BAD_REQUEST, "\"%s\" takes %s, not also '%s'", command->name,
                         *command->arguments ? command->arguments : "no word",
                         args->words[command->max_words]);
    return true;
}

/* --- help ----------------------------------------------------------------------------------------- */

static void print_options(const struct command *command, const char *list)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option_spec *o = &option_table[i];
        char left[64];

        if (!option_listed(list, str_of(o->name)))
            continue;
        snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (command && command->formats && strcmp(o->name, "format") == 0)
            printf("  %-34s %s\n", left, command->formats);
        else
            printf("  %-34s %s\n", left, o->what);
    }
}

static void print_columns(const struct column *columns)
{
    struct buf b;

    buf_init(&b, 400);
    add_columns(&b, columns);
    printf("%.*s\n", STR_ARG(buf_str(&b)));
    buf_free(&b);
}

void command_help(const struct command *command)
{
    printf("usage: tally %s [OPTIONS]%s%s\n\n%c%s.\n", command->name, *command->arguments ? " " : "",
           command->arguments, command->what[0] - 'a' + 'A', command->what + 1);
    if (command->more)
        printf("\n%s", command->more);
    if (command->options) {
        puts("\noptions:");
        print_options(NULL, command->options);
    }
    puts("\noptions of every command:");
    print_options(command, option_globals);
    if (command->columns) {
        fputs("\ncolumns:", stdout);
        print_columns(command->columns);
    }
    puts("\nSee tally(1).");
}

void command_help_all(void)
{
    puts("usage: tally COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:");
    for (size_t i = 0; i < command_count; i++) {
        char left[96];

        snprintf(left, sizeof(left), "%s%s%s", command_table[i].name, *command_table[i].arguments ? " " : "",
                 command_table[i].arguments);
        printf("  %-34s %s\n", left, command_table[i].what);
    }
    puts("\noptions of every command:");
    print_options(NULL, option_globals);
    puts("\n\"tally help COMMAND\" says more; see tally(1).");
}
