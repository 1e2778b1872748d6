#include "config.h"
#include "base/confine.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, MAX_FILES = 256, STACK = 2 << 20, FIRST_FD = 3, COULD_NOT = 125 };

/* --- what the kernel is asked to refuse ------------------------------------------------------------ */

/* Which processor's numbers the filter below has. */
#ifdef __aarch64__
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#define OUR_ARCH AUDIT_ARCH_X86_64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), RETURN(SECCOMP_RET_ERRNO | EACCES)

/* No network, no other process's memory, no way round (io_uring opens sockets unseen; namespaces give back
 * rights). Calls of another architecture, x32's too, end the program. */
static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    REFUSE(SYS_socket),
    REFUSE(SYS_socketpair),
    REFUSE(SYS_connect),
    REFUSE(SYS_bind),
    REFUSE(SYS_listen),
    REFUSE(SYS_io_uring_setup),
    REFUSE(SYS_ptrace),
    REFUSE(SYS_process_vm_readv),
    REFUSE(SYS_process_vm_writev),
    REFUSE(SYS_pidfd_getfd),
    REFUSE(SYS_unshare),
    REFUSE(SYS_setns),
    REFUSE(SYS_mount),
    REFUSE(SYS_umount2),
    REFUSE(SYS_bpf),
    REFUSE(SYS_perf_event_open),
    REFUSE(SYS_userfaultfd),
    REFUSE(SYS_keyctl),
    REFUSE(SYS_add_key),
    REFUSE(SYS_request_key),
    REFUSE(SYS_setpgid), /* it stays in the group that is killed */
    REFUSE(SYS_setsid),
    REFUSE(SYS_kill), /* it has our user, and may not signal us; abort() has other ways */
    REFUSE(SYS_tkill),
    REFUSE(SYS_tgkill),
    REFUSE(SYS_rt_sigqueueinfo),
    REFUSE(SYS_rt_tgsigqueueinfo),
    REFUSE(SYS_pidfd_send_signal),
    RETURN(SECCOMP_RET_ALLOW),
};
static const struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

/* Rights that this kernel knows, by the version of its Landlock; 0 where it has none. */
static uint64_t landlock_rights(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* the first version's, and all before them */

    if (version < 1)
        return 0;
    if (version >= 2)
        rights |= 1ULL << 13; /* refer: link and rename across folders */
    if (version >= 3)
        rights |= 1ULL << 14; /* truncate */
    if (version >= 5)
        rights |= 1ULL << 15; /* ioctl on devices */
    return rights;
}

bool confine_keeps_files(void)
{
    return landlock_rights() != 0;
}

enum {
    READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    RUN = READ | LANDLOCK_ACCESS_FS_EXECUTE,
    WRITE = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | 1 << 14,
    OF_FILES =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | 1 << 14,
};

/* Lets PATH and what is below it be used as RIGHTS say. What is not there needs no leave. */
static bool allow(int ruleset, uint64_t known, const char *path, uint64_t rights, struct error *err)
{
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat st;
    long rc;

    if (rule.parent_fd < 0)
        return errno == ENOENT ? true : error_set_errno(err, errno, path);
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rights &= OF_FILES;
    rule.allowed_access = rights & known;
    rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return rc == 0 ? true : error_set_errno(err, errno, "landlock_add_rule");
}

static bool allow_all(int ruleset, uint64_t known, const char *const *paths, uint64_t rights,
                      struct error *err)
{
    for (; paths && *paths; paths++)
        if (!allow(ruleset, known, *paths, rights, err))
            return false;
    return true;
}

/* The rules as a descriptor that the child takes on; *OUT -1 where the kernel has none. */
static bool make_ruleset(const struct confine_job *job, int *out, struct error *err)
{
    static const char *const system[] = {"/usr", "/lib", "/lib64", NULL};
    static const char *const read[] = {"/etc/ld.so.cache", "/dev/urandom", "/sys/devices/system/cpu", NULL};
    uint64_t known = landlock_rights();
    struct landlock_ruleset_attr attr = {.handled_access_fs = known};

    *out = -1;
    if (!known)
        return true;
    *out = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
    if (*out < 0)
        return error_set_errno(err, errno, "landlock_create_ruleset");
    if (allow_all(*out, known, system, READ, err) && allow_all(*out, known, read, READ, err) &&
        allow(*out, known, "/dev/null", WRITE, err) && allow(*out, known, job->argv[0], RUN, err) &&
        allow(*out, known, "/lib64/ld-linux-x86-64.so.2", RUN, err) &&
        allow(*out, known, "/lib/ld-linux-aarch64.so.1", RUN, err) &&
        allow_all(*out, known, job->reads, READ, err) && allow_all(*out, known, job->writes, WRITE, err))
        return true;
    close(*out);
    return false;
}

/* --- the child: nothing but system calls from here to exec ----------------------------------------- */

static void __attribute__((noreturn)) give_up(const char *what)
{
    while (write(STDERR_FILENO, what, strlen(what)) < 0 && errno == EINTR)
        continue;
    _exit(COULD_NOT);
}

static void limit_to(int what, uint64_t most, uint64_t hard)
{
    struct rlimit l = {.rlim_cur = most, .rlim_max = hard};

    if (setrlimit((__rlimit_resource_t)what, &l) != 0)
        give_up("setrlimit");
}

static void limit(int what, uint64_t most)
{
    limit_to(what, most, most);
}

static void limit_all(const struct confine_job *job)
{
    limit(RLIMIT_AS, job->memory);
    limit(RLIMIT_STACK, STACK);                                   /* each thread's */
    limit_to(RLIMIT_CPU, job->cpu_seconds, job->cpu_seconds + 1); /* SIGXCPU tells it from other deaths */
    limit(RLIMIT_FSIZE, job->file_bytes);
    limit(RLIMIT_NOFILE, MAX_FILES);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
}

static void __attribute__((noreturn))
be_child(const struct confine_job *job, pid_t parent, int null, int report, int ruleset)
{
    /* Threads of qemu-img come and go; heaps of their own, 64 MiB of address space each, would use up its
     * memory by chance. */
    static char *const environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C",
                                        (char *)"MALLOC_ARENA_MAX=1", NULL};
    sigset_t none;
    int alone;

    sigemptyset(&none);
    /* What we ignore the program would too. */
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(report, STDERR_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(COULD_NOT);
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        give_up("the caller is gone");
    /* Where this is not allowed, the filter still refuses every socket. */
    alone = unshare(CLONE_NEWNET | CLONE_NEWIPC);
    (void)alone;
    limit_all(job);
    if (chdir("/") != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up("prctl");
    if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        give_up("landlock_restrict_self");
    if (close_range(FIRST_FD, ~0U, 0) != 0 && errno != ENOSYS)
        give_up("close_range");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        give_up("seccomp");
    execve(job->argv[0], (char *const *)job->argv, environment);
    give_up("execve");
}

/* --- the parent ------------------------------------------------------------------------------------ */

struct child {
    pid_t pid;
    int exited; /* readable once it has ended */
    int said;   /* read end of its standard error */
    size_t n;
};

static bool start(const struct confine_job *job, struct child *c, struct error *err)
{
    int ends[2], null, ruleset;
    pid_t parent = getpid();

    if (!make_ruleset(job, &ruleset, err))
        return false;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(err, errno, "pipe");
        if (null >= 0)
            close(null);
        if (ruleset >= 0)
            close(ruleset);
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    c->pid = fork();
    if (c->pid == 0)
        be_child(job, parent, null, ends[1], ruleset);
    if (c->pid < 0)
        error_set_errno(err, errno, "fork");
    else
        c->exited = (int)syscall(SYS_pidfd_open, c->pid, 0);
    close(ends[1]);
    close(null);
    if (ruleset >= 0)
        close(ruleset);
    c->said = ends[0];
    if (c->pid < 0)
        close(ends[0]);
    return c->pid > 0;
}

/* Keeps the first bytes of what it says, and lets the rest go, so that it never waits for us. */
static void listen_to(struct child *c, struct confine_result *result)
{
    char bytes[4096];
    ssize_t n;

    /* Bounded: one that never stops talking must not keep us here. */
    for (int blocks = 0; blocks < 64 && (n = read(c->said, bytes, sizeof(bytes))) > 0; blocks++)
        for (ssize_t i = 0; i < n && c->n < sizeof(result->said) - 1; i++)
            result->said[c->n++] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : ' ';
    result->said[c->n] = 0;
}

/* Processor time it has used so far, in microseconds. */
static int64_t used(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool has_ended(const struct child *c)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == c->pid;
}

/* The whole group, while its leader still has the number. */
static int end_group(const struct child *c)
{
    int status = 0;

    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL); /* where it is not a group yet */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Until it has ended (true), or must. */
static bool wait_for(const struct confine_job *job, struct child *c, struct confine_result *result,
                     struct error *err)
{
    struct pollfd fds[2] = {{.fd = c->exited, .events = POLLIN}, {.fd = c->said, .events = POLLIN}};
    int64_t began = clock_mono_us(), busy_at = began, cpu = 0;

    for (;;) {
        int64_t now, cpu_now;

        poll(fds, 2, LOOK_MS);
        listen_to(c, result);
        if (fds[1].revents & (POLLHUP | POLLERR))
            fds[1].fd = -1; /* it has closed its output; that need not be its end */
        if (has_ended(c))
            return true;
        if (job->stop && job->stop(job->ctx))
            return error_set(err, ERROR_ABORTED, "stopped");
        now = clock_mono_us();
        cpu_now = used(c->pid);
        if (cpu_now > cpu) {
            cpu = cpu_now;
            busy_at = now;
        }
        if (now - began > job->timeout_us)
            return error_set(err, ERROR_TIMEOUT, "not done after %lld seconds",
                             (long long)(job->timeout_us / 1000000));
        if (now - busy_at > job->stall_us)
            return error_set(err, ERROR_TIMEOUT, "nothing done for %lld seconds",
                             (long long)(job->stall_us / 1000000));
    }
}

bool confine_run(const struct confine_job *job, struct confine_result *result, struct error *err)
{
    struct child c = {0};
    bool ended;
    int status;

    memset(result, 0, sizeof(*result));
    if (!start(job, &c, err))
        return false;
    ended = wait_for(job, &c, result, err);
    status = end_group(&c);
    listen_to(&c, result);
    close(c.said);
    while (c.n > 0 && result->said[c.n - 1] == ' ')
        result->said[--c.n] = 0;
    if (c.exited >= 0)
        close(c.exited);
    if (!ended)
        return false;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (result->status == COULD_NOT)
        return error_set(err, ERROR_INTERNAL, "%s: not confined or not run: %s", job->argv[0], result->said);
    return true;
}
