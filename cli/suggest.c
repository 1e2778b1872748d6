#include "config.h"
#include "cli/suggest.h"

enum { MAX_WORD = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(struct str a, struct str b)
{
    /* three rows of the table of distances between the words' beginnings */
    size_t rows[3][MAX_WORD + 1];

    if (a.n > MAX_WORD || b.n > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            row[j] = least(above[j - 1] + (a.p[i - 1] != b.p[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

void suggest_nearer(struct str word, const char *candidate, const char **nearest, size_t *distance)
{
    struct str other = str_of(candidate);
    size_t d = suggest_distance(word, other);

    /* a word of three letters is not near to any other of three */
    if (d < *distance && 2 * d < (word.n > other.n ? word.n : other.n)) {
        *distance = d;
        *nearest = candidate;
    }
}
