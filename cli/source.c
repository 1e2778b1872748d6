#include "config.h"
#include "cli/source.h"
#include "base/buf.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536 };

static const char type_xml[] = "application/xml";

/* A source is a row of parts: texts of ours between files. */
struct part {
    struct str text;  /* p NULL: a file */
    const char *name; /* of the file */
    int fd;
    int64_t size; /* -1: not known */
};

struct source {
    struct part *parts;
    size_t n, at; /* the part that is read now */
    int64_t in_part;
    const char *content_type, *encoding;
    int64_t size;
    struct buf kept; /* the beginning, where a file cannot be read again */
    bool keeps;      /* all that was read is in KEPT */
    size_t replayed; /* bytes of KEPT that have been given again */
};

static void source_free(void *arg)
{
    struct source *s = arg;

    for (size_t i = 0; i < s->n; i++)
        if (!s->parts[i].text.p && s->parts[i].fd > STDERR_FILENO)
            close(s->parts[i].fd);
    buf_free(&s->kept);
}

static struct source *make(struct arena *arena, size_t max_parts)
{
    struct source *s = arena_calloc(arena, 1, sizeof(*s));

    s->parts = arena_calloc(arena, max_parts, sizeof(*s->parts));
    s->keeps = true;
    buf_init(&s->kept, SOURCE_KEPT);
    arena_defer(arena, source_free, s);
    return s;
}

static bool add_file(struct source *s, const char *name, struct error *err)
{
    struct part *p = &s->parts[s->n];
    bool is_stdin = strcmp(name, "-") == 0;
    struct stat st;

    p->name = is_stdin ? "standard input" : name;
    p->fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0)
        return error_set(err, errno == EACCES ? ERROR_FORBIDDEN : ERROR_NOT_FOUND, "%s: %s", name,
                         strerror(errno));
    s->n++;
    if (fstat(p->fd, &st) != 0 || S_ISDIR(st.st_mode))
        return error_set(err, ERROR_NOT_FOUND, "%s: %s", name, strerror(EISDIR));
    /* "< FILE" is as good as the file's name */
    p->size = S_ISREG(st.st_mode) && lseek(p->fd, 0, SEEK_CUR) == 0 ? (int64_t)st.st_size : -1;
    if (is_stdin && isatty(p->fd))
        return error_set(err, ERROR_BAD_REQUEST, "standard input is a terminal, not a stream");
    return true;
}

static void add_text(struct source *s, const char *text)
{
    s->parts[s->n++] = (struct part){.text = str_of(text), .fd = -1, .size = (int64_t)strlen(text)};
}

/* --- what is in it -------------------------------------------------------------------------------- */

/* Reads the beginning of what cannot be read again. Most of it ends there: then it is as good as a file, and
 * whoever writes it may take his time before anything is sent. */
static bool read_beginning(struct source *s, struct part *p, struct error *err)
{
    ssize_t got = 1;

    while (got > 0 && s->kept.n < SOURCE_KEPT) {
        size_t room = SOURCE_KEPT - s->kept.n < PIECE ? SOURCE_KEPT - s->kept.n : PIECE;

        got = read(p->fd, buf_room(&s->kept, room), room);
        if (got < 0)
            return error_set(err, ERROR_ABORTED, "%s: %s", p->name, strerror(errno));
        buf_grow(&s->kept, (size_t)got);
    }
    if (got > 0)
        return true;
    if (p->fd > STDERR_FILENO)
        close(p->fd);
    *p = (struct part){.text = {s->kept.p ? s->kept.p : "", s->kept.n}, .fd = -1, .size = (int64_t)s->kept.n};
    return true;
}

/* JUnit's XML begins so; no stream does. UTF-16 by its mark. */
static bool is_xml(struct str head)
{
    static const char *const beginnings[] = {"<?xml", "<testsuite", "<!--"};

    if (str_starts(head, STR("\xff\xfe")) || str_starts(head, STR("\xfe\xff")))
        return true;
    if (str_starts(head, STR("\xef\xbb\xbf")))
        head = (struct str){head.p + 3, head.n - 3};
    head = str_trim(head);
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (str_starts(head, str_of(beginnings[i])))
            return true;
    return false;
}

/* Of what is compressed the name has to say it: "out.xml.gz". */
static bool is_named_xml(const char *name)
{
    struct str s = str_of(name);

    return str_ends(s, STR(".xml.gz")) || str_ends(s, STR(".xml.zst"));
}

/* The first bytes say what it is: *XML, or how it is compressed. */
static bool look(struct source *s, struct part *p, bool *xml, struct error *err)
{
    char bytes[512];
    struct str head = {bytes, 0};
    const char *name = p->name;
    ssize_t got;

    if (p->size < 0 && !read_beginning(s, p, err))
        return false;
    if (s->kept.n) {
        head = buf_str(&s->kept);
        head.n = head.n < sizeof(bytes) ? head.n : sizeof(bytes);
    } else if (!p->text.p) {
        got = pread(p->fd, bytes, sizeof(bytes), 0);
        if (got < 0)
            return error_set(err, ERROR_NOT_FOUND, "%s: %s", p->name, strerror(errno));
        head.n = (size_t)got;
    }
    if (str_starts(head, STR("\x1f\x8b")))
        s->encoding = "gzip";
    else if (str_starts(head, STR("\x28\xb5\x2f\xfd")))
        s->encoding = "zstd";
    *xml = s->encoding ? is_named_xml(name) : is_xml(head);
    return true;
}

static void sum_up(struct source *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->size = s->parts[i].size < 0 || s->size < 0 ? -1 : s->size + s->parts[i].size;
    s->keeps = s->size < 0;
}

/* A shard with the head of its part. */
static bool add_shard(struct source *s, struct arena *arena, const char *file, const char *boundary, size_t i,
                      struct error *err)
{
    struct part *head = &s->parts[s->n];
    bool xml;

    add_text(s, "");
    if (!add_file(s, file, err))
        return false;
    if (s->parts[s->n - 1].size < 0)
        return error_set(err, ERROR_BAD_REQUEST, "%s is no regular file: shards must be", file);
    if (!look(s, &s->parts[s->n - 1], &xml, err))
        return false;
    if (s->encoding)
        return error_set(err, ERROR_BAD_REQUEST,
                         "%s is compressed: shards are sent as they are, decompress them first", file);
    head->text = str_of(arena_printf(arena,
                                     "%s--%s\r\nContent-Disposition: form-data; name=\"subunit_data\"; "
                                     "filename=\"%zu.%s\"\r\nContent-Type: %s\r\n\r\n",
                                     i ? "\r\n" : "", boundary, i, xml ? "xml" : "subunit",
                                     xml ? type_xml : "application/octet-stream"));
    head->size = (int64_t)head->text.n;
    return true;
}

static bool open_shards(struct source *s, struct arena *arena, const char *const *files, size_t n,
                        struct error *err)
{
    char boundary[UUID_TEXT_SIZE];

    uuid_new(boundary);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(files[i], "-") == 0)
            return error_set(err, ERROR_BAD_REQUEST,
                             "standard input can be sent alone only, not beside files");
        if (!add_shard(s, arena, files[i], boundary, i, err))
            return false;
    }
    add_text(s, arena_printf(arena, "\r\n--%s--\r\n", boundary));
    s->content_type = arena_printf(arena, "multipart/form-data; boundary=%s", boundary);
    return true;
}

static bool open_one(struct source *s, const char *file, struct error *err)
{
    bool xml;

    if (!add_file(s, file, err) || !look(s, &s->parts[0], &xml, err))
        return false;
    s->content_type = xml ? type_xml : "application/x-subunit";
    return true;
}

struct source *source_open(struct arena *arena, const char *const *files, size_t n, struct error *err)
{
    struct source *s = make(arena, 2 * n + 1);

    if (n == 1 ? !open_one(s, files[0], err) : !open_shards(s, arena, files, n, err))
        return NULL;
    sum_up(s);
    return s;
}

struct source *source_of_bytes(struct arena *arena, struct str bytes, const char *content_type)
{
    struct source *s = make(arena, 1);

    s->parts[0] = (struct part){.text = bytes, .fd = -1, .size = (int64_t)bytes.n};
    s->n = 1;
    s->content_type = content_type;
    sum_up(s);
    return s;
}

int64_t source_size(const struct source *s)
{
    return s->size;
}

const char *source_content_type(const struct source *s)
{
    return s->content_type;
}

const char *source_encoding(const struct source *s)
{
    return s->encoding;
}

/* --- reading -------------------------------------------------------------------------------------- */

static bool read_file(const struct source *s, const struct part *p, char *to, size_t n, size_t *got,
                      struct error *err)
{
    ssize_t done;

    if (p->size >= 0 && (int64_t)n > p->size - s->in_part)
        n = (size_t)(p->size - s->in_part);
    done = p->size < 0 ? read(p->fd, to, n) : n ? pread(p->fd, to, n, (off_t)s->in_part) : 0;
    if (done < 0)
        return error_set(err, ERROR_ABORTED, "%s: %s", p->name, strerror(errno));
    if (done == 0 && n > 0 && p->size >= 0)
        return error_set(err, ERROR_ABORTED, "%s has become shorter while it was sent", p->name);
    *got = (size_t)done;
    return true;
}

static bool read_part(struct source *s, char *to, size_t n, size_t *got, struct error *err)
{
    const struct part *p = &s->parts[s->at];

    if (!p->text.p)
        return read_file(s, p, to, n, got, err);
    *got = p->text.n - (size_t)s->in_part < n ? p->text.n - (size_t)s->in_part : n;
    memcpy(to, p->text.p + s->in_part, *got);
    return true;
}

static void keep(struct source *s, const void *p, size_t n)
{
    if (s->size >= 0 || !s->keeps)
        return;
    buf_add(&s->kept, p, n);
    s->keeps = buf_ok(&s->kept);
    s->replayed += n;
    if (!s->keeps)
        buf_free(&s->kept);
}

bool source_read(struct source *s, void *p, size_t n, size_t *got, struct error *err)
{
    *got = 0;
    if (s->keeps && s->replayed < s->kept.n) {
        *got = s->kept.n - s->replayed < n ? s->kept.n - s->replayed : n;
        memcpy(p, s->kept.p + s->replayed, *got);
        s->replayed += *got;
        return true;
    }
    while (s->at < s->n && *got == 0) {
        if (!read_part(s, p, n, got, err))
            return false;
        s->in_part += (int64_t)*got;
        if (*got == 0) {
            s->at++;
            s->in_part = 0;
        }
    }
    keep(s, p, *got);
    return true;
}

bool source_rewind(struct source *s)
{
    if (s->size < 0 && !s->keeps)
        return false;
    s->replayed = 0;
    if (s->size >= 0) {
        s->at = 0;
        s->in_part = 0;
    }
    return true;
}
