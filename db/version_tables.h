/* version_tables.h - which revision each family of tables is at, and the tables that say so.
 *
 * RefStack's, subunit2sql's and Tally's tables share a database, and each family has a version table as
 * alembic makes it: one column, version_num. Real RefStack and subunit2sql both call theirs alembic_version,
 * so the names are configurable, and a table under another name is found by the revision that it holds and
 * renamed. docs/schema.md has the rules.
 */
#ifndef TALLY_DB_VERSION_TABLES_H
#define TALLY_DB_VERSION_TABLES_H

#include "db/db.h"
#include "db/migrate_data.h"

enum { TABLE_NAME_MAX = 64 };

struct version_names {
    const char *name[FAMILY_COUNT];
    bool from_command_line[FAMILY_COUNT]; /* said by a person, not by this host's file */
};

/* What [database] of CONF says; the texts are CONF's. */
struct version_names version_names_of(const struct conf *conf);
/* The option that names FAMILY's table, for messages. */
const char *version_option(enum family family);

struct version_state {
    char table[TABLE_NAME_MAX + 1]; /* where the family's revision is, or will be */
    bool has_table;
    int at; /* index of the revision in the family's migrations; -1: none yet */
};

/* Called with each thing that is done (or, in a dry run, would be). */
typedef void (*version_say_fn)(void *arg, const char *what);

struct version_options {
    bool dry_run;       /* change nothing */
    bool remember;      /* make the table that remembers what each host's file says */
    version_say_fn say; /* NULL: the log is told */
    void *arg;
};

/* Calls SAY (NULL: the log is told) with a text like printf's, cut at 400 bytes. */
void version_say(version_say_fn say, void *arg, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Finds each family's revision and gives the version tables the names that they are to have: renames, splits
 * one that holds the revisions of two families, drops an empty one that is in the way. Safe while others do
 * the same. ERROR_CONFLICT with a message for the administrator where a table holds what it must not. */
bool version_tables_settle(struct db_conn *c, const struct version_names *names,
                           const struct version_options *options, struct version_state states[FAMILY_COUNT],
                           struct error *err);

/* Are all families at head? ERROR_CONFLICT whose message says what to do. */
bool version_tables_at_head(const struct version_state states[FAMILY_COUNT], struct error *err);

/* For a process that serves: settles the names and refuses (ERROR_CONFLICT) a database that is not at head;
 * the message says what to do. */
bool version_tables_check(struct db_conn *c, const struct version_names *names, struct error *err);

#endif
