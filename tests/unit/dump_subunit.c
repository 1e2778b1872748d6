/* dump_subunit - prints what the subunit library makes of a stream, one JSON object a line.
 *
 * dump_subunit [-e] [-c CHUNK] [-n NAME] [-w] FILE
 *   -e  events instead of tests      -c  feed in pieces of CHUNK bytes (0: of random sizes)
 *   -n  non_subunit_name             -w  write the events as version 2 to standard output instead
 * Ends with a line {"end": version} or {"error": code, "offset": n, "message": text}; exit status 1 then.
 */
#include "config.h"
#include "subunit/tally-subunit.h"

#include <libdeflate.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool print_events, write_events;
static struct subunit_fold *fold;
static struct subunit_error fold_error;

static void put_text(struct subunit_str s)
{
    putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_optional(const char *key, bool has, struct subunit_str s)
{
    printf(", \"%s\": ", key);
    if (has)
        put_text(s);
    else
        fputs("null", stdout);
}

static void put_time(const char *key, bool has, int64_t time)
{
    if (has)
        printf(", \"%s\": %lld", key, (long long)time);
    else
        printf(", \"%s\": null", key);
}

static void put_tags(const struct subunit_str *tags, size_t n)
{
    fputs(", \"tags\": [", stdout);
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        put_text(tags[i]);
    }
    putchar(']');
}

static void put_hex(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
}

static void put_attachment(const struct subunit_attachment *a)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    unsigned char buf[5000], digest[EVP_MAX_MD_SIZE];
    unsigned digest_n;
    uint32_t crc = 0;
    uint64_t at = 0;
    ptrdiff_t n;

    EVP_DigestInit_ex(sha, EVP_sha256(), NULL);
    while ((n = subunit_attachment_read(a, at, buf, sizeof(buf))) > 0) {
        EVP_DigestUpdate(sha, buf, (size_t)n);
        crc = libdeflate_crc32(crc, buf, (size_t)n);
        at += (uint64_t)n;
    }
    if (n < 0 || at != a->size)
        abort();
    EVP_DigestFinal_ex(sha, digest, &digest_n);
    EVP_MD_CTX_free(sha);
    fputs("{\"name\": ", stdout);
    put_text(a->name);
    put_optional("mime", a->has_mime, a->mime);
    printf(", \"size\": %llu, \"crc\": %u, \"sha256\": \"", (unsigned long long)a->size, crc);
    put_hex(digest, digest_n);
    fputs("\"}", stdout);
}

static int on_test(void *ctx, const struct subunit_test *t)
{
    struct subunit_name name = subunit_name_split(t->id);

    (void)ctx;
    fputs("{\"id\": ", stdout);
    put_text(t->id);
    put_optional("head", true, name.head);
    put_optional("tail", true, name.tail);
    put_optional("attrs", name.has_attrs, name.attrs);
    put_optional("route", t->has_route_code, t->route_code);
    printf(", \"status\": \"%s\", \"ended\": %s", subunit_status_name(t->status),
           t->ended ? "true" : "false");
    put_time("start", t->has_start, t->start);
    put_time("stop", t->has_stop, t->stop);
    put_tags(t->tags, t->n_tags);
    fputs(", \"attachments\": [", stdout);
    for (size_t i = 0; i < t->n_attachments; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        put_attachment(&t->attachments[i]);
    }
    puts("]}");
    return 0;
}

static void put_event(const struct subunit_event *e)
{
    printf("{\"status\": \"%s\"", subunit_status_name(e->status));
    put_optional("id", e->has_id, e->id);
    put_optional("route", e->has_route_code, e->route_code);
    put_time("time", e->has_time, e->time);
    printf(", \"has_tags\": %s", e->has_tags ? "true" : "false");
    put_tags(e->tags, e->n_tags);
    put_optional("mime", e->has_mime, e->mime);
    put_optional("file_name", e->has_file, e->file_name);
    fputs(", \"file\": ", stdout);
    if (e->has_file) {
        putchar('"');
        put_hex((const unsigned char *)e->file.p, e->file.n);
        putchar('"');
    } else {
        fputs("null", stdout);
    }
    printf(", \"eof\": %s, \"runnable\": %s, \"restarts\": %s, \"void\": %s}\n", e->eof ? "true" : "false",
           e->runnable ? "true" : "false", e->file_restarts ? "true" : "false",
           e->files_void ? "true" : "false");
}

static bool to_stdout(void *ctx, const void *bytes, size_t n)
{
    (void)ctx;
    return fwrite(bytes, 1, n, stdout) == n;
}

static int on_event(void *ctx, const struct subunit_event *e)
{
    (void)ctx;
    if (print_events)
        put_event(e);
    else if (write_events)
        return !subunit_write_event(e, to_stdout, NULL, &fold_error);
    else
        return !subunit_fold_event(fold, e, &fold_error);
    return 0;
}

static int end(const struct subunit_error *err)
{
    FILE *out = write_events ? stderr : stdout;

    fprintf(out, "{\"error\": %d, \"offset\": %llu, \"message\": \"", err->code,
            (unsigned long long)err->offset);
    for (const char *p = err->message; *p != '\0'; p++)
        fputc(*p == '"' ? '\'' : *p, out);
    fputs("\"}\n", out);
    return 1;
}

static bool feed_file(struct subunit_reader *reader, FILE *f, size_t chunk, struct subunit_error *err)
{
    static unsigned char buf[65536];
    size_t n, want;

    for (;;) {
        want = chunk != 0 ? chunk : (size_t)(rand() % 3 == 0 ? rand() % 5000 : rand() % 20) + 1;
        n = fread(buf, 1, want < sizeof(buf) ? want : sizeof(buf), f);
        if (n == 0)
            return subunit_reader_finish(reader, err);
        /* A copy of exactly that size, so that the sanitizer sees every read beyond it. */
        unsigned char *copy = malloc(n);
        memcpy(copy, buf, n);
        bool ok = subunit_reader_feed(reader, copy, n, err);
        free(copy);
        if (!ok)
            return false;
    }
}

int main(int argc, char **argv)
{
    struct subunit_reader_opts opts = {0};
    struct subunit_fold_callbacks callbacks = {.test_done = on_test};
    struct subunit_error err;
    size_t chunk = 65536;
    int c;

    while ((c = getopt(argc, argv, "ec:n:w")) != -1) {
        switch (c) {
        case 'e': print_events = true; break;
        case 'w': write_events = true; break;
        case 'c': chunk = strtoul(optarg, NULL, 10); break;
        case 'n': opts.non_subunit_name = optarg; break;
        default: return 2;
        }
    }
    FILE *f = optind < argc ? fopen(argv[optind], "rb") : stdin;
    if (f == NULL)
        return 2;
    fold = subunit_fold_new(NULL, &callbacks, NULL);
    struct subunit_reader *reader = subunit_reader_new(&opts, on_event, NULL);
    if (fold == NULL || reader == NULL)
        return 2;
    int status = 0;
    if (!feed_file(reader, f, chunk, &err))
        status = end(err.code == SUBUNIT_ERROR_STOPPED ? &fold_error : &err);
    else if (!print_events && !write_events && !subunit_fold_finish(fold, &err))
        status = end(&err);
    else if (!write_events)
        printf("{\"end\": %d}\n", subunit_reader_version(reader));
    subunit_reader_free(reader);
    subunit_fold_free(fold);
    if (f != stdin)
        fclose(f);
    return status;
}
