#include "config.h"
#include "cli/options.h"
#include "cli/suggest.h"

#include <assert.h>
#include <string.h>

const struct option_spec option_table[] = {
    /* every command's */
    {"url", 0, "URL", NULL, "Tally's address; else TALLY_URL, else the catalogue's"},
    {"os-cloud", 0, "NAME", NULL, "the cloud of clouds.yaml; else OS_CLOUD"},
    {"os-region-name", 0, "NAME", NULL, "the region of the catalogue; else OS_REGION_NAME"},
    {"cacert", 0, "FILE", NULL, "certificates to trust; else OS_CACERT, else the system's"},
    {"insecure", 'k', NULL, NULL, "do not check certificates"},
    {"format", 'f', "FORMAT", "table json value", "how to print: table, json or value"},
    {"column", 'c', "NAME", NULL, "print this column only (repeated: these)"},
    {"quiet", 'q', NULL, NULL, "no progress, no notes on stderr"},
    {"retries", 0, "N", NULL, "how often to try again when the service does not answer (5)"},
    {"timeout", 0, "SECONDS", NULL, "give up an exchange in which nothing moves for so long (300)"},
    {"help", 'h', NULL, NULL, "print help and end"},
    {"version", 'V', NULL, NULL, "print the version and end"},
    /* uploads */
    {"subunit", 0, "FILE", NULL,
     "send this stream as evidence, too (repeated: shards; \"-\": standard input)"},
    {"sign", 'i', "KEY", NULL, "sign with this RSA private key (PEM)"},
    {"anonymous", 0, NULL, NULL, "send no token"},
    {"link", 0, "RESULT", NULL, "link the run to this result instead of a new one"},
    {"cpid", 0, "CPID", NULL, "the cloud's id; of a list: only this one's"},
    {"keystone-endpoint", 0, "URL", NULL, "compute the cpid from this Keystone's host"},
    {"meta", 0, "KEY=VALUE", NULL, "metadata of the run; of a list: only runs that have it (repeatable)"},
    {"run-at", 0, "TIME", NULL, "when the run began (2026-03-01T12:00:00Z)"},
    {"artifacts", 0, "TEXT", NULL, "where the run's other files are"},
    {"wall-time", 0, NULL, NULL, "the run's time is from first start to last end"},
    {"no-attachments", 0, NULL, NULL, "do not store attachments"},
    {"attr-regex", 0, "REGEX", NULL, "what of a test's id is attributes"},
    {"test-attr-prefix", 0, "TEXT", NULL, "attributes that begin so become the test's metadata"},
    {"remove-test-attr-prefix", 0, NULL, NULL, "without that beginning"},
    {"non-subunit-name", 0, "NAME", NULL, "keep what is not subunit as an attachment of this name"},
    /* lists and what is shown */
    {"limit", 0, "N", NULL, "at most so many (50; 0: all)"},
    {"start-date", 0, "TIME", NULL, "from then on"},
    {"end-date", 0, "TIME", NULL, "until then"},
    {"status", 0, "STATUS", NULL, "only of this status"},
    {"tests", 0, NULL, NULL, "the names of all tests, too"},
    {"threshold", 0, "FACTOR", NULL, "slower means over so many times (1.5)"},
    {"exit-code", 0, NULL, NULL, "end with 1 if something is newly failing"},
    {"output", 'o', "FILE", NULL, "write to this file"},
    {"last", 0, "N", NULL, "of the last N runs (50; at most 500)"},
    {"group", 0, "GROUP", "hour day week month", "a row for each hour, day, week or month (day)"},
    {"by", 0, "KEY", NULL, "a row for each value of this metadata, too"},
    {"result", 0, "RESULT", NULL, "the run of this result"},
    {"signed", 0, NULL, NULL, "your project's own results"},
    {"verification-status", 0, "N", "0 1", "only verified (1) or not verified (0) ones"},
    {"off", 0, NULL, NULL, "take it back"},
    /* tasks */
    {"type", 0, "TYPE", "import export clone", "only tasks of this type"},
    {"image", 0, "IMAGE", NULL, "only tasks that have to do with this image"},
    {"disk-format", 0, "FORMAT", NULL, "the image's format: raw, qcow2, vhd, vhdx, vmdk, vdi, iso, ..."},
    {"name", 0, "NAME", NULL, "the new image's name; of a key: its comment"},
    {"property", 0, "KEY=VALUE", NULL, "a property of the new image (repeatable)"},
    {"for", 0, "SECONDS", NULL, "wait no longer than this"},
    {"wait", 0, NULL, NULL, "wait for the end; end with 1 if the task failed"},
};
const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);

const char option_globals[] =
    "url os-cloud os-region-name cacert insecure format column quiet retries timeout help version";

/* By name, or by letter where that is not 0. */
static const struct option_spec *find(struct str name, char letter)
{
    for (size_t i = 0; i < option_count; i++)
        if (letter ? option_table[i].letter == letter : str_eq_cstr(name, option_table[i].name))
            return &option_table[i];
    return NULL;
}

const struct option_spec *option_find(struct str name)
{
    return find(name, 0);
}

bool option_listed(const char *list, struct str word)
{
    struct str rest = str_of(list), head;

    while (rest.n) {
        str_cut(rest, ' ', &head, &rest);
        if (str_eq(head, word))
            return true;
    }
    return false;
}

/* --- reading ------------------------------------------------------------------------------------ */

struct reader {
    struct args *out;
    int argc;
    char **argv;
    int at;
};

static bool give(struct reader *r, const struct option_spec *o, const char *value, struct error *err)
{
    if (o->value && !value) {
        if (r->at + 1 >= r->argc)
            return error_set(err, ERROR_BAD_REQUEST, "--%s needs a value: %s", o->name, o->value);
        value = r->argv[++r->at];
    }
    r->out->given[r->out->n_given++] = (struct option_given){o, value};
    return true;
}

static bool unknown(struct str name, struct error *err)
{
    const char *near = NULL;
    size_t best = SUGGEST_FAR;

    for (size_t i = 0; i < option_count; i++)
        suggest_nearer(name, option_table[i].name, &near, &best);
    if (near)
        return error_set(err, ERROR_BAD_REQUEST, "no option --%.*s; is it --%s?", STR_ARG(name), near);
    return error_set(err, ERROR_BAD_REQUEST, "no option --%.*s", STR_ARG(name));
}

static bool read_long(struct reader *r, const char *text, struct error *err)
{
    struct str name, rest;
    bool has_value = str_cut(str_of(text), '=', &name, &rest);
    const struct option_spec *o = option_find(name);

    if (!o)
        return unknown(name, err);
    if (has_value && !o->value)
        return error_set(err, ERROR_BAD_REQUEST, "--%s takes no value", o->name);
    return give(r, o, has_value ? rest.p : NULL, err);
}

/* "-k", "-fjson", "-kq". */
static bool read_short(struct reader *r, const char *text, struct error *err)
{
    for (; *text; text++) {
        const struct option_spec *o = find((struct str){NULL, 0}, *text);

        if (!o)
            return error_set(err, ERROR_BAD_REQUEST, "no option -%c", *text);
        if (o->value)
            return give(r, o, text[1] ? text + 1 : NULL, err);
        give(r, o, NULL, err);
    }
    return true;
}

bool args_parse(struct arena *arena, int argc, char **argv, struct args *out, struct error *err)
{
    struct reader r = {.out = out, .argc = argc, .argv = argv, .at = 1};
    size_t letters = 0;
    bool words_only = false;

    for (int i = 1; i < argc; i++)
        letters += strlen(argv[i]);
    *out = (struct args){.words = arena_calloc(arena, (size_t)argc + 1, sizeof(char *)),
                         .given = arena_calloc(arena, (size_t)argc + letters, sizeof(*out->given))};
    for (; r.at < argc; r.at++) {
        const char *text = argv[r.at];

        if (words_only || text[0] != '-' || !text[1]) {
            out->words[out->n_words++] = text;
            continue;
        }
        words_only = strcmp(text, "--") == 0;
        if (!words_only && !(text[1] == '-' ? read_long(&r, text + 2, err) : read_short(&r, text + 1, err)))
            return false;
    }
    return true;
}

/* --- what was given ----------------------------------------------------------------------------- */

const char *args_next(const struct args *args, const char *name, size_t *at)
{
    assert(option_find(str_of(name)));
    while (*at < args->n_given) {
        const struct option_given *g = &args->given[(*at)++];

        if (strcmp(g->option->name, name) == 0)
            return g->value ? g->value : "";
    }
    return NULL;
}

const char *args_value(const struct args *args, const char *name)
{
    const char *value, *last = NULL;
    size_t at = 0;

    while ((value = args_next(args, name, &at)))
        last = value;
    return last;
}

bool args_flag(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

bool args_u64(const struct args *args, const char *name, uint64_t min, uint64_t max, uint64_t *out,
              struct error *err)
{
    const char *value = args_value(args, name);
    uint64_t number;

    if (!value)
        return true;
    if (!str_to_u64(str_of(value), max, &number) || number < min)
        return error_set(err, ERROR_BAD_REQUEST, "--%s: '%s' is no number from %llu to %llu", name, value,
                         (unsigned long long)min, (unsigned long long)max);
    *out = number;
    return true;
}
