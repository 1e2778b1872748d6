#include "config.h"
#include "base/fault.h"

#ifdef TALLY_FAULTS
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int passed;

static bool act(struct str action, unsigned number)
{
    if (str_eq_cstr(action, "kill"))
        kill(getpid(), SIGKILL);
    else if (str_eq_cstr(action, "stop"))
        raise(SIGSTOP); /* this thread too, before its next step: kill() may let it go on for a while */
    else if (str_eq_cstr(action, "sleep"))
        usleep(number * 1000u);
    return str_eq_cstr(action, "fail");
}

bool fault_point(const char *name)
{
    struct str point, action, number;
    uint64_t n = 1;

    str_cut(str_of(getenv("TALLY_FAULT")), '=', &point, &action);
    if (!str_eq_cstr(point, name))
        return false;
    if (str_cut(action, ':', &action, &number) && !str_to_u64(number, 1000000, &n))
        return false;
    bool every = str_eq_cstr(action, "sleep");
    if (!every && atomic_fetch_add(&passed, 1) + 1 != (int)n)
        return false;
    return act(action, (unsigned)n);
}

void fault_note(const char *text)
{
    const char *path = getenv("TALLY_STATEMENTS");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;

    if (fd < 0)
        return;
    /* One write a line: several processes append. */
    struct iovec line[] = {
        {(void *)(uintptr_t)program_invocation_short_name, strlen(program_invocation_short_name)},
        {(void *)(uintptr_t) "\t", 1},
        {(void *)(uintptr_t)text, strlen(text)},
        {(void *)(uintptr_t) "\n", 1}};
    ssize_t written = writev(fd, line, 4);

    (void)written;
    close(fd);
}
#else
/* A translation unit holds something. */
extern int fault_points_are_off;
int fault_points_are_off;
#endif
