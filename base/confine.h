/* confine.h - runs a program that may not be trusted with what it reads.
 *
 * The one place where a process gives up rights. The program gets a clean environment, no file descriptor but
 * a null input and output, no network (a namespace of its own where that is allowed; no sockets in any case),
 * no new privileges, no other programs and no files but those named (Landlock, where the kernel has it),
 * bounded memory, processor time and file size, and no core. It is in a process group of its own, which is
 * killed when the caller's thread ends, says so, or when the program neither ends nor does anything.
 */
#ifndef TALLY_BASE_CONFINE_H
#define TALLY_BASE_CONFINE_H

#include "base/error.h"

#include <stddef.h>

struct confine_job {
    const char *const *argv; /* ends in NULL; argv[0] is the program's path, absolute */
    /* Files and folders it may read, beside the system's programs and libraries; files that exist and that it
     * may write. End in NULL; NULL: none. */
    const char *const *reads;
    const char *const *writes;
    uint64_t memory;         /* bytes of address space */
    uint64_t cpu_seconds;    /* of processor time: more ends it by SIGXCPU */
    uint64_t file_bytes;     /* the largest file that it may write */
    int64_t timeout_us;      /* of the clock on the wall */
    int64_t stall_us;        /* without having used any processor time */
    bool (*stop)(void *ctx); /* asked several times a second; NULL: never */
    void *ctx;
};

struct confine_result {
    int status;      /* its exit status; -1 where a signal ended it */
    int signal;      /* that signal, else 0 */
    char said[1024]; /* the first bytes of its standard error, made printable */
};

/* Runs the program to its end. True: it ran, and RESULT tells how it ended. False: ERROR_ABORTED where stop()
 * said so, ERROR_TIMEOUT for a program that was too slow or hung, ERROR_INTERNAL where it could not be run.
 * The program and all it started are gone in any case. */
bool confine_run(const struct confine_job *job, struct confine_result *result, struct error *err);

/* Has this kernel Landlock? Without it the program can open what the caller can, and start other programs. */
bool confine_keeps_files(void);

#endif
