#include "config.h"
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* Texts of a line go in until it is so long; there is room behind for its fixed parts. */
enum { LINE_MAX_BYTES = 8192, LINE_ROOM = 1024 };

/* Lines are written by many threads at once (one write each, to a file opened with O_APPEND); only log_open()
 * excludes. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct {
    enum log_level level;
    enum log_target target;
    bool json;
    int fd;
    char *program;
} to = {.level = LOG_LEVEL_INFO, .target = LOG_TO_STDERR, .fd = STDERR_FILENO};

static __thread char request_id[64];

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const int syslog_levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

bool log_open(const struct log_options *options, struct error *err)
{
    int fd = STDERR_FILENO;

    if (options->target == LOG_TO_FILE) {
        fd = open(options->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
            return error_set(err, ERROR_INTERNAL, "log file %s: %s", options->file, strerror(errno));
    }
    pthread_rwlock_wrlock(&lock);
    if (to.target == LOG_TO_FILE)
        close(to.fd);
    if (to.target == LOG_TO_SYSLOG)
        closelog();
    free(to.program);
    to.program = mem_strdup(options->program ? options->program : "tally");
    __atomic_store_n(&to.level, options->level, __ATOMIC_RELAXED);
    to.target = options->target;
    to.json = options->json;
    to.fd = fd;
    if (to.target == LOG_TO_SYSLOG)
        openlog(to.program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
    pthread_rwlock_unlock(&lock);
    return true;
}

void log_set_request_id(const char *id)
{
    snprintf(request_id, sizeof(request_id), "%s", id ? id : "");
}

enum form { FORM_TEXT, FORM_WORD /* blanks end it */, FORM_JSON };

/* What a terminal or a log reader could take for something else goes in as \xNN; bytes that are not UTF-8
 * too. What is over-long is cut, so that the line still gets its end. */
static void add_escaped(struct buf *b, struct str s, enum form form)
{
    bool json = form == FORM_JSON;
    size_t i = 0;

    while (i < s.n && b->n < LINE_MAX_BYTES) {
        unsigned char c = (unsigned char)s.p[i];
        size_t len = str_utf8_char((struct str){s.p + i, s.n - i});

        if (json && (c == '"' || c == '\\'))
            buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || len == 0 || (c == ' ' && form == FORM_WORD))
            buf_printf(b, json ? "\\u%04x" : "\\x%02x", c);
        else if (len == 2 && c == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
            buf_printf(b, "\\u%04x", (unsigned char)s.p[i + 1]); /* C1: controls for some terminals */
        else
            buf_add(b, s.p + i, len);
        i += len ? len : 1;
    }
}

static void add_member(struct buf *b, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(b, ",\"%s\":\"", key);
    add_escaped(b, str_of(value), FORM_JSON);
    buf_add_char(b, '"');
}

/* The line's beginning; the caller closes a JSON object. */
static void line_start(struct buf *b, enum log_level level)
{
    char now[CLOCK_ISO_SIZE];

    buf_init(b, LINE_MAX_BYTES + LINE_ROOM);
    clock_iso_us(clock_now_us(), now);
    if (to.json) {
        buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"pid\":%d", now, level_names[level], (int)getpid());
        add_member(b, "program", to.program);
        add_member(b, "request_id", request_id);
        return;
    }
    if (to.target != LOG_TO_SYSLOG)
        buf_printf(b, "%s %d %s ", now, (int)getpid(), level_names[level]);
    if (request_id[0])
        buf_printf(b, "[%s] ", request_id);
}

static void line_end(struct buf *b, enum log_level level)
{
    if (to.json)
        buf_add_char(b, '}');
    if (to.target == LOG_TO_SYSLOG) {
        syslog(syslog_levels[level], "%s", b->p ? b->p : "");
    } else {
        buf_add_char(b, '\n');
        if (!buf_ok(b) && b->n > 0) /* cut off, but a line of its own */
            b->p[b->n - 1] = '\n';
        /* One write a line: lines of several processes in one file do not mix. */
        if (b->p && write(to.fd, b->p, b->n) < 0 && to.fd != STDERR_FILENO)
            (void)!write(STDERR_FILENO, b->p, b->n);
    }
    buf_free(b);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    struct buf b;

    if (level < __atomic_load_n(&to.level, __ATOMIC_RELAXED))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pthread_rwlock_rdlock(&lock);
    line_start(&b, level);
    if (to.json) {
        add_member(&b, "message", text);
    } else {
        add_escaped(&b, str_of(text), FORM_TEXT);
    }
    line_end(&b, level);
    pthread_rwlock_unlock(&lock);
}

static void access_json(struct buf *b, const struct log_access *a)
{
    add_member(b, "method", a->method);
    add_member(b, "path", a->path);
    buf_printf(b, ",\"status\":%d,\"bytes_in\":%llu,\"bytes_out\":%llu,\"micros\":%llu", a->status,
               (unsigned long long)a->bytes_in, (unsigned long long)a->bytes_out,
               (unsigned long long)a->micros);
    add_member(b, "user", a->user);
    add_member(b, "project", a->project);
    add_member(b, "remote", a->remote);
}

static void access_plain(struct buf *b, const struct log_access *a)
{
    add_escaped(b, str_of(a->method ? a->method : "-"), FORM_WORD);
    buf_add_char(b, ' ');
    add_escaped(b, str_of(a->path ? a->path : "-"), FORM_WORD);
    buf_printf(b, " %d %lluB %lluB %lluus", a->status, (unsigned long long)a->bytes_in,
               (unsigned long long)a->bytes_out, (unsigned long long)a->micros);
    const char *const names[] = {"user", "project", "remote"};
    const char *const values[] = {a->user, a->project, a->remote};
    for (size_t i = 0; i < 3; i++) {
        if (!values[i])
            continue;
        buf_printf(b, " %s=", names[i]);
        add_escaped(b, str_of(values[i]), FORM_WORD);
    }
}

void log_request(const struct log_access *access)
{
    struct buf b;

    if (LOG_LEVEL_INFO < __atomic_load_n(&to.level, __ATOMIC_RELAXED))
        return;
    pthread_rwlock_rdlock(&lock);
    line_start(&b, LOG_LEVEL_INFO);
    if (to.json)
        access_json(&b, access);
    else
        access_plain(&b, access);
    line_end(&b, LOG_LEVEL_INFO);
    pthread_rwlock_unlock(&lock);
}
