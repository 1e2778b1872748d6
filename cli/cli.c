/* What every command says and heeds: messages, and signals. */
#include "config.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

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

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* --- messages ------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 1, 0))) say(const char *fmt, va_list ap)
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
    return interrupted ? CLI_INTERRUPTED : error_exit_code(err->kind);
}
