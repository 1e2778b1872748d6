/* log.h - one line an event, to stderr, a file or syslog; plain or JSON.
 *
 * Safe from every thread. Control characters in a message are escaped, so that a client cannot forge a line.
 * Secrets (tokens, passwords) never go in.
 */
#ifndef TALLY_BASE_LOG_H
#define TALLY_BASE_LOG_H

#include "base/error.h"

#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_target { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG };

struct log_options {
    enum log_level level;
    enum log_target target;
    const char *file; /* of LOG_TO_FILE; opened with O_APPEND, mode 0640 */
    bool json;
    const char *program; /* syslog's ident and JSON's "program" */
};

/* Opens the log, or opens it anew (after rotation, at SIGHUP); on failure the old one stays. Before the first
 * call lines go to stderr from LOG_LEVEL_INFO on. */
bool log_open(const struct log_options *options, struct error *err);

/* The request id that this thread's lines carry from now on; NULL for none. The text is copied. */
void log_set_request_id(const char *id);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

/* What one request was; written at LOG_LEVEL_INFO as "METHOD PATH STATUS BYTES_INB BYTES_OUTB MICROSus
 * user=.. project=.." or as JSON members of these names. NULL strings are left out. */
struct log_access {
    const char *method;
    const char *path; /* without the query: it may hold what is private */
    int status;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t micros;
    const char *user;
    const char *project;
    const char *remote;
};
void log_request(const struct log_access *access);

#endif
