/* tally-manage run import: streams in files become runs, one transaction a file. */
#include "config.h"
#include "manage/manage.h"
#include "base/clock.h"
#include "db/ingest.h"
#include "handlers/body_coding.h"
#include "handlers/stream_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { META_MAX = 64, PIECE = 64 * 1024, VALUE_CHARS = 255, BAR = 30, REFUSED = 1 };

struct import {
    struct manage *m;
    struct db_conn *c;
    struct str project, user, cpid, artifacts;
    struct ingest_meta meta[META_MAX];
    size_t n_meta;
    const char *run_at;
    bool no_attachments;
    bool progress;
    unsigned long long stored, there, refused;
};

/* --- arguments ----------------------------------------------------------------------------------- */

static bool add_meta(struct import *im, const char *pair)
{
    struct ingest_meta *meta = &im->meta[im->n_meta];

    if (im->n_meta == META_MAX || !str_cut(str_of(pair), '=', &meta->key, &meta->value) || meta->key.n == 0 ||
        !str_is_utf8(str_of(pair)) || str_utf8_len(meta->key) > VALUE_CHARS ||
        str_utf8_len(meta->value) > VALUE_CHARS)
        return false;
    im->n_meta++;
    return true;
}

/* What the configuration says for uploads that do not say it themselves. */
static bool add_defaults(struct import *im, struct error *err)
{
    const struct conf *conf = im->m->conf;
    size_t asked = im->n_meta;

    if (!im->artifacts.p && conf->subunit.artifacts[0])
        im->artifacts = str_of(conf->subunit.artifacts);
    for (size_t i = 0; i < conf->subunit.run_meta.n; i++) {
        struct ingest_meta m;
        bool named = false;

        str_cut(str_of(conf->subunit.run_meta.item[i]), ':', &m.key, &m.value);
        for (size_t k = 0; k < asked && !named; k++)
            named = str_eq(im->meta[k].key, m.key);
        if (!named && im->n_meta == META_MAX)
            return error_set(err, ERROR_BAD_REQUEST, "more than %d pieces of metadata", META_MAX);
        if (!named)
            im->meta[im->n_meta++] = m;
    }
    return true;
}

static bool read_arguments(int argc, char **argv, struct import *im)
{
    static const struct option options[] = {
        {"project", required_argument, NULL, 'p'},  {"user", required_argument, NULL, 'u'},
        {"cpid", required_argument, NULL, 'c'},     {"artifacts", required_argument, NULL, 'a'},
        {"run-meta", required_argument, NULL, 'm'}, {"run-at", required_argument, NULL, 't'},
        {"no-attachments", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0},
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'p': im->project = str_of(optarg); break;
        case 'u': im->user = str_of(optarg); break;
        case 'c': im->cpid = str_of(optarg); break;
        case 'a': im->artifacts = str_of(optarg); break;
        case 'm':
            if (!add_meta(im, optarg))
                return false;
            break;
        case 't': im->run_at = optarg; break;
        case 'n': im->no_attachments = true; break;
        default: return false;
        }
    }
    return im->project.n && im->project.n <= VALUE_CHARS && im->user.n && im->user.n <= VALUE_CHARS &&
           im->cpid.n <= 128 && optind < argc;
}

/* --- one file ------------------------------------------------------------------------------------ */

struct file {
    const struct conf *conf;
    int fd;
    char *piece;
    const struct body_sink *sink;
};

static ssize_t read_piece(struct file *f)
{
    ssize_t n;

    do
        n = read(f->fd, f->piece, PIECE);
    while (n < 0 && errno == EINTR);
    return n;
}

static bool to_sink(void *ctx, const char *p, size_t n, struct error *err)
{
    struct file *f = ctx;

    return f->sink->data(f->sink->ctx, p, n, err);
}

/* Decompressed, the first bytes say what it is. */
struct sniff {
    struct file *f;
    bool begun;
};

static bool sniff_data(void *ctx, const char *p, size_t n, struct error *err)
{
    struct sniff *s = ctx;

    if (!s->begun) {
        struct str head = {p, n};

        if (str_starts(head, STR("\xef\xbb\xbf")))
            head = (struct str){p + 3, n - 3};
        head = str_trim(head);
        s->begun = true;
        if (!s->f->sink->part_begin(s->f->sink->ctx, 0, head.n && head.p[0] == '<' ? BODY_XML : BODY_SUBUNIT,
                                    err))
            return false;
    }
    return to_sink(s->f, p, n, err);
}

static enum body_coding_kind coding_of(const char *p, ssize_t n)
{
    if (n >= 2 && memcmp(p, "\x1f\x8b", 2) == 0)
        return BODY_CODING_GZIP;
    return n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ? BODY_CODING_ZSTD : BODY_CODING_NONE;
}

static bool give_file(void *arg, const struct body_sink *sink, struct error *err)
{
    struct file *f = arg;
    struct sniff s = {.f = f};
    ssize_t n = read_piece(f);

    f->sink = sink;
    struct body_coding *coding = body_coding_new(coding_of(f->piece, n), f->conf->subunit.max_stream_bytes,
                                                 f->conf->subunit.max_ratio, sniff_data, &s);
    bool ok = true;
    for (; ok && n > 0; n = ok ? read_piece(f) : 0)
        ok = body_coding_feed(coding, f->piece, (size_t)n, err);
    if (ok && n < 0)
        ok = error_set(err, ERROR_UNAVAILABLE, "it cannot be read: %s", strerror(errno));
    ok = ok && body_coding_end(coding, err);
    body_coding_free(coding);
    if (ok && !s.begun)
        ok = error_set(err, ERROR_BAD_REQUEST, "it is empty");
    return ok && sink->part_end(sink->ctx, err);
}

static bool store_file(struct import *im, struct arena *arena, const char *name, int fd, struct ingest *in,
                       struct error *err)
{
    const struct conf *conf = im->m->conf;
    struct file f = {.conf = conf, .fd = fd, .piece = arena_alloc(arena, PIECE)};
    struct stream_options options = {.attachments = conf->subunit.store_attachments && !im->no_attachments};
    struct stream_spool spooled;
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, ERROR_BAD_REQUEST, "%s is no file", name);
    *in = (struct ingest){.project = im->project,
                          .user = im->user,
                          .cpid = im->cpid.p ? im->cpid : STR("unspecified"),
                          .artifacts = im->artifacts,
                          .run_at_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
                          .meta = im->meta,
                          .n_meta = im->n_meta,
                          .wall_time = conf->subunit.wall_time,
                          .attr_prefix = str_of(conf->subunit.test_attr_prefix),
                          .remove_prefix = conf->subunit.remove_test_attr_prefix};
    /* both were parsed before: the option's where it is given, else the configuration's, else the file's */
    if (im->run_at || conf->subunit.run_at[0])
        clock_parse(str_of(im->run_at ? im->run_at : conf->subunit.run_at), &in->run_at_us);
    options.start_us = in->run_at_us;
    if (conf->subunit.non_subunit_name[0])
        options.non_subunit_name = conf->subunit.non_subunit_name;
    struct str regex = str_of(conf->subunit.attr_regex);
    if (regex.n && !str_eq_cstr(regex, "\\[(.*)\\]"))
        options.attr_regex = regex;
    if (!stream_take(conf, arena, &options, give_file, &f, &spooled, err))
        return false;
    in->spool = spooled.spool;
    memcpy(in->sha256, spooled.sha256, SHA256_SIZE);
    in->stream_format = spooled.format;
    in->stream_bytes = spooled.bytes;
    return ingest_run(im->c, in, err);
}

static void clear_bar(const struct import *im)
{
    if (im->progress)
        fputs("\r\033[K", stderr);
}

/* False: no use to go on. */
static bool import_file(struct import *im, const char *name, struct error *err)
{
    struct arena *arena = arena_new(0);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct ingest in = {.run_uuid = ""};
    bool ok = fd >= 0 ? store_file(im, arena, name, fd, &in, err)
                      : error_set(err, ERROR_BAD_REQUEST, "%s", strerror(errno));

    if (fd >= 0)
        close(fd);
    arena_free(arena);
    clear_bar(im);
    if (ok) {
        im->stored++;
        printf("%s: run %s, result %s\n", name, in.run_uuid, in.run_result_id);
    } else if (err->kind == ERROR_CONFLICT && in.run_uuid[0]) {
        im->there++;
        printf("%s: is there already, as run %s\n", name, in.run_uuid);
    } else {
        im->refused++;
        fprintf(stderr, "tally-manage: %s: %s\n", name, err->message);
    }
    fflush(stdout);
    return ok || (err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_INTERNAL);
}

static void show_bar(const struct import *im, int done, int all, const char *name)
{
    int filled = all ? done * BAR / all : BAR;

    if (im->progress)
        fprintf(stderr, "\r\033[K[%.*s%*s] %d/%d %.60s", filled, "##############################",
                BAR - filled, "", done, all, name);
}

int manage_run_import(struct manage *m, int argc, char **argv)
{
    struct import im = {.m = m, .progress = isatty(STDERR_FILENO) != 0};
    struct error err = {.kind = ERROR_NONE};
    int64_t us;

    if (!read_arguments(argc, argv, &im))
        return manage_usage("run import: --project ID --user ID [...] FILE...");
    if (im.run_at && !clock_parse(str_of(im.run_at), &us))
        return manage_usage("run import: no time: %s", im.run_at);
    im.c = manage_connect_at_head(m, &err);
    if (!im.c)
        return manage_fail(&err);
    if (!add_defaults(&im, &err)) {
        db_release(im.c);
        return manage_fail(&err);
    }
    int first = optind;
    bool ok = true;
    for (int i = first; ok && i < argc; i++) {
        show_bar(&im, i - first, argc - first, argv[i]);
        ok = import_file(&im, argv[i], &err);
    }
    clear_bar(&im);
    db_release(im.c);
    printf("stored %llu, there already %llu, refused %llu\n", im.stored, im.there, im.refused);
    if (!ok)
        return error_exit_code(err.kind);
    return im.refused ? REFUSED : EX_OK;
}
