#include "config.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Takes away an incomplete UTF-8 character at the end of a message that was cut. */
static void trim_cut(char *s, size_t n)
{
    size_t i = n;

    while (i > 0 && n - i < 4 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
        i--;
    if (i > 0 && ((unsigned char)s[i - 1] & 0x80))
        s[i - 1] = '\0';
}

bool error_vset(struct error *err, enum error_kind kind, const char *fmt, va_list ap)
{
    if (!err)
        return false;
    err->kind = kind;
    err->code = 0;
    err->offset = 0;
    err->has_offset = false;
    err->unknown = false;
    int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
    if (n >= (int)sizeof(err->message))
        trim_cut(err->message, sizeof(err->message) - 1);
    return false;
}

bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(err, kind, fmt, ap);
    va_end(ap);
    return false;
}

bool error_set_at(struct error *err, uint64_t offset, enum error_kind kind, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(err, kind, fmt, ap);
    va_end(ap);
    if (err) {
        err->offset = offset;
        err->has_offset = true;
    }
    return false;
}

bool error_set_errno(struct error *err, int errnum, const char *what)
{
    char text[128];

    error_set(err, ERROR_INTERNAL, "%s: %s", what, strerror_r(errnum, text, sizeof(text)));
    if (err)
        err->code = errnum;
    return false;
}

void error_clear(struct error *err)
{
    if (err) {
        err->kind = ERROR_NONE;
        err->code = 0;
        err->has_offset = false;
        err->unknown = false;
        err->message[0] = '\0';
    }
}

static const struct {
    int status;
    int exit_code;
} kinds[] = {
    [ERROR_NONE] = {200, EX_OK},
    [ERROR_BAD_REQUEST] = {400, EX_DATAERR},
    [ERROR_UNAUTHORIZED] = {401, EX_NOPERM},
    [ERROR_FORBIDDEN] = {403, EX_NOPERM},
    [ERROR_NOT_FOUND] = {404, EX_NOINPUT},
    [ERROR_CONFLICT] = {409, EX_CANTCREAT},
    [ERROR_TOO_LARGE] = {413, EX_DATAERR},
    [ERROR_MEDIA_TYPE] = {415, EX_DATAERR},
    [ERROR_TOO_MANY] = {429, EX_TEMPFAIL},
    [ERROR_TIMEOUT] = {408, EX_TEMPFAIL},
    [ERROR_UNAVAILABLE] = {503, EX_UNAVAILABLE},
    [ERROR_INTERNAL] = {500, EX_SOFTWARE},
    [ERROR_ABORTED] = {499, EX_IOERR},
};

int error_http_status(enum error_kind kind)
{
    return kinds[kind].status;
}

int error_exit_code(enum error_kind kind)
{
    return kinds[kind].exit_code;
}
