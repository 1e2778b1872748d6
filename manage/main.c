#include "config.h"
#include "manage/manage.h"
#include "base/log.h"
#include "db/migrate.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct {
    const char *group;
    const char *name;
    manage_fn run;
    const char *arguments;
} commands[] = {
    {"db", "sync", manage_db_sync,
     "[--version-table NAME] [--subunit2sql-version-table NAME] [--tally-version-table NAME] [--dry-run]"},
    {"db", "version", manage_db_version, ""},
    {"db", "check", manage_db_check, "[--print]"},
    {"db", "expire", manage_db_expire, "[--days N | --before DATE] [--dry-run]"},
    {"db", "signatures", manage_db_signatures, ""},
    {"owner", "set", manage_owner_set, "--project ID --user ID (--run UUID | --result UUID | --unowned) ..."},
    {"run", "import", manage_run_import,
     "--project ID --user ID [--cpid ID] [--run-meta KEY=VALUE] [--run-at TIME] [--artifacts TEXT]"
     " [--no-attachments] FILE..."},
    {"run", "export", manage_run_export, "(UUID | --average [--key KEY --value VALUE [--last N]]) [-o FILE]"},
    {"task", "list", manage_task_list,
     "[--status STATUS] [--type TYPE] [--owner PROJECT] [--expired] [--limit N]"},
    {"task", "show", manage_task_show, "ID"},
    {"task", "fail", manage_task_fail, "ID --message TEXT"},
    {"task", "requeue", manage_task_requeue, "ID"},
    {"task", "cancel", manage_task_cancel, "ID"},
    {"task", "purge", manage_task_purge, "--older-than DAYS [--dry-run]"},
    {"worker", "list", manage_worker_list, ""},
    {"store", "check", manage_store_check, "[--remove]"},
    {"config", "sample", manage_config_sample, ""},
};

enum { N_COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_help(FILE *out)
{
    fputs("usage: tally-manage [--config FILE] COMMAND [ARGUMENTS]\n\ncommands:\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %s %s%s%s\n", commands[i].group, commands[i].name,
                commands[i].arguments[0] ? " " : "", commands[i].arguments);
    fputs("\nSee tally-manage(8).\n", out);
}

int manage_usage(const char *fmt, ...)
{
    va_list ap;

    fputs("tally-manage: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs("\nTry \"tally-manage --help\".\n", stderr);
    return EX_USAGE;
}

int manage_fail(const struct error *err)
{
    fprintf(stderr, "tally-manage: %s\n", err->message);
    return error_exit_code(err->kind);
}

void manage_say(void *arg, const char *what)
{
    (void)arg;
    puts(what);
    fflush(stdout);
}

bool manage_conf(struct manage *m, struct error *err)
{
    struct buf mistakes;

    buf_init(&mistakes, 1 << 16);
    m->conf = conf_read(m->config, &mistakes);
    if (!m->conf) {
        fwrite(mistakes.p, 1, mistakes.n, stderr);
        error_set(err, ERROR_BAD_REQUEST, "%s is not usable", m->config);
    }
    buf_free(&mistakes);
    return m->conf != NULL;
}

struct db_conn *manage_connect(struct manage *m, struct error *err)
{
    if (!manage_conf(m, err))
        return NULL;
    /* Nobody else has this configuration yet. A table of any size may have to be copied. */
    m->conf->database.read_timeout = 0;
    m->conf->database.write_timeout = 0;
    m->db = db_new(m->conf, 2, err);
    return m->db ? db_acquire(m->db, err) : NULL;
}

struct db_conn *manage_connect_at_head(struct manage *m, struct error *err)
{
    struct db_conn *c = manage_connect(m, err);
    struct version_state states[FAMILY_COUNT];
    const struct version_options dry = {.dry_run = true};

    if (!c)
        return NULL;
    struct version_names names = version_names_of(m->conf);
    if (version_tables_settle(c, &names, &dry, states, err) && version_tables_at_head(states, err))
        return c;
    db_release(c);
    return NULL;
}

static int run_command(struct manage *m, int argc, char **argv)
{
    bool known_group = false;

    if (argc == 0)
        return manage_usage("which command?");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].group) != 0)
            continue;
        known_group = true;
        if (argc > 1 && strcmp(argv[1], commands[i].name) == 0) {
            static char program[] = "tally-manage";

            argv[1] = program; /* for getopt's messages */
            return commands[i].run(m, argc - 1, argv + 1);
        }
    }
    if (known_group)
        return argc > 1 ? manage_usage("no command \"%s %s\"", argv[0], argv[1])
                        : manage_usage("\"%s\" needs a second word", argv[0]);
    return manage_usage("no command \"%s\"", argv[0]);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    const struct log_options log = {.level = LOG_LEVEL_WARNING, .program = "tally-manage"};
    struct manage m = {.config = TALLY_SYSCONFDIR "/tally.conf"};
    int opt;

    log_open(&log, NULL);
    while ((opt = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
        switch (opt) {
        case 'c': m.config = optarg; break;
        case 'h': print_help(stdout); return EX_OK;
        case 'V': puts(PACKAGE_STRING); return EX_OK;
        default: return EX_USAGE;
        }
    }
    int first = optind;

    optind = 0;
    int code = run_command(&m, argc - first, argv + first);
    if (m.db)
        db_free(m.db);
    if (m.conf)
        conf_unref(m.conf);
    return code;
}
