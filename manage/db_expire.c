#include "config.h"
#include "manage/manage.h"
#include "base/clock.h"
#include "db/migrate.h"
#include "db/runs_expire.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#define DAY_US INT64_C(86400000000)

struct arguments {
    const char *days;
    const char *before;
    bool dry_run;
};

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"days", required_argument, NULL, 'd'},
        {"before", required_argument, NULL, 'b'},
        {"dry-run", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "n", options, NULL)) != -1) {
        switch (opt) {
        case 'd': a->days = optarg; break;
        case 'b': a->before = optarg; break;
        case 'n': a->dry_run = true; break;
        default: return false;
        }
    }
    return optind == argc && !(a->days && a->before);
}

/* The moment before which runs go; *NEVER where the configuration keeps them all. */
static bool find_moment(const struct arguments *a, const struct conf *conf, int64_t *us, bool *never)
{
    uint64_t days = conf->subunit.expire_days;

    if (a->before)
        return clock_parse(str_of(a->before), us);
    if (a->days && !str_to_u64(str_of(a->days), 36500, &days))
        return false;
    *never = days == 0;
    *us = clock_now_us() - (int64_t)days * DAY_US;
    return true;
}

static bool expire(struct manage *m, struct db_conn *c, struct expiry *expiry, struct error *err)
{
    struct version_names names = version_names_of(m->conf);
    struct version_state states[FAMILY_COUNT];
    const struct version_options dry = {.dry_run = true};

    return version_tables_settle(c, &names, &dry, states, err) && version_tables_at_head(states, err) &&
           runs_expire(c, expiry, err);
}

int manage_db_expire(struct manage *m, int argc, char **argv)
{
    struct arguments a = {0};
    char text[CLOCK_ISO_SIZE];
    bool never = false;
    struct error err;
    int64_t us;

    if (!read_arguments(argc, argv, &a))
        return manage_usage("db expire: arguments not understood");
    struct db_conn *c = manage_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    if (!find_moment(&a, m->conf, &us, &never)) {
        db_release(c);
        return manage_usage("db expire: no %s: %s", a.before ? "date" : "number of days",
                            a.before ? a.before : a.days);
    }
    if (never) {
        db_release(c);
        puts("nothing expires: 0 days");
        return EX_OK;
    }
    struct expiry expiry = {.before = str_of(clock_sql(us, text)), .dry_run = a.dry_run};
    bool ok = expire(m, c, &expiry, &err);
    db_release(c);
    printf("%s %" PRIu64 " run%s from before %s", a.dry_run ? "would delete" : "deleted", expiry.deleted,
           expiry.deleted == 1 ? "" : "s", text);
    if (expiry.spared)
        printf(", spared %" PRIu64 " of verified results", expiry.spared);
    putchar('\n');
    return ok ? EX_OK : manage_fail(&err);
}
