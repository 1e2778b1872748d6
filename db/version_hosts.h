/* version_hosts.h - what each host's file last called the version tables.
 *
 * With several hosts, one whose file has not been changed yet finds a table under a new name. That its own
 * file still says the old one is no wish to have it back: only a name that differs from what the file said
 * before is. So each host's last word is kept in the database, and the command line's beside it.
 */
#ifndef TALLY_DB_VERSION_HOSTS_H
#define TALLY_DB_VERSION_HOSTS_H

#include "db/version_tables.h"

/* *RENAME: is the table that is called FOUND to be called NAME? */
bool version_hosts_wish(struct db_conn *c, enum family family, const char *found, const char *name,
                        bool from_command_line, bool *rename, struct error *err);

/* Keeps NAME as this host's (or the command line's) last word; writes only where it is another. MAKE creates
 * the table, without which nothing is kept. */
bool version_hosts_keep(struct db_conn *c, enum family family, const char *name, bool from_command_line,
                        bool make, struct error *err);

#endif
