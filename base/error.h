/* error.h - errors as values.
 *
 * A function that can fail returns false (or NULL) and fills a struct error that its caller owns, usually on
 * the stack. The message is written for people, where the fault is known; kinds are few, and one function
 * each turns a kind into an HTTP status and an exit code. ERR may be NULL where the caller does not care.
 */
#ifndef TALLY_BASE_ERROR_H
#define TALLY_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum error_kind {
    ERROR_NONE,
    ERROR_BAD_REQUEST,  /* the client's input is wrong                400 */
    ERROR_UNAUTHORIZED, /* no identity, or one that does not hold     401 */
    ERROR_FORBIDDEN,    /* known, but may not                         403 */
    ERROR_NOT_FOUND,    /*                                            404 */
    ERROR_CONFLICT,     /* is there already, or is in another state   409 */
    ERROR_TOO_LARGE,    /* over a limit                               413 */
    ERROR_MEDIA_TYPE,   /* a form of body that is not taken           415 */
    ERROR_TOO_MANY,     /* too many requests                          429 */
    ERROR_TIMEOUT,      /* the client was too slow                    408 */
    ERROR_UNAVAILABLE,  /* a service that we need does not answer     503 */
    ERROR_INTERNAL,     /* our fault; the message goes to the log     500 */
    ERROR_ABORTED,      /* the client went away: nobody to answer     499 */
};

struct error {
    enum error_kind kind;
    int code;        /* errno, MySQL's error number, ...; 0 where there is none */
    uint64_t offset; /* in the input; meaningful where has_offset */
    bool has_offset;
    bool unknown;      /* it may have been carried out all the same */
    char message[600]; /* one line, no trailing full stop or newline */
};

/* Fills ERR (a message that does not fit is cut at a character's end). Always returns false, so that
 * "return error_set(...)" leaves a function. */
bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
bool error_vset(struct error *err, enum error_kind kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0), cold));

/* The same with the place in the input at which it was found. */
bool error_set_at(struct error *err, uint64_t offset, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));

/* ERROR_INTERNAL with WHAT and strerror(ERRNUM). */
bool error_set_errno(struct error *err, int errnum, const char *what) __attribute__((cold));

void error_clear(struct error *err);

/* The HTTP status of a kind (499 for ERROR_ABORTED), and the exit code of a program (sysexits.h). */
int error_http_status(enum error_kind kind);
int error_exit_code(enum error_kind kind);

#endif
