/* command.h - the table of commands: dispatch, help, the manual's check and the completion come from it. */
#ifndef TALLY_CLI_COMMAND_H
#define TALLY_CLI_COMMAND_H

#include "cli/auth.h"
#include "cli/cli.h"

/* Runs with the words behind the command's name in CLI->args. The exit code in return. */
typedef int (*command_fn)(struct cli *cli);

struct command {
    const char *name;             /* one word or two */
    const char *arguments;        /* as the help shows them: "RUN [RUN]..." */
    const char *what;             /* one line */
    const char *options;          /* besides the global ones, blank-separated; NULL: none */
    const char *formats;          /* of --format; NULL: table json value */
    const struct column *columns; /* of what it prints (output.h); NULL: it takes no --column */
    size_t min_words, max_words;
    enum auth_need auth;
    command_fn run;
    const char *more; /* further lines of its help; NULL: none */
};

extern const struct command command_table[];
extern const size_t command_count;

/* The command that the words begin with, and how many words it has. NULL, and ERROR_BAD_REQUEST that names
 * the nearest, where there is none. */
const struct command *command_find(const struct args *args, size_t *n_words, struct error *err);

/* Takes this command what ARGS hold: its options, their choices, its columns, the number of words (its own
 * are gone already)? ERROR_BAD_REQUEST that says what it does take. */
bool command_check(const struct command *command, const struct args *args, struct error *err);

/* The help of all commands, or of one, on stdout. */
void command_help_all(void);
void command_help(const struct command *command);

#endif
