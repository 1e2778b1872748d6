/* output.h - replies as tables for people, values for scripts, JSON for programs.
 *
 * Tables and values hold nothing that could drive a terminal (text.h). A value's line has its cells parted by
 * tabs and no head. What is printed is complete, or the command fails: output_end() looks.
 */
#ifndef TALLY_CLI_OUTPUT_H
#define TALLY_CLI_OUTPUT_H

#include "cli/cli.h"

enum cell {
    CELL_TEXT,
    CELL_NUMBER,
    CELL_SECONDS,
    CELL_BYTES,
    CELL_PAIRS, /* [{"key", "value"}] or an object: key=value, ... */
    CELL_COUNT, /* how many elements a list has */
};

struct column {
    const char *title; /* as --column names it; tables print it in capitals; NULL: the end of the array */
    const char *path;  /* of the member: "progress.bytes_done"; NULL: the item itself */
    enum cell cell;
    bool more; /* in a list only when --column asks for it */
};

struct output;

/* The column that --column names so; NULL: none. */
const struct column *output_column(const struct column *columns, const char *name);

/* A list of items with the command's columns, or with those that --column asks for. It belongs to CLI's
 * arena of now, and so does what it keeps of its items. */
struct output *output_list(struct cli *cli);

/* Another list, for what --column does not choose of. */
struct output *output_list_of(struct cli *cli, const struct column *columns);

/* Adds an item, which is not needed any more then. All but tables are printed at once. */
void output_item(struct output *o, const struct json *item);

/* Prints what has been added. False where stdout did not take it all. */
bool output_end(struct output *o, struct error *err);

/* One item with all the command's columns: a line a member in a table, a line a value. */
bool output_one(struct cli *cli, const struct json *item, struct error *err);

/* How many items have been added. */
size_t output_count(const struct output *o);

/* A whole document as JSON, whatever the format. */
bool output_document(const struct json *doc, struct error *err);

/* A heading between two tables; only in a table's format. */
void output_heading(const struct cli *cli, const char *text);

/* Flushes stdout. */
bool output_flush(struct error *err);

/* JSON as a line on stdout. */
void output_json(const struct json *value);

/* J's member at a path such as "progress.bytes_done" or "tests.0.test_id", or NULL. */
const struct json *output_member(const struct json *j, const char *path);

/* "12.3 MB", "0:07", "1:02:03". */
const char *output_bytes(double bytes, char out[32]);
const char *output_duration(double seconds, char out[32]);

#endif
