/* cli.h - what the commands of `tally` share: the command line, how to print, the service that is spoken to.
 *
 * One thread, one command a process. What a command needs lives in its arena.
 */
#ifndef TALLY_CLI_CLI_H
#define TALLY_CLI_CLI_H

#include "base/http_stream.h"
#include "base/json.h"
#include "cli/options.h"
#include "cli/settings.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_VALUE };

struct column;

struct cli {
    struct arena *arena;
    struct arena *lasting;        /* what outlives a change of arena: the token */
    const struct args *args;      /* words without the command's own */
    const struct column *columns; /* of what the command prints (output.h); NULL: nothing */
    enum output_format format;
    bool quiet;
    unsigned retries;
    uint64_t stall_ms;
    struct settings settings;
    struct http_streams *streams;
    const char *url;            /* the service's, without a slash at its end */
    struct str token;           /* empty: none is sent */
    const struct json *catalog; /* NULL: not known */
};

/* What a command exits with that a signal ended, as a shell says it of SIGINT. */
enum { CLI_INTERRUPTED = 130 };

/* Ends with 64: the command line is wrong. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints ERR, escaped, and gives its exit code. */
int cli_fail(const struct error *err);

/* A line on stderr, escaped, unless --quiet; what the progress bar has drawn is taken away before. */
void cli_note(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* From here on the signals that end a command are heeded by cli_interrupted(), the second of a kind by
 * nothing any more; SIGPIPE is not heeded. */
void cli_catch_signals(void);

/* Has SIGINT, SIGTERM, SIGHUP or SIGQUIT come? Then exchanges end with ERROR_ABORTED; a
 * http_stream_request.stop. */
bool cli_interrupted(void *unused);

#endif
