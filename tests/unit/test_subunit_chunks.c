/* Every stream of the corpus gives the same events however it is cut, and reads the same when written back.
 */
#include "config.h"
#include "tests/fuzz/subunit_check.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Longer ones are read strictly only, and cut in two ways: the others have all that is odd. */
#define LONG_STREAM 300000

static char folder[1000];

static uint8_t *read_stream(const char *name, size_t *n)
{
    size_t room = 16u << 20;
    uint8_t *p = malloc(room);
    char path[1300];
    int got;

    assert_non_null(p);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    gzFile f = gzopen(path, "rb");
    assert_non_null(f);
    for (*n = 0; (got = gzread(f, p + *n, (unsigned)(room - *n))) > 0;)
        *n += (size_t)got;
    assert_int_equal(got, 0);
    assert_true(*n < room);
    (void)gzclose(f);
    /* Of the very size, so that a sanitizer sees each step over the end. */
    uint8_t *exact = malloc(*n + 1);
    assert_non_null(exact);
    memcpy(exact, p, *n);
    free(p);
    return exact;
}

static void check(const char *name)
{
    static const size_t steps[] = {1, 0, 2, 3, 7};
    struct subunit_check check = {.steps = steps, .steps_n = sizeof(steps) / sizeof(steps[0])};
    size_t n;
    uint8_t *data = read_stream(name, &n);

    if (n > LONG_STREAM)
        check.steps_n = 2;
    subunit_check(&check, data, n);
    check.lenient = true;
    if (n <= LONG_STREAM)
        subunit_check(&check, data, n);
    free(data);
}

static void test_corpus(void **state)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort), streams = 0;

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (strstr(names[i]->d_name, ".subunit") != NULL) {
            check(names[i]->d_name);
            streams++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(streams >= 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};
    const char *top = getenv("srcdir");

    (void)snprintf(folder, sizeof(folder), "%s/tests/data/corpus/streams", top != NULL ? top : ".");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
