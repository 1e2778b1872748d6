/* conf.h - the configuration: one INI file in oslo.config's style, one table that describes every option
 * once.
 *
 * The parser, the sample file, tally.conf(5) and the list of what a SIGHUP changes come from conf_options.c's
 * table. A struct conf never changes after it was read; a reload makes a new one, and whoever holds the old
 * one keeps it.
 */
#ifndef TALLY_BASE_CONF_H
#define TALLY_BASE_CONF_H

#include "base/buf.h"
#include "base/error.h"

struct conf; /* conf_options.h has the fields */

/* Reads PATH. Every mistake (unknown section or option, bad value, a line over 4,096 bytes, an option twice)
 * is appended to MISTAKES as "PATH:LINE: what"; NULL is returned if there is one. The result has one
 * reference. */
struct conf *conf_read(const char *path, struct buf *mistakes);

/* The same from TEXT; PATH is for the mistakes only. */
struct conf *conf_parse(const char *path, struct str text, struct buf *mistakes);

/* Appends "PATH:LINE: what" (LINE 0: without it) and a line's end to MISTAKES; for every file that people
 * write. */
void conf_mistake(struct buf *mistakes, const char *path, unsigned line, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

/* All defaults; for tests and for tools that need no file. */
struct conf *conf_default(void);

/* References are counted atomically; the last conf_unref() frees. */
struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf *conf);

/* What the new file changes that takes a restart: appended to CHANGED as "section.option" words; such options
 * keep the OLD value in NEW. */
void conf_keep_immutable(const struct conf *old, struct conf *new_conf, struct buf *changed);

/* Has every option of SECTION the same value in A and B? */
bool conf_section_same(const struct conf *a, const struct conf *b, const char *section);

/* The commented sample file, and the mdoc body of tally.conf(5), from the table. */
void conf_sample(struct buf *out);
void conf_mdoc(struct buf *out);

#endif
