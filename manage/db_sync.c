#include "config.h"
#include "manage/manage.h"
#include "db/migrate.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

enum { WAIT_SECONDS = 600 };

struct arguments {
    const char *name[FAMILY_COUNT]; /* NULL: the file's */
    bool dry_run;
};

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"version-table", required_argument, NULL, FAMILY_REFSTACK},
        {"subunit2sql-version-table", required_argument, NULL, FAMILY_SUBUNIT2SQL},
        {"tally-version-table", required_argument, NULL, FAMILY_TALLY},
        {"dry-run", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "n", options, NULL)) != -1) {
        if (opt == 'n')
            a->dry_run = true;
        else if (opt >= 0 && opt < FAMILY_COUNT)
            a->name[opt] = optarg;
        else
            return false;
    }
    return optind == argc;
}

int manage_db_sync(struct manage *m, int argc, char **argv)
{
    struct arguments a = {{0}, false};
    struct error err;

    if (!read_arguments(argc, argv, &a))
        return manage_usage("db sync: arguments not understood");
    struct db_conn *c = manage_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    struct version_names names = version_names_of(m->conf);
    for (int f = 0; f < FAMILY_COUNT; f++)
        if (a.name[f]) {
            names.name[f] = a.name[f];
            names.from_command_line[f] = true;
        }
    const struct migrate_options options = {.dry_run = a.dry_run, .wait = WAIT_SECONDS, .say = manage_say};
    bool ok = migrate_sync(c, &names, &options, &err);
    db_release(c);
    return ok ? EX_OK : manage_fail(&err);
}

int manage_db_version(struct manage *m, int argc, char **argv)
{
    struct version_state states[FAMILY_COUNT];
    const struct version_options options = {.dry_run = true, .say = manage_say};
    struct error err;

    (void)argv;
    if (argc != 1)
        return manage_usage("db version takes no arguments");
    struct db_conn *c = manage_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    struct version_names names = version_names_of(m->conf);
    bool ok = version_tables_settle(c, &names, &options, states, &err);
    for (int f = 0; ok && f < FAMILY_COUNT; f++) {
        const struct migration_family *family = &migration_families[f];

        printf("%-12s %-32s %s%s\n", family->name,
               states[f].at < 0 ? "-" : family->migrations[states[f].at].revision, states[f].table,
               states[f].at == (int)family->n - 1 ? " (head)" : "");
    }
    db_release(c);
    return ok ? EX_OK : manage_fail(&err);
}
