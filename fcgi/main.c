#include "config.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf_options.h"
#include "base/log.h"
#include "fcgi/app.h"
#include "fcgi/listen.h"
#include "fcgi/server.h"
#include "handlers/openapi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { TICK_MS = 250, DRAIN_TICK_MS = 20, STOP_SECONDS = 10 };

struct options {
    const char *config;
    const char *listen;
    bool print_openapi;
    bool version;
};

static void usage(FILE *to)
{
    fputs("usage: tally.fcgi [--config FILE] [--listen unix:/PATH] | --print-openapi | --version\n", to);
}

/* False: exit with *STATUS. */
static bool read_options(int argc, char **argv, struct options *o, int *status)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},  {"listen", required_argument, NULL, 'l'},
        {"print-openapi", no_argument, NULL, 'o'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'c': o->config = optarg; break;
        case 'l': o->listen = optarg; break;
        case 'o': o->print_openapi = true; break;
        case 'v': o->version = true; break;
        case 'h':
            usage(stdout);
            *status = EX_OK;
            return false;
        default:
            usage(stderr);
            *status = EX_USAGE;
            return false;
        }
    }
    if (optind < argc) {
        usage(stderr);
        *status = EX_USAGE;
        return false;
    }
    return true;
}

static int print_openapi(void)
{
    struct buf out;
    bool ok;

    buf_init(&out, 4 << 20);
    openapi_print(&out);
    ok = buf_ok(&out) && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    buf_free(&out);
    return ok ? EX_OK : EX_IOERR;
}

/* All threads inherit the mask: signals come to the main thread alone, through the descriptor. */
static int open_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a spool past the file-size limit is an upload's failure, not the service's */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The next signal within MS milliseconds, or 0. */
static int next_signal(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct signalfd_siginfo info;

    if (poll(&p, 1, ms) == 1 && read(fd, &info, sizeof(info)) == sizeof(info))
        return (int)info.ssi_signo;
    return 0;
}

static void run(struct server *server, struct app *app, int signals)
{
    for (;;) {
        int sig = next_signal(signals, TICK_MS);

        if (sig == SIGHUP)
            app_reload(app);
        else if (sig != 0)
            return;
        server_tick(server);
        app_tick(app);
    }
}

/* Lets running requests end, at most for [api] drain_timeout. */
static void drain(struct server *server, struct app *app, int signals)
{
    struct context context = app_acquire(app);
    int64_t until = clock_mono_us() + (int64_t)context.conf->api.drain_timeout * 1000000;
    unsigned left;

    app_release(app, context);
    log_info("stopping: no new connections");
    server_drain(server);
    while ((left = server_busy(server)) > 0 && clock_mono_us() < until) {
        next_signal(signals, DRAIN_TICK_MS);
        server_tick(server);
    }
    if (left > 0)
        log_warning("stopping: %u connections are cut off", left);
}

static int serve(const struct options *o)
{
    struct error err;
    struct app app;
    struct server server;
    int fd, signals = open_signals();

    error_clear(&err);
    fd = o->listen ? listen_at(o->listen, &err) : listen_inherited(&err);
    if (fd < 0 || signals < 0 || FCGX_Init() != 0) {
        log_error("tally.fcgi: %s", fd < 0 ? err.message : "signals or libfcgi");
        return fd < 0 ? error_exit_code(err.kind) : EX_OSERR;
    }
    if (!app_init(&app, o->config, &err)) {
        log_error("tally.fcgi: %s", err.message);
        return EX_CONFIG;
    }
    if (!server_start(&server, &app, fd, &err)) {
        log_error("tally.fcgi: %s", err.message);
        return EX_OSERR;
    }
    log_info("tally.fcgi %s: serving, %u threads", PACKAGE_VERSION, server.n_workers);
    run(&server, &app, signals);
    drain(&server, &app, signals);
    if (!server_stop(&server, STOP_SECONDS)) {
        log_error("stopping: a thread does not end");
        _exit(EX_SOFTWARE);
    }
    app_free(&app);
    close(signals);
    log_info("stopped");
    return EX_OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int status;

    listen_open_std();
    umask(0027);
    if (!read_options(argc, argv, &o, &status))
        return status;
    if (o.version) {
        puts("tally.fcgi " PACKAGE_VERSION);
        return EX_OK;
    }
    return o.print_openapi ? print_openapi() : serve(&o);
}
