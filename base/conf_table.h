/* conf_table.h - the option table, for conf.c and conf_doc.c only. */
#ifndef TALLY_BASE_CONF_TABLE_H
#define TALLY_BASE_CONF_TABLE_H

#include "base/conf_options.h"

#include <stddef.h>

enum conf_type {
    CONF_STRING,
    CONF_CHOICE, /* one of the words in `choices` */
    CONF_NUMBER,
    CONF_BYTES, /* a number with an optional K, M or G (1024) */
    CONF_BOOL,
    CONF_LIST,  /* words, comma-separated */
    CONF_TABLE, /* the name of a database table */
    CONF_URL,   /* http:// or https://, no slash at the end; empty where the default is */
    CONF_REGEX, /* POSIX extended, as subunit2sql's */
    CONF_TIME,  /* as clock_parse() reads it, or nothing */
    CONF_PAIRS, /* KEY:VALUE, comma-separated, each in one of the list's words */
};

struct conf_option {
    const char *section;
    const char *name;
    enum conf_type type;
    bool is_mutable; /* a SIGHUP changes it */
    bool is_secret;  /* its value is never printed */
    size_t offset;   /* of the field in struct conf */
    const char *def; /* as it would stand in the file */
    uint64_t min;
    uint64_t max;
    const char *choices; /* blank-separated */
    const char *what;    /* for the sample and the man page: plain sentences */
};

struct conf_section {
    const char *name;
    const char *what;
};

extern const struct conf_section conf_sections[];
extern const size_t conf_n_sections;
extern const struct conf_option conf_table[];
extern const size_t conf_n_options;

/* The option of this section and name, or NULL. */
const struct conf_option *conf_find(const char *section, const char *name);

/* Reads V into O's field of C. NULL, or what is wrong with it, to stand behind "NAME = VALUE". */
const char *conf_value_set(struct conf *c, const struct conf_option *o, struct str v);

/* Is O's value in A and B the same? */
bool conf_value_same(const struct conf_option *o, const struct conf *a, const struct conf *b);

/* Sets O of TO to what it is in FROM, in TO's own memory. */
void conf_value_copy(const struct conf_option *o, const struct conf *from, struct conf *to);

#endif
