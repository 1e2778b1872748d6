#include "config.h"
#include "identity/access_rules.h"

#include <string.h>

/* Keystone takes patterns of up to 225 characters. */
enum { MAX_PIECES = 256 };

enum piece_kind { LITERAL, SEGMENT, ANYTHING };

struct piece {
    enum piece_kind kind;
    char c; /* of LITERAL */
};

/* Cuts a pattern into pieces; false where it is too long. */
static bool compile(struct str pattern, struct piece piece[MAX_PIECES], size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < pattern.n; i++) {
        const char *close;

        if (*n == MAX_PIECES)
            return false;
        if (pattern.p[i] == '*' && i + 1 < pattern.n && pattern.p[i + 1] == '*') {
            piece[(*n)++] = (struct piece){ANYTHING, 0};
            i++;
        } else if (pattern.p[i] == '*') {
            piece[(*n)++] = (struct piece){SEGMENT, 0};
        } else if (pattern.p[i] == '{' && (close = memchr(pattern.p + i, '}', pattern.n - i))) {
            piece[(*n)++] = (struct piece){SEGMENT, 0};
            i = (size_t)(close - pattern.p);
        } else {
            piece[(*n)++] = (struct piece){LITERAL, pattern.p[i]};
        }
    }
    return true;
}

/* at[i]: the first i pieces may have matched what was read. Reading on in all these states at once takes time
 * for pattern times path, where trying one way after the other could take exponential time. */
static void skip_empty(const struct piece *piece, size_t n, bool *at)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] && piece[i].kind == ANYTHING)
            at[i + 1] = true;
}

bool access_rule_path_matches(struct str pattern, struct str path)
{
    struct piece piece[MAX_PIECES];
    bool at[MAX_PIECES + 1] = {true};
    bool inside[MAX_PIECES + 1] = {false}; /* piece i, a SEGMENT, has taken a character and may take more */
    size_t n;

    if (!compile(pattern, piece, &n))
        return false;
    skip_empty(piece, n, at);
    for (size_t k = 0; k < path.n; k++) {
        bool next[MAX_PIECES + 1] = {false};
        char c = path.p[k];

        for (size_t i = 0; i < n; i++) {
            if (piece[i].kind == LITERAL && at[i] && piece[i].c == c)
                next[i + 1] = true;
            if (piece[i].kind == ANYTHING && at[i])
                next[i] = true;
            if (piece[i].kind == SEGMENT) {
                inside[i] = (at[i] || inside[i]) && c != '/';
                if (inside[i])
                    next[i + 1] = true;
            }
        }
        memcpy(at, next, sizeof(at));
        skip_empty(piece, n, at);
    }
    return at[n];
}

bool access_rules_allow(const struct access_rule *rules, size_t n, struct str service, struct str method,
                        struct str path)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(rules[i].service, service) && str_eq(rules[i].method, method) &&
            access_rule_path_matches(rules[i].path, path))
            return true;
    return false;
}
