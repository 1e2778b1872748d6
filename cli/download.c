#include "config.h"
#include "cli/download.h"
#include "cli/api.h"
#include "cli/auth.h"
#include "cli/progress.h"
#include "cli/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, MAX_REFUSAL = 1 << 20 };

struct target {
    struct cli *cli;
    const char *name; /* for messages */
    char *part;       /* the file until it is whole; NULL: what is written is there at once */
    char *block;
    int fd;
    int64_t written;
    struct progress progress;
};

static bool watch(void *ctx)
{
    struct target *t = ctx;

    progress_update(&t->progress, t->written);
    return cli_interrupted(NULL);
}

static bool write_all(struct target *t, const char *p, size_t n, struct error *err)
{
    while (n > 0) {
        ssize_t done = write(t->fd, p, n);

        if (done < 0 && errno == EINTR && !cli_interrupted(NULL))
            continue;
        if (done < 0)
            return error_set(err, ERROR_ABORTED, "%s: %s", t->name, strerror(errno));
        p += done;
        n -= (size_t)done;
        t->written += done;
    }
    return true;
}

static struct http_stream *open_stream(struct target *t, const char *path, struct error *err)
{
    struct cli *cli = t->cli;
    struct http_header *token = arena_alloc(cli->arena, sizeof(*token));
    struct http_stream_request request = {
        .http = {.method = "GET", .url = arena_printf(cli->arena, "%s%s", cli->url, path), .headers = token},
        .stall_timeout_ms = cli->stall_ms,
        .stop = watch,
        .ctx = t,
    };

    *token = (struct http_header){"X-Auth-Token", cli->token};
    request.http.n_headers = cli->token.n ? 1 : 0;
    return http_stream_open(cli->streams, &request, cli->arena, err);
}

static bool copy_body(struct target *t, struct http_stream *s, struct error *err)
{
    size_t got = 1;

    while (got > 0) {
        if (!http_stream_read(s, t->block, BLOCK, &got, err) || !write_all(t, t->block, got, err))
            return false;
        progress_update(&t->progress, t->written);
    }
    return true;
}

/* *STATUS 0: no answer. */
static bool attempt(struct target *t, const char *path, const char *what, int *status, struct str *after,
                    struct error *err)
{
    struct http_stream *s = open_stream(t, path, err);
    struct http_response reply;
    uint64_t length;
    bool ok;

    *status = 0;
    if (!s)
        return false;
    ok = http_stream_head(s, &reply, err);
    if (ok) {
        *status = reply.status;
        *after = http_response_header(&reply, "Retry-After");
        ok = str_to_u64(http_response_header(&reply, "Content-Length"), INT64_MAX, &length);
        progress_begin(&t->progress, t->cli, what, ok ? (int64_t)length : -1);
        if (reply.status == 200)
            ok = copy_body(t, s, err);
        else
            ok = http_stream_body(s, MAX_REFUSAL, &reply.body, err) && api_failed(t->cli, &reply, err);
        progress_end(&t->progress);
    }
    http_stream_close(s);
    return ok;
}

/* Back to an empty target; false where that cannot be. */
static bool start_anew(struct target *t, struct error *err)
{
    if (t->written == 0)
        return true;
    if (!t->part)
        return error_set(err, ERROR_UNAVAILABLE, "%s; what %s has got already is not whole",
                         arena_strdup(t->cli->arena, err->message), t->name);
    if (ftruncate(t->fd, 0) != 0 || lseek(t->fd, 0, SEEK_SET) != 0)
        return error_set_errno(err, errno, t->name);
    t->written = 0;
    return true;
}

static bool fetch(struct target *t, const char *path, const char *what, struct error *err)
{
    struct retry retry = {.n = 0};
    struct str after;
    bool renewed = false;
    int status;

    for (;;) {
        after = (struct str){NULL, 0};
        if (attempt(t, path, what, &status, &after, err))
            return true;
        if (status == 401 && !renewed && auth_renew(t->cli, NULL)) {
            renewed = true;
            continue;
        }
        if (err->kind == ERROR_ABORTED || (status && status != 200 && !api_again(status)))
            return false;
        if (status == 0 || status == 200)
            error_set(err, ERROR_UNAVAILABLE, "%s: the link broke: %s", what,
                      arena_strdup(t->cli->arena, err->message));
        if (!start_anew(t, err) || !retry_wait(t->cli, &retry, after, err))
            return false;
    }
}

/* Opens FILE: a device or a pipe as it is, anything else beside it under a name of its own until it is whole.
 * Nothing that is there is followed or written over before. */
static bool open_file(struct target *t, const char *file, struct error *err)
{
    struct stat st;
    mode_t mask;

    t->name = file;
    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
        t->fd = open(file, O_WRONLY | O_CLOEXEC);
    } else {
        t->part = arena_printf(t->cli->arena, "%s.XXXXXX", file);
        t->fd = mkostemp(t->part, O_CLOEXEC);
        mask = umask(0);
        umask(mask);
        if (t->fd >= 0 && fchmod(t->fd, 0666 & ~mask) != 0)
            return error_set(err, ERROR_CONFLICT, "%s: %s", file, strerror(errno));
    }
    return t->fd >= 0 || error_set(err, ERROR_CONFLICT, "%s: %s", file, strerror(errno));
}

bool download(struct cli *cli, const char *path, const char *file, const char *what, struct error *err)
{
    struct target t = {.cli = cli, .name = "standard output", .fd = STDOUT_FILENO};
    bool ok;

    t.block = arena_alloc(cli->arena, BLOCK);
    if (!file || strcmp(file, "-") == 0) {
        if (isatty(STDOUT_FILENO))
            return error_set(err, ERROR_BAD_REQUEST, "this is nothing for a terminal: -o FILE");
        return fetch(&t, path, what, err);
    }
    if (!open_file(&t, file, err))
        return false;
    ok = fetch(&t, path, what, err);
    if (close(t.fd) != 0 && ok)
        ok = error_set(err, ERROR_ABORTED, "%s: %s", file, strerror(errno));
    if (ok && t.part && rename(t.part, file) != 0)
        ok = error_set(err, ERROR_CONFLICT, "%s: %s", file, strerror(errno));
    if (!ok && t.part)
        unlink(t.part);
    return ok;
}
