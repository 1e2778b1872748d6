#include "config.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "identity/driver.h"
#include "identity/token.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: a line a token, "TOKEN USER PROJECT ROLE,ROLE", parted by blanks or tabs; empty lines and those
 * that begin with '#' do not count. USER and PROJECT are ids and names alike. A line may leave out the roles.
 * The file must be a plain one of mode 0600 (or 0400) that belongs to whom we run as; where it is not, or has
 * a mistake, no token holds until it is mended. Replace it by rename(2), so that half of it is never seen. */
enum { MAX_FILE = 1 << 20 };

struct known {
    unsigned char hash[SHA256_SIZE]; /* of the token, which is not kept */
    struct str user;
    struct str project;
    struct str roles;
};

struct table {
    atomic_uint refs;
    struct arena *arena;
    struct known *known;
    size_t n;
    bool ok; /* false: the file will not do, which was logged */
};

struct state {
    pthread_mutex_t lock; /* of what follows */
    struct table *table;
    struct stat seen; /* the file as it was when the table was made */
    char *path;
};

static void table_unref(void *arg)
{
    struct table *t = arg;

    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    arena_free(t->arena);
    free(t);
}

/* Opens the file if it is as private as it must be. */
static int open_private(const char *path, struct stat *st, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        error_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, st) != 0)
        error_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st->st_mode) || st->st_uid != geteuid())
        error_set(err, ERROR_UNAVAILABLE, "%s: must be a plain file that belongs to uid %u", path,
                  (unsigned)geteuid());
    else if ((st->st_mode & 07777 & ~0200U) != 0400)
        error_set(err, ERROR_UNAVAILABLE, "%s: mode is %04o, must be 0600", path,
                  (unsigned)st->st_mode & 07777);
    else if (st->st_size > MAX_FILE)
        error_set(err, ERROR_UNAVAILABLE, "%s: over %d bytes", path, MAX_FILE);
    else
        return fd;
    close(fd);
    return -1;
}

/* The next word of *LINE, cut off it; empty at the end. */
static struct str word(struct str *line)
{
    struct str w;

    while (line->n && (*line->p == ' ' || *line->p == '\t')) {
        line->p++;
        line->n--;
    }
    w = (struct str){line->p, 0};
    while (w.n < line->n && w.p[w.n] != ' ' && w.p[w.n] != '\t')
        w.n++;
    line->p += w.n;
    line->n -= w.n;
    return w;
}

static bool parse_line(struct table *t, struct str line, struct error *err)
{
    struct known *k = &t->known[t->n];
    struct str token = word(&line);

    k->user = arena_str(t->arena, word(&line));
    k->project = arena_str(t->arena, word(&line));
    k->roles = arena_str(t->arena, word(&line));
    if (!k->project.n || word(&line).n)
        return error_set(err, ERROR_UNAVAILABLE, "a line is TOKEN USER PROJECT ROLE,ROLE");
    if (!token_text_ok(token))
        return error_set(err, ERROR_UNAVAILABLE, "a token is printable ASCII, 8,192 characters at most");
    hash_sha256(token.p, token.n, k->hash);
    t->n++;
    return true;
}

static bool parse(struct table *t, const char *path, struct str text, struct error *err)
{
    size_t lines = 1, line = 0;
    struct error why;
    struct str head;
    bool more = true;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    t->known = arena_calloc(t->arena, lines, sizeof(*t->known));
    while (more) {
        more = str_cut(text, '\n', &head, &text);
        head = str_trim(head);
        line++;
        if (head.n && *head.p != '#' && !parse_line(t, head, &why))
            return error_set(err, ERROR_UNAVAILABLE, "%s:%zu: %s", path, line, why.message);
    }
    return true;
}

static bool read_all(int fd, struct buf *text)
{
    ssize_t n = 1;

    while (n > 0) {
        char *at = buf_room(text, 4096);

        if (!at)
            return false;
        n = read(fd, at, 4096);
        if (n > 0)
            buf_grow(text, (size_t)n);
    }
    return n == 0;
}

/* A table from the file; one that holds no token where the file will not do. */
static struct table *table_read(const char *path, struct stat *st)
{
    struct table *t = mem_calloc(1, sizeof(*t));
    struct error err;
    struct buf text;
    int fd;

    atomic_init(&t->refs, 1);
    t->arena = arena_new(0);
    buf_init(&text, MAX_FILE + 8192);
    fd = open_private(path, st, &err);
    if (fd >= 0) {
        t->ok = read_all(fd, &text) || error_set(&err, ERROR_UNAVAILABLE, "%s: cannot be read", path);
        t->ok = t->ok && parse(t, path, buf_str(&text), &err);
        close(fd);
    }
    if (t->ok)
        log_info("identity: %zu tokens read from %s", t->n, path);
    else
        log_error("identity: no static token holds: %s", err.message);
    if (text.p)
        explicit_bzero(text.p, text.size);
    buf_free(&text);
    return t;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The table of the file as it is now, with a reference. */
static struct table *table_get(struct state *s, const char *path)
{
    struct stat now;
    struct table *t;

    memset(&now, 0, sizeof(now));
    pthread_mutex_lock(&s->lock);
    if (lstat(path, &now) != 0)
        memset(&now, 0, sizeof(now));
    if (!s->table || strcmp(path, s->path) != 0 || !same_file(&now, &s->seen)) {
        table_unref(s->table);
        free(s->path);
        s->path = mem_strdup(path);
        s->seen = now; /* where the file changes before it is opened, the next look sees it */
        s->table = table_read(path, &now);
    }
    t = s->table;
    atomic_fetch_add(&t->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return t;
}

static void *static_start(const struct conf *conf, struct error *err)
{
    struct state *s;

    if (!*conf->identity.static_file) {
        error_set(err, ERROR_BAD_REQUEST, "[identity] static_file is needed for driver = static");
        return NULL;
    }
    s = mem_calloc(1, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void static_stop(void *state)
{
    struct state *s = state;

    table_unref(s->table);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}

static bool static_check(void *state, const struct conf *conf, const struct identity_request *req,
                         struct arena *arena, struct identity *out, struct error *err)
{
    struct str token = str_trim(req->token);
    unsigned char hash[SHA256_SIZE];
    const struct known *found = NULL;
    struct table *t;

    if (!token.n)
        return error_set(err, ERROR_UNAUTHORIZED, "The request you have made requires authentication");
    t = table_get(state, conf->identity.static_file);
    arena_defer(arena, table_unref, t);
    if (!t->ok)
        return error_set(err, ERROR_UNAVAILABLE, "the file of tokens cannot be used");
    hash_sha256(token.p, token.n, hash);
    for (size_t i = 0; i < t->n; i++) /* all of them, and over hashes: the time tells nothing */
        if (str_eq_secret((struct str){(char *)t->known[i].hash, SHA256_SIZE},
                          (struct str){(char *)hash, SHA256_SIZE}))
            found = &t->known[i];
    if (!found)
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not valid");
    out->user_id = out->user_name = found->user;
    out->project_id = out->project_name = found->project;
    if (!identity_split_roles(found->roles, arena, out))
        return error_set(err, ERROR_UNAUTHORIZED, "the user has more than 256 roles");
    return true;
}

static bool static_healthy(void *state, const struct conf *conf)
{
    struct table *t = table_get(state, conf->identity.static_file);
    bool ok = t->ok;

    table_unref(t);
    return ok;
}

const struct identity_ops identity_static = {"static", static_start, static_stop, static_check,
                                             static_healthy};
