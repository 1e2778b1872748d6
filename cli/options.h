/* options.h - the command line: one table of all options, and what was given of them.
 *
 * An option means the same wherever it is taken, so the line is read before the command is known: options may
 * stand before, between and behind the words.
 */
#ifndef TALLY_CLI_OPTIONS_H
#define TALLY_CLI_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"

struct option_spec {
    const char *name;    /* without the dashes */
    char letter;         /* the short form; 0: none */
    const char *value;   /* what the help calls its value; NULL: it takes none */
    const char *choices; /* blank-separated; NULL: any text */
    const char *what;    /* a line of the help */
};

extern const struct option_spec option_table[];
extern const size_t option_count;

/* The options that every command takes, blank-separated. */
extern const char option_globals[];

/* The option of this name, or NULL. */
const struct option_spec *option_find(struct str name);

/* Does LIST, blank-separated words, hold WORD? */
bool option_listed(const char *list, struct str word);

struct option_given {
    const struct option_spec *option;
    const char *value; /* NULL for one that takes none */
};

struct args {
    const char **words; /* what is no option */
    size_t n_words;
    struct option_given *given;
    size_t n_given;
};

/* Reads the line behind the program's name. ERROR_BAD_REQUEST for an option that does not exist (with the
 * nearest that does), a value that is missing or needless. Everything lives in ARENA or in ARGV. */
bool args_parse(struct arena *arena, int argc, char **argv, struct args *out, struct error *err);

/* The value of option NAME, the last one if it is repeated; NULL: not given. NAME must be in the table. */
const char *args_value(const struct args *args, const char *name);
bool args_flag(const struct args *args, const char *name);

/* Goes through the values of a repeated option: *AT begins with 0; NULL at the end. */
const char *args_next(const struct args *args, const char *name, size_t *at);

/* A number from MIN to MAX; *OUT is untouched where it is not given. */
bool args_u64(const struct args *args, const char *name, uint64_t min, uint64_t max, uint64_t *out,
              struct error *err);

#endif
