/* program.h - how a program that serves reads its file and opens its log: tally.fcgi and tally-worker alike.
 */
#ifndef TALLY_BASE_PROGRAM_H
#define TALLY_BASE_PROGRAM_H

#include "base/conf_options.h"

enum { PROGRAM_MISTAKES_MAX = 64 * 1024 };

/* One line of the log, as an error, for each line of TEXT. */
void program_log_lines(struct str text);

/* The file at PATH (NULL: all defaults), or NULL with its mistakes in the log. */
struct conf *program_conf(const char *path);

/* Opens the log that CONF names for PROGRAM ("tally.fcgi"). */
bool program_log(const struct conf *conf, const char *program, struct error *err);

/* For a reload: options that need a restart keep OLD's value in FRESH, and the log says which. */
void program_keep_immutable(const struct conf *old, struct conf *fresh);

#endif
