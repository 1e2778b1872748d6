#include "config.h"
#include "manage/task.h"
#include "db/tasks_list.h"
#include "image/task_input.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { DEFAULT_LIMIT = 100, PAGE = 500 };

struct arguments {
    struct task_filter filter;
    bool expired;
    uint64_t limit;
};

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"status", required_argument, NULL, 's'}, {"type", required_argument, NULL, 't'},
        {"owner", required_argument, NULL, 'o'},  {"expired", no_argument, NULL, 'e'},
        {"limit", required_argument, NULL, 'l'},  {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 's': a->filter.status = str_of(optarg); break;
        case 't': a->filter.type = str_of(optarg); break;
        case 'o': a->filter.owner = str_of(optarg); break;
        case 'e': a->expired = true; break;
        case 'l':
            if (!str_to_u64(str_of(optarg), UINT32_MAX, &a->limit))
                return false;
            break;
        default: return false;
        }
    }
    return optind == argc;
}

static bool is_status(struct str s)
{
    static const char *const names[] = {"pending", "processing", "success", "failure"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq_cstr(s, names[i]))
            return true;
    return false;
}

/* Prints up to *LEFT tasks of FILTER, page by page. */
static bool print_all(struct db_conn *c, struct task_filter filter, uint64_t *left, bool *more,
                      struct error *err)
{
    struct arena *arena = arena_new(1 << 16);
    struct task *page;
    char last[64] = "";
    bool ok = true;
    size_t n;

    do {
        filter.limit = *left < PAGE ? *left : PAGE;
        ok = tasks_list(c, arena, &filter, &page, &n, more, err);
        for (size_t i = 0; ok && i < n; i++)
            task_print_line(&page[i]);
        *left -= ok ? n : 0;
        if (ok && n > 0)
            filter.marker =
                (struct str){last, (size_t)snprintf(last, sizeof(last), "%.*s", STR_ARG(page[n - 1].id))};
        arena_reset(arena);
    } while (ok && *more && *left > 0);
    arena_free(arena);
    return ok;
}

/* What has expired is in two places: what the sweeper has marked, and what it has not seen yet. */
static bool print_tasks(struct db_conn *c, struct arguments *a, bool *more, struct error *err)
{
    uint64_t left = a->limit;

    if (!a->expired)
        return print_all(c, a->filter, &left, more, err);
    a->filter.sort = TASK_SORT_EXPIRES_AT;
    a->filter.only_expired = true;
    if (!print_all(c, a->filter, &left, more, err))
        return false;
    if (*more)
        return true;
    a->filter.only_expired = false;
    a->filter.deleted = true;
    return print_all(c, a->filter, &left, more, err);
}

int manage_task_list(struct manage *m, int argc, char **argv)
{
    struct arguments a = {.limit = DEFAULT_LIMIT};
    enum task_type type;
    struct error err;
    bool more = false;

    if (!read_arguments(argc, argv, &a))
        return manage_usage("task list: arguments not understood");
    if (a.filter.type.p && !task_type_parse(a.filter.type, &type))
        return manage_usage("task list: --type is import, export or clone");
    if (a.filter.status.p && !is_status(a.filter.status))
        return manage_usage("task list: --status is pending, processing, success or failure");
    error_clear(&err);
    struct db_conn *c = task_connect(m, &err);
    if (!c)
        return manage_fail(&err);
    task_print_head();
    bool ok = print_tasks(c, &a, &more, &err);
    db_release(c);
    if (!ok)
        return manage_fail(&err);
    if (more)
        fprintf(stderr, "there are more than %" PRIu64 "; see --limit\n", a.limit);
    return EX_OK;
}
