#include "config.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/uuid.h"
#include "base/wake.h"
#include "db/version_tables.h"
#include "worker/claim.h"
#include "worker/lease.h"
#include "worker/slots.h"
#include "worker/sweep.h"
#include "worker/tools.h"
#include "worker/workspace.h"

#include <errno.h>
#include <fcntl.h>
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

enum { TICK_MS = 1000, DRAIN_TICK_MS = 20, STOP_SECONDS = 10, SCHEMA_MS = 2000, LOCK_WAIT_S = 3 };

struct program {
    struct toolbox box;
    struct db *db;
    struct lease_table leases;
    struct claimer claimer;
    struct slots slots;
    struct sweeper sweeper;
    struct wake *wake;
    struct workspace workspace;
    int signals;
    char name[TASK_WORKER_SIZE];
};

/* --- the command line ----------------------------------------------------------------------------- */

static void usage(FILE *to)
{
    fputs("usage: tally-worker [--config FILE] | --version\n", to);
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, const char **config)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 'c': *config = optarg; break;
        case 'v': puts("tally-worker " PACKAGE_VERSION); return EX_OK;
        case 'h': usage(stdout); return EX_OK;
        default: usage(stderr); return EX_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    usage(stderr);
    return EX_USAGE;
}

/* --- signals -------------------------------------------------------------------------------------- */

/* All threads inherit the mask: signals come to the main thread alone, through the descriptor. */
static int open_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file past the size limit is a task's failure, not ours */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The next signal within MS milliseconds, or 0; datagrams go to the claimer at once. */
static int next_signal(struct program *p, int ms)
{
    struct pollfd fds[] = {{.fd = p->signals, .events = POLLIN}, {.fd = wake_fd(p->wake), .events = POLLIN}};
    struct signalfd_siginfo info;

    if (poll(fds, 2, ms) <= 0)
        return 0;
    if (fds[1].revents && wake_drain(p->wake))
        claimer_wake(&p->claimer);
    if (fds[0].revents && read(p->signals, &info, sizeof(info)) == sizeof(info))
        return (int)info.ssi_signo;
    return 0;
}

/* --- life ----------------------------------------------------------------------------------------- */

/* 0, 1 and 2 are open, whatever we were started with: a database's connection must never be one of them. */
static void open_std(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

/* HOST:PID:RANDOM: no other process ever has it, so that a row under this name is ours. */
static void name_worker(struct program *p)
{
    char host[65] = "", random_part[UUID_TEXT_SIZE];

    gethostname(host, sizeof(host) - 1);
    uuid_new(random_part);
    snprintf(p->name, sizeof(p->name), "%s:%ld:%.8s", host, (long)getpid(), random_part);
}

/* Waits until the database can be asked and is at our revisions; a signal ends the waiting. */
static bool check_schema(struct program *p, const struct conf *conf, struct error *err)
{
    struct version_names names = version_names_of(conf);
    bool complained = false;

    for (;;) {
        struct db_conn *c = db_acquire(p->db, err);
        bool ok = c && version_tables_check(c, &names, err);

        db_release(c);
        if (ok)
            return true;
        if (err->kind != ERROR_UNAVAILABLE)
            return false;
        if (!complained)
            log_warning("waiting for the database: %s", err->message);
        complained = true;
        int sig = next_signal(p, SCHEMA_MS);

        if (sig > 0 && sig != SIGHUP)
            return error_set(err, ERROR_UNAVAILABLE, "stopped while the database was away");
    }
}

/* A worker that stands still in the middle of a transaction holds its task's rows; they are free again before
 * its lease is long over. */
static uint64_t idle_seconds(const struct conf *conf)
{
    uint64_t half = conf->worker.lease / 2;

    return half < 2 ? 2 : half < 30 ? half : 30;
}

static bool start(struct program *p, const struct conf *conf, struct error *err)
{
    unsigned slots = (unsigned)conf->worker.slots;
    uint64_t sweep_s = conf->worker.lease / 2 < 30 ? conf->worker.lease / 2 : 30;

    /* A slot holds one connection at a time; the sweeper and this thread one each. */
    p->db = db_new(conf, slots + 2, err);
    if (!p->db)
        return false;
    db_limit_locks(p->db, LOCK_WAIT_S, idle_seconds(conf));
    if (!check_schema(p, conf, err))
        return false;
    claimer_init(&p->claimer, p->db, &p->box, p->name, conf->worker.lease);
    if (!lease_table_start(&p->leases, conf, p->name, err) ||
        !sweeper_start(&p->sweeper, p->db, &p->box, sweep_s > 0 ? sweep_s : 1, err))
        return false;
    if (!workspace_open(&p->workspace, conf->worker.work_dir, err))
        log_warning("work_dir: nothing can be converted: %s", err->message);
    p->box.workspace = p->workspace.path;
    if (!confine_keeps_files())
        log_warning("this kernel has no Landlock: nothing keeps qemu-img from other files");
    p->wake = wake_listen(conf, err);
    if (!p->wake)
        log_warning("no socket to be woken by, the queue is looked at now and then: %s", err->message);
    return slots_start(&p->slots, slots, p->db, &p->box, &p->leases, &p->claimer, err);
}

static void run(struct program *p)
{
    for (;;) {
        int sig = next_signal(p, TICK_MS);

        if (sig == SIGHUP)
            toolbox_reload(&p->box);
        else if (sig != 0)
            return;
    }
}

/* No new tasks; those that run may end within [worker] grace, then they are handed back. */
static void drain(struct program *p)
{
    struct tools *t = toolbox_acquire(&p->box);
    int64_t until = clock_mono_us() + (int64_t)t->conf->worker.grace * 1000000;
    unsigned left;

    toolbox_release(&p->box, t);
    log_info("stopping: no new tasks");
    claimer_drain(&p->claimer);
    lease_table_drain(&p->leases);
    while (lease_count(&p->leases) > 0 && clock_mono_us() < until)
        next_signal(p, DRAIN_TICK_MS);
    left = lease_stop_all(&p->leases, LEASE_DRAINED);
    if (left > 0)
        log_info("stopping: %u tasks are handed back", left);
}

static int stop(struct program *p)
{
    drain(p);
    wake_free(p->wake);
    sweeper_end(&p->sweeper);
    if (!slots_join(&p->slots, STOP_SECONDS)) {
        log_error("stopping: a task does not end; its lease will");
        _exit(EX_SOFTWARE);
    }
    workspace_close(&p->workspace);
    lease_table_end(&p->leases);
    claimer_free(&p->claimer);
    db_free(p->db);
    toolbox_free(&p->box);
    close(p->signals);
    log_info("stopped");
    return EX_OK;
}

static int serve(const char *config)
{
    static struct program p;
    struct error err;
    struct tools *t;
    bool ok;

    error_clear(&err);
    p.signals = open_signals();
    name_worker(&p);
    if (p.signals < 0 || !toolbox_init(&p.box, config, &err)) {
        log_error("tally-worker: %s", p.signals < 0 ? "signals" : err.message);
        return EX_CONFIG;
    }
    srandom((unsigned)(clock_now_us() ^ (int64_t)getpid() << 16));
    t = toolbox_acquire(&p.box);
    ok = start(&p, t->conf, &err);
    toolbox_release(&p.box, t);
    if (!ok) {
        log_error("tally-worker: %s", err.message);
        _exit(error_exit_code(err.kind)); /* threads may run already */
    }
    log_info("tally-worker %s: %s, %u slots", PACKAGE_VERSION, p.name, p.slots.n);
    run(&p);
    return stop(&p);
}

int main(int argc, char **argv)
{
    const char *config = NULL;

    open_std();
    umask(0027);
    int status = read_options(argc, argv, &config);

    return status >= 0 ? status : serve(config);
}
