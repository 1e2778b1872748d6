#include "config.h"
#include "base/conf.h"
#include "base/arena.h"
#include "base/conf_table.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LIMIT = 4096, FILE_LIMIT = 1024 * 1024, NAME_LIMIT = 48 };

struct reading {
    const char *path;
    struct str rest; /* of the file */
    unsigned line;
    struct str value; /* of the line that inih was given last */
    const struct conf_section *section;
    bool in_unknown; /* a section that we do not know: complained of once */
    struct conf *conf;
    unsigned *seen; /* the line of each option */
    struct buf *mistakes;
    bool failed;
};

void conf_mistake(struct buf *mistakes, const char *path, unsigned line, const char *fmt, va_list ap)
{
    buf_printf(mistakes, "%s:", path);
    if (line)
        buf_printf(mistakes, "%u:", line);
    buf_add_char(mistakes, ' ');
    buf_vprintf(mistakes, fmt, ap);
    buf_add_char(mistakes, '\n');
}

static void mistake(struct reading *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void mistake(struct reading *rd, const char *fmt, ...)
{
    va_list ap;

    rd->failed = true;
    va_start(ap, fmt);
    conf_mistake(rd->mistakes, rd->path, rd->line, fmt, ap);
    va_end(ap);
}

static const struct conf_section *section_find(struct str name)
{
    for (size_t i = 0; i < conf_n_sections; i++)
        if (str_eq_cstr(name, conf_sections[i].name))
            return &conf_sections[i];
    return NULL;
}

/* "[name]": inih takes what follows the bracket for a comment and cuts long names, so it is looked at here.
 */
static bool section_line(struct reading *rd, struct str line)
{
    struct str name = {line.p + 1, line.n - 2};

    rd->section = NULL;
    rd->in_unknown = true;
    if (line.n < 2 || line.p[line.n - 1] != ']') {
        mistake(rd, "a section's line must end with ]");
        return false;
    }
    rd->section = section_find(name);
    if (!rd->section) {
        mistake(rd, "unknown section [%.*s]", (int)(name.n < NAME_LIMIT ? name.n : NAME_LIMIT), name.p);
        return false;
    }
    rd->in_unknown = false;
    return true;
}

/* "name = value" or, as oslo.config takes it too, "name: value". */
static bool option_line(struct reading *rd, struct str line, struct str *name)
{
    size_t at = 0;

    while (at < line.n && line.p[at] != '=' && line.p[at] != ':')
        at++;
    if (at == line.n) {
        mistake(rd, "neither a section nor an option: no = in the line");
        return false;
    }
    if (rd->in_unknown)
        return false;
    if (!rd->section) {
        mistake(rd, "an option before the first section");
        return false;
    }
    *name = str_trim((struct str){line.p, at});
    rd->value = str_trim((struct str){line.p + at + 1, line.n - at - 1});
    if (name->n == 0 || name->n > NAME_LIMIT) {
        mistake(rd, "unknown option \"%.*s\" in [%s]", (int)(name->n < NAME_LIMIT ? name->n : NAME_LIMIT),
                name->p, rd->section->name);
        return false;
    }
    return true;
}

static bool next_line(struct reading *rd, struct str *line)
{
    if (rd->rest.n == 0)
        return false;
    str_cut(rd->rest, '\n', line, &rd->rest);
    rd->line++;
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

/* Whether there is anything in the line that inih should see. */
static bool look_at(struct reading *rd, struct str line)
{
    if (line.n > LINE_LIMIT)
        mistake(rd, "the line is longer than %d bytes", LINE_LIMIT);
    else if (memchr(line.p, '\0', line.n) || !str_is_utf8(line))
        mistake(rd, "the line is not UTF-8 text");
    else if (str_trim(line).n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return false;
    else if (line.p[0] == ' ' || line.p[0] == '\t')
        mistake(rd, "the line begins with a blank: values go on one line");
    else
        return true;
    return false;
}

/* inih's reader. Its buffer has 200 bytes and it knows comments within a line, which oslo.config does not: so
 * it gets the line's shape, and the value is kept here for on_option(). A line with a mistake is an empty one
 * to it. */
static char *read_line(char *out, int size, void *stream)
{
    struct reading *rd = stream;
    struct str line, name;

    if (!next_line(rd, &line))
        return NULL;
    snprintf(out, (size_t)size, "\n");
    if (rd->line == 1 && str_starts(line, STR("\xef\xbb\xbf")))
        line = (struct str){line.p + 3, line.n - 3};
    if (line.n == 0 || !look_at(rd, line))
        return out;
    line = str_trim(line);
    if (line.p[0] == '[') {
        if (section_line(rd, line))
            snprintf(out, (size_t)size, "[%s]\n", rd->section->name);
    } else if (option_line(rd, line, &name)) {
        snprintf(out, (size_t)size, "%.*s = _\n", STR_ARG(name));
    }
    return out;
}

static int on_option(void *user, const char *section, const char *name, const char *value)
{
    struct reading *rd = user;
    const struct conf_option *o = conf_find(section, name);

    (void)value;
    if (!o) {
        mistake(rd, "unknown option \"%s\" in [%s]", name, section);
        return 1;
    }
    unsigned *seen = &rd->seen[o - conf_table];
    if (*seen) {
        mistake(rd, "%s in [%s] stands in line %u already", name, section, *seen);
        return 1;
    }
    *seen = rd->line;
    const char *wrong = conf_value_set(rd->conf, o, rd->value);
    if (wrong && o->is_secret)
        mistake(rd, "the value of %s %s", name, wrong);
    else if (wrong && o->type == CONF_CHOICE)
        mistake(rd, "%s = %.*s: not one of %s", name, STR_ARG(rd->value), o->choices);
    else if (wrong && (o->type == CONF_NUMBER || o->type == CONF_BYTES))
        mistake(rd, "%s = %.*s %s (%llu to %llu)", name, STR_ARG(rd->value), wrong,
                (unsigned long long)o->min, (unsigned long long)o->max);
    else if (wrong)
        mistake(rd, "%s = %.*s %s", name, STR_ARG(rd->value), wrong);
    return 1;
}

/* What no single value shows. */
static void check_together(struct reading *rd)
{
    const struct conf *c = rd->conf;

    rd->line = 0;
    if (strcmp(c->main.log_target, "file") == 0 && !*c->main.log_file)
        mistake(rd, "log_target = file in [DEFAULT] needs log_file");
    if (c->api.default_limit > c->api.max_limit)
        mistake(rd, "default_limit in [api] is larger than max_limit");
    if (strcmp(c->identity.driver, "static") == 0 && !*c->identity.static_file)
        mistake(rd, "driver = static in [identity] needs static_file");
    const char *const tables[] = {c->database.version_table, c->database.subunit2sql_version_table,
                                  c->database.tally_version_table};
    for (size_t i = 0; i < 3; i++)
        if (strcasecmp(tables[i], tables[(i + 1) % 3]) == 0)
            mistake(rd, "two version tables in [database] have the name %s", tables[i]);
}

static bool read_file(struct reading *rd, struct buf *text)
{
    int fd = open(rd->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = -1;

    if (fd < 0) {
        mistake(rd, "%s", strerror(errno));
        return false;
    }
    for (;;) {
        char *at = buf_room(text, 4096);

        if (!at) {
            mistake(rd, "the file is longer than %d bytes", FILE_LIMIT);
            break;
        }
        do
            got = read(fd, at, 4096);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            mistake(rd, "%s", strerror(errno));
        if (got <= 0)
            break;
        buf_grow(text, (size_t)got);
    }
    close(fd);
    return !rd->failed;
}

struct conf *conf_parse(const char *path, struct str text, struct buf *mistakes)
{
    struct reading rd = {.path = path, .rest = text, .conf = conf_default(), .mistakes = mistakes};

    rd.seen = mem_calloc(conf_n_options, sizeof(*rd.seen));
    ini_parse_stream(read_line, &rd, on_option, &rd);
    if (!rd.failed)
        check_together(&rd);
    free(rd.seen);
    if (!rd.failed)
        return rd.conf;
    conf_unref(rd.conf);
    return NULL;
}

struct conf *conf_read(const char *path, struct buf *mistakes)
{
    struct reading rd = {.path = path, .mistakes = mistakes};
    struct conf *c = NULL;
    struct buf text;

    buf_init(&text, FILE_LIMIT);
    if (read_file(&rd, &text))
        c = conf_parse(path, buf_str(&text), mistakes);
    /* Passwords stood in it. */
    if (text.p)
        explicit_bzero(text.p, text.size);
    buf_free(&text);
    return c;
}

/* --- life ----------------------------------------------------------------------------------------- */

struct conf *conf_default(void)
{
    struct conf *c = mem_calloc(1, sizeof(*c));

    c->memory = arena_new(16384);
    c->refs = 1;
    for (size_t i = 0; i < conf_n_options; i++)
        if (conf_value_set(c, &conf_table[i], str_of(conf_table[i].def)))
            abort(); /* a default that its own row refuses: every unit test would show it */
    return c;
}

struct conf *conf_ref(struct conf *conf)
{
    __atomic_add_fetch(&conf->refs, 1, __ATOMIC_RELAXED);
    return conf;
}

void conf_unref(struct conf *conf)
{
    if (!conf || __atomic_sub_fetch(&conf->refs, 1, __ATOMIC_ACQ_REL))
        return;
    arena_free(conf->memory);
    free(conf);
}

void conf_keep_immutable(const struct conf *old, struct conf *new_conf, struct buf *changed)
{
    for (size_t i = 0; i < conf_n_options; i++) {
        const struct conf_option *o = &conf_table[i];

        if (o->is_mutable || conf_value_same(o, old, new_conf))
            continue;
        buf_printf(changed, "%s%s.%s", changed->n ? " " : "", o->section, o->name);
        conf_value_copy(o, old, new_conf);
    }
}

bool conf_section_same(const struct conf *a, const struct conf *b, const char *section)
{
    for (size_t i = 0; i < conf_n_options; i++)
        if (strcmp(conf_table[i].section, section) == 0 && !conf_value_same(&conf_table[i], a, b))
            return false;
    return true;
}
