#include "config.h"
#include "image/property_protection.h"
#include "base/arena.h"
#include "base/conf.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 20, LINE_LIMIT = 4096, RULES_MAX = 1000, N_RIGHTS = 4, NAME_MAX_BYTES = 1020 };

static const char *const right_names[N_RIGHTS] = {"create", "read", "update", "delete"};

/* Who has one right: some roles, everybody, or nobody. */
struct grant {
    unsigned line; /* 0: not given */
    bool everybody;
    struct str *roles;
    size_t n_roles;
};

struct rule {
    struct str expression;
    unsigned line;
    regex_t regex;
    bool compiled;
    struct grant grants[N_RIGHTS];
    struct rule *next;
};

struct property_protection {
    struct arena *arena;
    bool open; /* without a file: all is allowed */
    struct rule *first;
};

struct reading {
    const char *path;
    struct property_protection *p;
    struct rule **last;
    struct rule *rule; /* the section at hand; NULL before the first and in one that is wrong */
    size_t n_rules;
    bool skip; /* the section at hand is wrong: its lines are not looked at */
    unsigned line;
    struct buf *mistakes;
    bool failed;
};

static void mistake(struct reading *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void mistake(struct reading *rd, const char *fmt, ...)
{
    va_list ap;

    rd->failed = true;
    va_start(ap, fmt);
    conf_mistake(rd->mistakes, rd->path, rd->line, fmt, ap);
    va_end(ap);
}

/* --- sections -------------------------------------------------------------------------------------- */

static bool is_quantifier(char c)
{
    return c == '*' || c == '+' || c == '?' || c == '}';
}

/* Glance's expressions are Python's, ours POSIX's. What both know means the same in both; what would mean
 * something else here is told by this and refused. NULL: fine. */
static const char *foreign_syntax(struct str e)
{
    bool in_set = false;

    for (size_t i = 0; i < e.n; i++) {
        char c = e.p[i], next = i + 1 < e.n ? e.p[i + 1] : '\0';

        if (c == '\\' && in_set)
            return "a backslash within [ ]";
        if (c == '\\') {
            if (isalnum((unsigned char)next) && !strchr("wWsSbB", next))
                return "a backslash before a letter or digit other than w, W, s, S, b, B";
            i++;
        } else if (in_set) {
            in_set = c != ']';
        } else if (c == '[') {
            in_set = true;
            i += next == '^';
            i += i + 1 < e.n && e.p[i + 1] == ']'; /* a first ] is one of the set's own */
        } else if (c == '(' && next == '?') {
            return "(?";
        } else if (is_quantifier(c) && next && is_quantifier(next)) {
            return "one quantifier after the other";
        }
    }
    return NULL;
}

static struct rule *find_rule(const struct property_protection *p, struct str expression)
{
    for (struct rule *rule = p->first; rule; rule = rule->next)
        if (str_eq(rule->expression, expression))
            return rule;
    return NULL;
}

static void compile(struct reading *rd, struct rule *rule)
{
    const char *foreign = foreign_syntax(rule->expression);
    char text[200];
    int rc;

    if (foreign) {
        mistake(rd, "[%s]: %s is not taken: expressions are POSIX extended ones", rule->expression.p,
                foreign);
        return;
    }
    rc = regcomp(&rule->regex, rule->expression.p, REG_EXTENDED | REG_NOSUB);
    if (rc == 0) {
        rule->compiled = true;
        return;
    }
    regerror(rc, &rule->regex, text, sizeof(text));
    mistake(rd, "[%s]: %s", rule->expression.p, text);
}

static void section_line(struct reading *rd, struct str line)
{
    struct arena *arena = rd->p->arena;
    struct str expression = {line.p + 1, line.n - 2};
    struct rule *rule;

    rd->rule = NULL;
    rd->skip = true;
    if (line.n < 3 || line.p[line.n - 1] != ']') {
        mistake(rd, "a section's line is [expression]");
        return;
    }
    if (str_eq_cstr(expression, "DEFAULT")) {
        mistake(rd, "[DEFAULT] is not taken: each section says all four rights itself");
        return;
    }
    rule = find_rule(rd->p, expression);
    if (rule) {
        mistake(rd, "the section [%s] stands in line %u already", rule->expression.p, rule->line);
        return;
    }
    if (rd->n_rules++ == RULES_MAX) {
        mistake(rd, "more than %d sections", RULES_MAX);
        return;
    }
    rule = arena_calloc(arena, 1, sizeof(*rule));
    rule->expression = arena_str(arena, expression);
    rule->line = rd->line;
    compile(rd, rule);
    *rd->last = rule;
    rd->last = &rule->next;
    rd->rule = rule;
    rd->skip = false;
}

/* --- rights ---------------------------------------------------------------------------------------- */

static int right_of(struct str name)
{
    for (int i = 0; i < N_RIGHTS; i++)
        if (str_eq_nocase(name, str_of(right_names[i])))
            return i;
    return -1;
}

/* Glance's other form of the file has policies' names and rules there. */
static bool looks_like_policy(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (strchr(":()% \t", word.p[i]))
            return true;
    return false;
}

static void read_roles(struct reading *rd, struct grant *grant, struct str name, struct str value)
{
    bool nobody = false;
    struct str word;
    size_t most = 1;

    for (size_t i = 0; i < value.n; i++)
        most += value.p[i] == ',';
    grant->roles = arena_calloc(rd->p->arena, most, sizeof(*grant->roles));
    while (value.p) {
        if (!str_cut(value, ',', &word, &value))
            value.p = NULL;
        word = str_trim(word);
        if (word.n == 0)
            mistake(rd, "%.*s: an empty word; nobody is \"!\"", STR_ARG(name));
        else if (looks_like_policy(word))
            mistake(rd,
                    "%.*s: \"%.*s\" is a policy; only roles are taken, \"@\" (everybody) and \"!\" (nobody)",
                    STR_ARG(name), STR_ARG(word));
        else if (str_eq_cstr(word, "@"))
            grant->everybody = true;
        else if (str_eq_cstr(word, "!"))
            nobody = true;
        else
            grant->roles[grant->n_roles++] = arena_str(rd->p->arena, word);
    }
    if (grant->everybody && nobody)
        mistake(rd, "%.*s: \"@\" and \"!\" exclude each other", STR_ARG(name));
    if (nobody)
        grant->n_roles = 0;
}

static void right_line(struct reading *rd, struct str line)
{
    size_t at = 0;

    while (at < line.n && line.p[at] != '=' && line.p[at] != ':')
        at++;
    if (at == line.n) {
        mistake(rd, "neither [expression] nor a right: no = in the line");
        return;
    }
    if (rd->skip)
        return;
    if (!rd->rule) {
        mistake(rd, "a right before the first [expression]");
        return;
    }
    struct str name = str_trim((struct str){line.p, at});
    struct str value = str_trim((struct str){line.p + at + 1, line.n - at - 1});
    int right = right_of(name);

    if (right < 0) {
        mistake(rd, "\"%.*s\" is none of create, read, update, delete", STR_ARG(name));
        return;
    }
    struct grant *grant = &rd->rule->grants[right];

    if (grant->line) {
        mistake(rd, "%s stands in line %u already", right_names[right], grant->line);
        return;
    }
    grant->line = rd->line;
    read_roles(rd, grant, name, value);
}

/* --- the file -------------------------------------------------------------------------------------- */

static void read_line(struct reading *rd, struct str line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > LINE_LIMIT)
        mistake(rd, "the line is longer than %d bytes", LINE_LIMIT);
    else if (memchr(line.p, '\0', line.n) || !str_is_utf8(line))
        mistake(rd, "the line is not UTF-8 text");
    else if (str_trim(line).n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return;
    else if (line.p[0] == ' ' || line.p[0] == '\t')
        mistake(rd, "the line begins with a blank: values go on one line");
    else if (line.p[0] == '[')
        section_line(rd, str_trim(line));
    else
        right_line(rd, str_trim(line));
}

static void check_complete(struct reading *rd)
{
    for (const struct rule *rule = rd->p->first; rule; rule = rule->next)
        for (int i = 0; i < N_RIGHTS; i++)
            if (!rule->grants[i].line) {
                rd->line = rule->line;
                mistake(rd, "[%s] does not say %s; nobody is \"!\"", rule->expression.p, right_names[i]);
            }
}

static bool read_file(struct reading *rd, struct buf *text)
{
    int fd = open(rd->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : 1;
    char *at;

    if (fd < 0)
        mistake(rd, "%s", strerror(errno));
    while (got > 0) {
        at = buf_room(text, 4096);
        if (!at) {
            mistake(rd, "the file is longer than %d bytes", FILE_LIMIT);
            break;
        }
        do
            got = read(fd, at, 4096);
        while (got < 0 && errno == EINTR);
        if (got > 0)
            buf_grow(text, (size_t)got);
        else if (got < 0)
            mistake(rd, "%s", strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return !rd->failed;
}

struct property_protection *property_protection_read(const char *path, struct buf *mistakes)
{
    struct property_protection *p = mem_calloc(1, sizeof(*p));
    struct reading rd = {.path = path, .p = p, .last = &p->first, .mistakes = mistakes};
    struct buf text;

    p->arena = arena_new(4096);
    p->open = !*path;
    if (p->open)
        return p;
    buf_init(&text, FILE_LIMIT);
    if (read_file(&rd, &text)) {
        struct str rest = buf_str(&text), line;

        if (str_starts(rest, STR("\xef\xbb\xbf")))
            rest = (struct str){rest.p + 3, rest.n - 3};
        while (rest.n > 0) {
            str_cut(rest, '\n', &line, &rest);
            rd.line++;
            read_line(&rd, line);
        }
        check_complete(&rd);
    }
    buf_free(&text);
    if (!rd.failed)
        return p;
    property_protection_free(p);
    return NULL;
}

void property_protection_free(struct property_protection *p)
{
    if (!p)
        return;
    for (struct rule *rule = p->first; rule; rule = rule->next)
        if (rule->compiled)
            regfree(&rule->regex);
    arena_free(p->arena);
    free(p);
}

/* --- asking ---------------------------------------------------------------------------------------- */

static bool grants_to(const struct grant *grant, const struct str *roles, size_t n_roles)
{
    if (grant->everybody)
        return true;
    for (size_t i = 0; i < grant->n_roles; i++)
        for (size_t k = 0; k < n_roles; k++)
            if (str_eq_nocase(grant->roles[i], roles[k]))
                return true;
    return false;
}

bool property_protection_allows(const struct property_protection *p, enum property_right right,
                                struct str name, const struct str *roles, size_t n_roles)
{
    char text[NAME_MAX_BYTES + 1];

    if (p->open)
        return true;
    /* No property's name is longer (255 characters), and none has a NUL: such a one is nobody's. */
    if (name.n > NAME_MAX_BYTES || (name.n && memchr(name.p, '\0', name.n)))
        return false;
    if (name.n)
        memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    for (const struct rule *rule = p->first; rule; rule = rule->next)
        if (regexec(&rule->regex, text, 0, NULL, 0) == 0)
            return grants_to(&rule->grants[right], roles, n_roles);
    return false;
}
