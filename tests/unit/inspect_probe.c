/* Inspects files, each in several cuttings, which must not change the verdict:
 *
 *   inspect_probe [FORMAT=]FILE ...     prints, tab-separated: FILE, "ok", format, virtual size, what it is
 * else or FILE, "refused", the reason; FORMAT asks inspect_agrees() too */
#include "config.h"
#include "image/inspect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct verdict {
    bool ok;
    struct inspect_result result;
    struct error err;
};

/* A piece's size: STEP, or 0 for one at random. */
static size_t piece(size_t step, unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return step ? step : 1 + (*seed >> 8) % 100000;
}

/* With SKIP, what nobody asks for is passed over. */
static struct verdict inspect_cut_in(struct arena *arena, const char *p, size_t n, size_t step, bool skip)
{
    size_t size = n;
    struct inspect *in = inspect_new(arena);
    struct verdict v = {0};
    struct error early;
    unsigned seed = 7;
    bool refused;

    while (n > 0) {
        size_t take = piece(step, &seed), gap = skip ? (size_t)inspect_gap(in, size) : 0;

        take = gap ? gap : take < n ? take : n;
        if (gap)
            inspect_skip(in, gap);
        else
            inspect_add(in, p, take);
        p += take;
        n -= take;
    }
    refused = inspect_refused(in, &early);
    v.ok = inspect_end(in, &v.result, &v.err);
    if (refused && (v.ok || strcmp(early.message, v.err.message) != 0)) {
        fprintf(stderr, "refused on the way (%s), at the end: %s\n", early.message,
                v.ok ? "not" : v.err.message);
        exit(1);
    }
    return v;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
    if (a->ok != b->ok)
        return false;
    if (!a->ok)
        return a->err.kind == b->err.kind && strcmp(a->err.message, b->err.message) == 0;
    return strcmp(a->result.format, b->result.format) == 0 && a->result.size == b->result.size &&
           a->result.virtual_size == b->result.virtual_size && !a->result.foreign == !b->result.foreign &&
           (!a->result.foreign || strcmp(a->result.foreign, b->result.foreign) == 0);
}

static struct verdict inspect_all(struct arena *arena, const char *path, const char *p, size_t n)
{
    static const size_t steps[] = {1, 511, 4096, 65536, 65537, 1000003, 0};
    struct verdict whole = inspect_cut_in(arena, p, n, n ? n : 1, false);

    for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) {
        struct verdict v = inspect_cut_in(arena, p, n, steps[i / 2], i % 2);

        if (!same(&whole, &v)) {
            fprintf(stderr, "%s: in pieces of %zu: %s, not %s\n", path, steps[i / 2],
                    v.ok ? v.result.format : v.err.message,
                    whole.ok ? whole.result.format : whole.err.message);
            exit(1);
        }
    }
    return whole;
}

static void probe(const char *format, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct arena *arena = arena_new(0);
    struct verdict v;
    struct stat st;
    void *p = NULL;

    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        exit(1);
    }
    if (st.st_size) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            perror(path);
            exit(1);
        }
    }
    v = inspect_all(arena, path, p, (size_t)st.st_size);
    if (v.ok && format)
        v.ok = inspect_agrees(&v.result, str_of(format), &v.err);
    if (v.ok)
        printf("%s\tok\t%s\t%llu\t%s\n", path, v.result.format, (unsigned long long)v.result.virtual_size,
               v.result.foreign ? v.result.foreign : "");
    else
        printf("%s\trefused\t%s\n", path, v.err.message);
    if (p)
        munmap(p, (size_t)st.st_size);
    close(fd);
    arena_free(arena);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (equals)
            *equals = 0;
        probe(equals ? argv[i] : NULL, equals ? equals + 1 : argv[i]);
    }
    return 0;
}
