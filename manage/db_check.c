#include "config.h"
#include "manage/manage.h"
#include "db/schema_check.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { DIFFERENT = 1 };

static int print_schema(struct db_conn *c)
{
    struct arena *arena = arena_new(1 << 16);
    struct error err;
    size_t n = 0;
    const char **lines = schema_list(c, arena, &n, &err);

    for (size_t i = 0; lines && i < n; i++)
        puts(lines[i]);
    arena_free(arena);
    return lines ? EX_OK : manage_fail(&err);
}

static void say_difference(void *arg, const char *what)
{
    uint64_t *differences = arg;

    printf("version tables: %s\n", what);
    ++*differences;
}

/* Changes nothing, version tables included. */
static int check(struct manage *m, struct db_conn *c)
{
    struct version_names names = version_names_of(m->conf);
    struct version_state states[FAMILY_COUNT];
    uint64_t differences = 0;
    const struct version_options dry = {.dry_run = true, .say = say_difference, .arg = &differences};
    struct error err;

    if (!version_tables_settle(c, &names, &dry, states, &err) || !version_tables_at_head(states, &err) ||
        !schema_check(c, manage_say, NULL, &differences, &err))
        return manage_fail(&err);
    /* The queries over the rows need the tables to be as they must be. */
    if (differences == 0 && !schema_check_counts(c, manage_say, NULL, &differences, &err))
        return manage_fail(&err);
    printf("%" PRIu64 " difference%s\n", differences, differences == 1 ? "" : "s");
    return differences ? DIFFERENT : EX_OK;
}

int manage_db_check(struct manage *m, int argc, char **argv)
{
    static const struct option options[] = {
        {"print", no_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    bool print = false;
    struct error err;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'p')
            return manage_usage("db check: arguments not understood");
        print = true;
    }
    if (optind != argc)
        return manage_usage("db check: arguments not understood");
    struct db_conn *c = manage_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    int code = print ? print_schema(c) : check(m, c);
    db_release(c);
    return code;
}
