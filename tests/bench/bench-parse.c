/* bench-parse [ROUNDS] - how fast the subunit library reads, against zlib's crc32 over the same packets and
 * against python-subunit, all sides in turns in one run. To be run from the top of the source tree.
 *
 * Version 2: a stream of 40,000 tests made by gen_subunit.py. Version 1: the corpus' streams of over 1 MB,
 * one after the other until there are 64 MB. python-subunit reads the first 4 MB of each.
 */
#include "config.h"
#include "subunit/tally-subunit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE 65536
#define PYTHON_BYTES (4u << 20)
#define V1_BYTES (64u << 20)
#define MAX_ROUNDS 99

struct stream {
    int version;
    unsigned char *p;
    size_t n;
    size_t python_n; /* what python reads of it: whole packets, whole files */
    char python_path[64];
};

/* One side's times, as MB/s, over the rounds. */
struct side {
    const char *name;
    double rate[MAX_ROUNDS];
    int n;
};

struct counts {
    size_t events;
    size_t tests;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void add_rate(struct side *side, size_t bytes, double seconds)
{
    side->rate[side->n++] = (double)bytes / seconds / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double print_side(struct side *side, const char *unit)
{
    qsort(side->rate, (size_t)side->n, sizeof(double), by_size);
    double median = side->rate[side->n / 2];
    printf("  %-34s min %10.1f  median %10.1f  max %10.1f %s\n", side->name, side->rate[0], median,
           side->rate[side->n - 1], unit);
    return median;
}

/* --- the sides ------------------------------------------------------------------------------------ */

static int on_event(void *ctx, const struct subunit_event *e)
{
    (void)e;
    ((struct counts *)ctx)->events++;
    return 0;
}

static int on_test(void *ctx, const struct subunit_test *t)
{
    (void)t;
    ((struct counts *)ctx)->tests++;
    return 0;
}

static int on_fold_event(void *ctx, const struct subunit_event *e)
{
    return !subunit_fold_event(ctx, e, NULL);
}

static void feed(struct subunit_reader *r, const struct stream *s)
{
    struct subunit_error err;
    bool ok = true;

    for (size_t at = 0; ok && at < s->n; at += PIECE)
        ok = subunit_reader_feed(r, s->p + at, s->n - at < PIECE ? s->n - at : PIECE, &err);
    if (!ok || !subunit_reader_finish(r, &err)) {
        fprintf(stderr, "byte %llu: %s\n", (unsigned long long)err.offset, err.message);
        exit(1);
    }
    subunit_reader_free(r);
}

static double time_reader(const struct stream *s, struct counts *c)
{
    double start = now();

    *c = (struct counts){0};
    feed(subunit_reader_new(NULL, on_event, c), s);
    return now() - start;
}

static double time_fold(const struct stream *s, struct counts *c)
{
    struct subunit_fold_callbacks callbacks = {.test_done = on_test};
    double start = now();

    *c = (struct counts){0};
    struct subunit_fold *fold = subunit_fold_new(NULL, &callbacks, c);
    feed(subunit_reader_new(NULL, on_fold_event, fold), s);
    if (!subunit_fold_finish(fold, NULL))
        exit(1);
    subunit_fold_free(fold);
    return now() - start;
}

/* Bytes of the version 2 packet at P. */
static size_t packet_length(const unsigned char *p)
{
    size_t size = (size_t)(p[3] >> 6) + 1, length = p[3] & 0x3f;

    for (size_t i = 1; i < size; i++)
        length = length << 8 | p[3 + i];
    return length;
}

static volatile uLong sink; /* so that no compiler leaves the sums out */

static double time_crc(const struct stream *s)
{
    double start = now();

    for (size_t at = 0; at < s->n;) {
        size_t length = packet_length(s->p + at);
        sink += crc32(0, s->p + at, (uInt)length - 4);
        at += length;
    }
    return now() - start;
}

static double time_python(const struct stream *s)
{
    char command[200];
    double seconds = 0;

    (void)snprintf(command, sizeof(command), "/usr/bin/python3 tests/bench/parse_python.py %d %s", s->version,
                   s->python_path);
    FILE *f = popen(command, "r");
    if (f == NULL || fscanf(f, "%lf", &seconds) != 1 || pclose(f) != 0)
        die("parse_python.py");
    return seconds;
}

/* --- the streams ---------------------------------------------------------------------------------- */

static void append_file(struct stream *s, const char *path, size_t room)
{
    gzFile f = gzopen(path, "rb");
    int n;

    if (f == NULL)
        die(path);
    while (s->n < room && (n = gzread(f, s->p + s->n, (unsigned)(room - s->n))) > 0)
        s->n += (size_t)n;
    (void)gzclose(f);
}

static void write_python_part(struct stream *s, const char *dir)
{
    (void)snprintf(s->python_path, sizeof(s->python_path), "%s/python.v%d", dir, s->version);
    FILE *f = fopen(s->python_path, "wb");
    if (f == NULL || fwrite(s->p, 1, s->python_n, f) != s->python_n || fclose(f) != 0)
        die(s->python_path);
}

static void load_v2(struct stream *s, const char *dir)
{
    char command[200], path[64];
    size_t room = 200u << 20;

    (void)snprintf(path, sizeof(path), "%s/big.v2", dir);
    (void)snprintf(command, sizeof(command),
                   "/usr/bin/python3 tests/data/corpus/gen_subunit.py -n 40000 -o %s >/dev/null", path);
    *s = (struct stream){.version = 2, .p = malloc(room)};
    if (s->p == NULL || system(command) != 0)
        die("gen_subunit.py");
    append_file(s, path, room);
    while (s->python_n < s->n && s->python_n < PYTHON_BYTES)
        s->python_n += packet_length(s->p + s->python_n);
    write_python_part(s, dir);
    (void)unlink(path);
}

static void load_v1(struct stream *s, const char *dir)
{
    static const char *const names[] = {"openstack-archive-networking-plumgrid__subunit.log-00a3b67d",
                                        "trilioData-tempest__119-09ef5293",
                                        "vm6502q-qiskit-qrack-provider__0-5562b7fd",
                                        "vm6502q-qiskit-qrack-provider__10-50547ff4",
                                        "vm6502q-qiskit-qrack-provider__15-aa8983b6",
                                        "vm6502q-qiskit-qrack-provider__2-07672d8a"};
    size_t room = V1_BYTES + (16u << 20);

    *s = (struct stream){.version = 1, .p = malloc(room)};
    if (s->p == NULL)
        die("memory");
    for (size_t i = 0; s->n < V1_BYTES; i = (i + 1) % (sizeof(names) / sizeof(names[0]))) {
        char path[200];
        (void)snprintf(path, sizeof(path), "tests/data/corpus/streams/%s.v1.subunit.gz", names[i]);
        append_file(s, path, room);
        if (s->python_n < PYTHON_BYTES)
            s->python_n = s->n;
    }
    write_python_part(s, dir);
}

/* --- the comparison ------------------------------------------------------------------------------- */

/* The ratios of the medians: reader to crc32 (version 2 only), reader to python-subunit. */
struct result {
    double rate;
    double to_crc;
    double to_python;
};

static struct result compare(const struct stream *s, int rounds)
{
    struct side crc = {.name = "zlib crc32, packet by packet"}, reader = {.name = "reader"},
                fold = {.name = "reader and fold"}, tests = {.name = "reader and fold"},
                python = {.name = "python-subunit"};
    struct counts c = {0};
    struct result result = {0};

    for (int round = 0; round < rounds; round++) {
        if (s->version == 2)
            add_rate(&crc, s->n, time_crc(s));
        add_rate(&reader, s->n, time_reader(s, &c));
        double seconds = time_fold(s, &c);
        add_rate(&fold, s->n, seconds);
        tests.rate[tests.n++] = (double)c.tests / seconds;
        add_rate(&python, s->python_n, time_python(s));
    }
    printf("version %d: %zu bytes, %zu records\n", s->version, s->n, c.tests);
    result.rate = print_side(&reader, "MB/s");
    (void)print_side(&fold, "MB/s");
    (void)print_side(&tests, "records/s");
    result.to_python = result.rate / print_side(&python, "MB/s");
    if (s->version == 2)
        result.to_crc = result.rate / print_side(&crc, "MB/s");
    return result;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    char dir[] = "/tmp/bench-parse-XXXXXX";
    struct stream v1, v2;

    if (rounds < 1 || rounds > MAX_ROUNDS || mkdtemp(dir) == NULL)
        die("bench-parse");
    load_v2(&v2, dir);
    load_v1(&v1, dir);
    struct result two = compare(&v2, rounds), one = compare(&v1, rounds);
    (void)unlink(v1.python_path);
    (void)unlink(v2.python_path);
    (void)rmdir(dir);
    free(v1.p);
    free(v2.p);
    printf("v1 reader %.0f MB/s (goal 300), %.1f times python-subunit (goal 20)\n", one.rate, one.to_python);
    printf("v2 reader %.1f times python-subunit (goal 20)\n", two.to_python);
    printf("ratio %.2f of zlib's crc32 packet by packet (goal 0.5)\n", two.to_crc);
    return 0;
}
