/* Runs a fuzz target over files and folders, as an ordinary test: every input that once told something stays
 * in tests/fuzz/corpus/NAME and is replayed. Without arguments that folder, found by the program's name. */
#include "config.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned inputs;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The bytes lie in a block of their very size, so that a sanitizer sees each step over its end. */
static void run_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);

    if (!f || !data || fread(data, 1, size, f) != size)
        die(path);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
}

static void run(const char *path);

static void run_folder(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);

    if (n < 0)
        die(path);
    for (int i = 0; i < n; i++) {
        char *inside;

        if (names[i]->d_name[0] != '.') {
            if (asprintf(&inside, "%s/%s", path, names[i]->d_name) < 0)
                die(path);
            run(inside);
            free(inside);
        }
        free(names[i]);
    }
    free(names);
}

static void run(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        die(path);
    if (S_ISDIR(st.st_mode))
        run_folder(path);
    else
        run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/');
    const char *top = getenv("srcdir");
    char *own;

    for (int i = 1; i < argc; i++)
        run(argv[i]);
    name = name ? name + 1 : argv[0];
    if (argc == 1 && strncmp(name, "fuzz_", 5) == 0) {
        if (asprintf(&own, "%s/tests/fuzz/corpus/%s", top ? top : ".", name + 5) < 0)
            die(name);
        run(own);
        free(own);
    }
    printf("%s: %u inputs\n", name, inputs);
    return inputs ? 0 : 1;
}
