#include "config.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* The words that may stand first, each once. */
static void print_first_words(void)
{
    struct str head, rest, before = {NULL, 0};

    for (size_t i = 0; i < command_count; i++) {
        str_cut(str_of(command_table[i].name), ' ', &head, &rest);
        if (!str_eq(head, before))
            printf("%.*s ", STR_ARG(head));
        before = head;
    }
    fputs("help", stdout);
}

static void print_groups(void)
{
    struct str head, rest, before = {NULL, 0};

    for (size_t i = 0; i < command_count; i++) {
        if (!str_cut(str_of(command_table[i].name), ' ', &head, &rest))
            continue;
        if (!str_eq(head, before))
            printf("%s    %.*s) words=\"", before.p ? "\" ;;\n" : "", STR_ARG(head));
        else
            putchar(' ');
        printf("%.*s", STR_ARG(rest));
        before = head;
    }
    if (before.p)
        puts("\" ;;");
}

static void print_list(const char *list)
{
    struct str rest = str_of(list), head;

    while (rest.n) {
        str_cut(rest, ' ', &head, &rest);
        printf(" --%.*s", STR_ARG(head));
    }
}

static void print_columns(const struct column *columns)
{
    fputs(" columns=\"", stdout);
    for (; columns->title; columns++)
        printf("%s ", columns->title);
    putchar('"');
}

/* What each command takes. */
static void print_commands(void)
{
    for (size_t i = 0; i < command_count; i++) {
        printf("    \"%s\") options=\"", command_table[i].name);
        print_list(command_table[i].options ? command_table[i].options : "");
        fputs("\"", stdout);
        if (command_table[i].columns)
            print_columns(command_table[i].columns);
        puts(" ;;");
    }
}

/* The options whose value is the next word. */
static void print_valued(void)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].value) {
            printf(" --%s", option_table[i].name);
            if (option_table[i].letter)
                printf(" -%c", option_table[i].letter);
        }
}

/* Values: of a few words, or files. */
static void print_values(void)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option_spec *o = &option_table[i];

        if (!o->value || strcmp(o->name, "column") == 0)
            continue;
        printf("    --%s", o->name);
        if (o->letter)
            printf("|-%c", o->letter);
        if (o->choices)
            printf(") COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")); return ;;\n", o->choices);
        else if (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "KEY") == 0)
            puts(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;");
        else
            puts(") return ;;");
    }
}

int completion_bash(struct cli *cli)
{
    (void)cli;
    puts("# bash completion for tally(1); made by \"tally completion bash\".\n"
         "_tally() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= options= w first= "
         "second= skip= valued= columns=\n"
         "    COMPREPLY=()\n"
         "    case $prev in");
    print_values();
    fputs("    esac\n    valued=\"", stdout);
    print_valued();
    puts(" \"\n"
         "    for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "        [[ -n $skip ]] && { skip=; continue; }\n"
         "        [[ $valued == *\" $w \"* ]] && skip=1\n"
         "        [[ $w == -* ]] && continue\n"
         "        [[ $first == help ]] && first=\n"
         "        if [[ -z $first ]]; then first=$w; elif [[ -z $second ]]; then second=$w; fi\n"
         "    done\n"
         "    [[ $first == help ]] && first=\n"
         "    case $first in");
    fputs("    \"\") words=\"", stdout);
    print_first_words();
    puts("\" ;;");
    print_groups();
    puts("    esac\n"
         "    case \"$first${words:+ $second}\" in");
    print_commands();
    fputs("    esac\n"
          "    options+=\"",
          stdout);
    print_list(option_globals);
    puts("\"\n"
         "    if [[ $prev == --column || $prev == -c ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$columns\" -- \"$cur\"))\n"
         "    elif [[ $cur == -* ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
         "    elif [[ -n $words && ( -z $first || -z $second ) ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "    else\n"
         "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "    fi\n"
         "}\n"
         "complete -o filenames -F _tally tally");
    return EX_OK;
}
