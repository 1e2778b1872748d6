#include "config.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_RETRIES = 5, DEFAULT_STALL = 300 };

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
    return cli_interrupted(NULL) && code != EX_OK ? CLI_INTERRUPTED : code;
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
    cli_catch_signals();
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
