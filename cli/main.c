#include "config.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_RETRIES = 5, DEFAULT_STALL = 300, INTERRUPTED = 130 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

bool cli_interrupted(void *unused)
{
    (void)unused;
    return interrupted;
}

/* --- messages ------------------------------------------------------------------------------------- */

static void say(const char *fmt, va_list ap)
{
    struct buf plain, safe;

    buf_init(&plain, 1 << 16);
    buf_init(&safe, 10 << 16);
    buf_vprintf(&plain, fmt, ap);
    text_escape(&safe, buf_str(&plain));
    progress_hide();
    fprintf(stderr, "tally: %.*s\n", STR_ARG(buf_str(&safe)));
    buf_free(&plain);
    buf_free(&safe);
}

int cli_usage(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    fputs("Try \"tally --help\".\n", stderr);
    return EX_USAGE;
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;

    if (cli->quiet)
        return;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

int cli_fail(const struct error *err)
{
    static const struct cli loud = {.quiet = false};

    cli_note(&loud, "%s", err->message);
    return interrupted ? INTERRUPTED : error_exit_code(err->kind);
}

/* --- the line ------------------------------------------------------------------------------------- */

static bool read_common(struct cli *cli, struct error *err)
{
    static const char *const formats[] = {"table", "json", "value"};
    const char *format = args_value(cli->args, "format");
    uint64_t retries = DEFAULT_RETRIES, stall = DEFAULT_STALL;

    for (size_t i = 0; format && i < 3; i++)
        if (strcmp(format, formats[i]) == 0)
            cli->format = (enum output_format)i;
    cli->quiet = args_flag(cli->args, "quiet");
    if (!args_u64(cli->args, "retries", 0, 1000, &retries, err) ||
        !args_u64(cli->args, "timeout", 1, 86400, &stall, err))
        return false;
    cli->retries = (unsigned)retries;
    cli->stall_ms = stall * 1000;
    return true;
}

/* --anonymous: whoever else is named, nobody is sent. */
static void forget_identity(struct settings *s)
{
    *s = (struct settings){.url = s->url, .cacert = s->cacert, .insecure = s->insecure};
}

static int run(struct cli *cli, const struct command *command)
{
    enum auth_need auth = command->auth;
    struct error err;
    int code;

    if (!command_check(command, cli->args, &err) || !read_common(cli, &err))
        return cli_usage("%s", err.message);
    if (auth != AUTH_NONE && !settings_read(cli->arena, cli->args, &cli->settings, &err))
        return cli_fail(&err);
    if (args_flag(cli->args, "anonymous")) {
        forget_identity(&cli->settings);
        auth = AUTH_OPTIONAL;
    }
    cli->columns = command->columns;
    code = auth_begin(cli, auth, &err) ? command->run(cli) : cli_fail(&err);
    http_streams_free(cli->streams);
    return interrupted && code != EX_OK ? INTERRUPTED : code;
}

static int dispatch(struct cli *cli, struct args *args)
{
    const struct command *command;
    struct error err;
    size_t n;

    if (args_flag(args, "version")) {
        puts(PACKAGE_STRING);
        return EX_OK;
    }
    if (args->n_words && strcmp(args->words[0], "help") == 0) {
        args->words++;
        args->n_words--;
        args->given[args->n_given++] = (struct option_given){option_find(STR("help")), NULL};
    }
    if (args->n_words == 0) {
        if (!args_flag(args, "help"))
            return cli_usage("which command?");
        command_help_all();
        return EX_OK;
    }
    if (args->n_words == 2 && strcmp(args->words[0], "completion") == 0 &&
        strcmp(args->words[1], "bash") == 0) {
        command_completion();
        return EX_OK;
    }
    if (!(command = command_find(args, &n, &err)))
        return cli_usage("%s", err.message);
    if (args_flag(args, "help")) {
        command_help(command);
        return EX_OK;
    }
    args->words += n;
    args->n_words -= n;
    return run(cli, command);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A descriptor 0 to 2 that is closed would be a socket's soon, and be read or written as if it were the
 * user's. In its place comes one that cannot be. */
static void hold_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(EX_OSERR);
}

int main(int argc, char **argv)
{
    const struct log_options log = {.level = LOG_LEVEL_ERROR, .program = "tally"};
    struct cli cli = {.arena = arena_new(1 << 16)};
    struct args args;
    struct error err;
    int code;

    hold_descriptors();
    log_open(&log, NULL);
    text_init();
    srandom((unsigned)(getpid() ^ time(NULL)));
    catch_signals();
    cli.lasting = cli.arena;
    cli.args = &args;
    if (args_parse(cli.arena, argc, argv, &args, &err))
        code = dispatch(&cli, &args);
    else
        code = cli_usage("%s", err.message);
    arena_free(cli.arena);
    if (fflush(stdout) != 0 && code == EX_OK)
        code = EX_IOERR;
    return code;
}
