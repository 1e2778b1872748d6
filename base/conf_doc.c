#include "config.h"
#include "base/conf_table.h"

#include <string.h>

/* What the option takes, as words: "a number from 1 to 1024". */
static void describe(struct buf *out, const struct conf_option *o)
{
    switch (o->type) {
    case CONF_STRING: buf_add_cstr(out, "Text."); break;
    case CONF_CHOICE: {
        struct str word, rest = str_of(o->choices);

        buf_add_cstr(out, "One of ");
        while (rest.n) {
            str_cut(rest, ' ', &word, &rest);
            buf_printf(out, "%.*s%s", STR_ARG(word), rest.n ? ", " : ".");
        }
        break;
    }
    case CONF_NUMBER:
        buf_printf(out, "A number from %llu to %llu.", (unsigned long long)o->min,
                   (unsigned long long)o->max);
        break;
    case CONF_BYTES:
        buf_printf(out, "Bytes, with K, M or G, from %llu to %llu.", (unsigned long long)o->min,
                   (unsigned long long)o->max);
        break;
    case CONF_BOOL: buf_add_cstr(out, "true or false."); break;
    case CONF_LIST: buf_add_cstr(out, "Words with commas between."); break;
    case CONF_TABLE: buf_add_cstr(out, "A table's name."); break;
    case CONF_URL: buf_add_cstr(out, "A URL (http or https) without a slash at its end."); break;
    case CONF_REGEX:
        buf_add_cstr(out,
                     "A POSIX extended regular expression with a group; no {...} and no back references.");
        break;
    case CONF_TIME: buf_add_cstr(out, "A time like 2026-03-01T12:00:00Z, or nothing."); break;
    case CONF_PAIRS: buf_add_cstr(out, "KEY:VALUE, with commas between."); break;
    }
}

/* --- the sample ----------------------------------------------------------------------------------- */

static void comment(struct buf *out, struct str text)
{
    enum { WIDTH = 96 };
    struct str word, rest = text;
    size_t column = 0;

    while (rest.n) {
        str_cut(rest, ' ', &word, &rest);
        if (column && column + 1 + word.n > WIDTH) {
            buf_add_char(out, '\n');
            column = 0;
        }
        buf_printf(out, "%s%.*s", column ? " " : "# ", STR_ARG(word));
        column += word.n + 1;
    }
    buf_add_char(out, '\n');
}

static void sample_option(struct buf *out, const struct conf_option *o)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_printf(&text, "%s ", o->what);
    describe(&text, o);
    if (!o->is_mutable)
        buf_add_cstr(&text, " A change takes a restart.");
    buf_add_char(out, '\n');
    comment(out, buf_str(&text));
    buf_free(&text);
    buf_printf(out, "#%s =%s%s\n", o->name, *o->def ? " " : "", o->def);
}

void conf_sample(struct buf *out)
{
    buf_add_cstr(out,
                 "# Tally's configuration; tally.conf(5) says more. What stands here commented out is the "
                 "default.\n# A value ends with its line; there are no comments behind one.\n");
    for (size_t s = 0; s < conf_n_sections; s++) {
        buf_printf(out, "\n[%s]\n", conf_sections[s].name);
        for (size_t i = 0; i < conf_n_options; i++)
            if (strcmp(conf_table[i].section, conf_sections[s].name) == 0)
                sample_option(out, &conf_table[i]);
    }
}

/* --- tally.conf(5) -------------------------------------------------------------------------------- */

/* Text as roff takes it: backslashes escaped, a line a sentence and none too long, no line that begins with a
 * control character. */
static void roff(struct buf *out, const char *text)
{
    enum { WIDTH = 78 };
    struct str word, rest = str_of(text);
    size_t column = 0;

    while (rest.n) {
        str_cut(rest, ' ', &word, &rest);
        if (column && column + 1 + word.n > WIDTH) {
            buf_add_char(out, '\n');
            column = 0;
        }
        if (column)
            buf_add_char(out, ' ');
        else if (word.n && (word.p[0] == '.' || word.p[0] == '\''))
            buf_add_cstr(out, "\\&");
        for (size_t i = 0; i < word.n; i++)
            buf_add_cstr(out, word.p[i] == '\\' ? "\\e" : (const char[]){word.p[i], '\0'});
        column += word.n + 1;
        if (str_ends(word, STR(".")) && rest.n) {
            buf_add_char(out, '\n');
            column = 0;
        }
    }
    buf_add_char(out, '\n');
}

static void mdoc_option(struct buf *out, const struct conf_option *o)
{
    struct buf text;

    buf_printf(out, ".It Ic %s\n", o->name);
    roff(out, o->what);
    buf_init(&text, 4096);
    describe(&text, o);
    roff(out, text.p);
    buf_free(&text);
    if (*o->def) {
        buf_add_cstr(out, "The default is\n.Ql ");
        for (const char *p = o->def; *p; p++)
            buf_add_cstr(out, *p == '\\' ? "\\e" : (const char[]){*p, '\0'});
        buf_add_cstr(out, " .\n");
    }
    if (!o->is_mutable)
        buf_add_cstr(out, "A change takes a restart.\n");
}

void conf_mdoc(struct buf *out)
{
    buf_add_cstr(out,
                 ".\\\" Made from the option table; see base/conf-doc.\n"
                 ".Dd November 22, 2026\n.Dt TALLY.CONF 5\n.Os\n"
                 ".Sh NAME\n.Nm tally.conf\n.Nd configuration of Tally\n"
                 ".Sh DESCRIPTION\n"
                 "One file configures all programs of Tally.\n"
                 "It has sections in brackets and lines of the form\n.Ql name = value .\n"
                 "A value ends with its line.\n"
                 "Lines that begin with\n.Ql #\nor\n.Ql \\&;\nare comments; there are none behind a value.\n"
                 "A line has at most 4096 bytes.\n.Pp\n"
                 "A file with mistakes is not used at all: each is reported with its line,\n"
                 "and a running process keeps the configuration that it has.\n"
                 "At\n.Dv SIGHUP\nthe file is read again;\n"
                 "an option whose change takes a restart keeps its value until then,\nand is reported.\n");
    for (size_t s = 0; s < conf_n_sections; s++) {
        buf_printf(out, ".Ss The [%s] section\n", conf_sections[s].name);
        roff(out, conf_sections[s].what);
        buf_add_cstr(out, ".Bl -tag -width Ds\n");
        for (size_t i = 0; i < conf_n_options; i++)
            if (strcmp(conf_table[i].section, conf_sections[s].name) == 0)
                mdoc_option(out, &conf_table[i]);
        buf_add_cstr(out, ".El\n");
    }
    buf_add_cstr(out, ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/tally/tally.conf\n"
                      "Where the programs look unless told otherwise.\n.El\n"
                      ".Sh SEE ALSO\n.Xr tally-manage 8\n");
}
