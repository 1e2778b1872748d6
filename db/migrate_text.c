#include "config.h"
#include "db/migrate_text.h"
#include "base/buf.h"

#include <string.h>

static const struct {
    const char *word;
    enum migrate_object object;
} objects[] = {
    {"table ", MIGRATE_TABLE},
    {"column ", MIGRATE_COLUMN},
    {"index ", MIGRATE_INDEX},
    {"foreign key ", MIGRATE_FOREIGN_KEY},
};

static struct str after(struct str s, size_t n)
{
    return str_trim((struct str){s.p + n, s.n - n});
}

static bool add_guard(struct migrate_step *step, struct str text, bool wanted, struct error *err)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
        if (!str_starts(text, str_of(objects[i].word)))
            continue;
        if (step->n_guards == MIGRATE_MAX_GUARDS)
            return error_set(err, ERROR_INTERNAL, "migration: too many conditions for one statement");
        struct migrate_guard *g = &step->guards[step->n_guards++];

        *g = (struct migrate_guard){.object = objects[i].object, .wanted = wanted};
        bool two = str_cut(after(text, strlen(objects[i].word)), '.', &g->table, &g->name);
        if (two == (g->object == MIGRATE_TABLE) || g->table.n == 0)
            break;
        return true;
    }
    return error_set(err, ERROR_INTERNAL, "migration: condition not understood: %.*s", STR_ARG(text));
}

/* A line that starts with "--"; what it means for the next statement. */
static bool read_comment(struct migrate_step *step, struct str line, struct error *err)
{
    struct str text = after(line, 2);

    if (str_starts(text, STR("unless:")))
        return add_guard(step, after(text, 7), false, err);
    if (str_starts(text, STR("when:")))
        return add_guard(step, after(text, 5), true, err);
    if (str_starts(text, STR("collation:"))) {
        if (!str_cut(after(text, 10), '.', &step->collation_table, &step->collation_column))
            return error_set(err, ERROR_INTERNAL, "migration: no column in: %.*s", STR_ARG(text));
    } else if (str_eq(text, STR("without foreign key checks"))) {
        step->without_foreign_keys = true;
    }
    return true;
}

static bool is_data(struct str sql)
{
    return str_starts(sql, STR("INSERT ")) || str_starts(sql, STR("UPDATE ")) ||
           str_starts(sql, STR("DELETE "));
}

static size_t count_ends(const char *sql)
{
    size_t n = 0;

    for (const char *p = strstr(sql, ";\n"); p; p = strstr(p + 2, ";\n"))
        n++;
    return n;
}

struct migrate_step *migrate_text_split(struct arena *arena, const char *sql, size_t *n, struct error *err)
{
    struct migrate_step *steps = arena_calloc(arena, count_ends(sql) + 1, sizeof(*steps));
    struct migrate_step *step = steps;
    struct str rest = str_of(sql), line;
    const char *start = NULL;

    while (rest.n > 0) {
        str_cut(rest, '\n', &line, &rest);
        if (!start && str_starts(line, STR("--"))) {
            if (!read_comment(step, line, err))
                return NULL;
            continue;
        }
        if (!start && str_trim(line).n == 0)
            continue;
        if (!start)
            start = line.p;
        if (!str_ends(line, STR(";")))
            continue;
        step->sql = (struct str){start, (size_t)(line.p + line.n - 1 - start)};
        step->is_data = is_data(step->sql);
        start = NULL;
        step++;
    }
    if (start) {
        error_set(err, ERROR_INTERNAL, "migration: the last statement has no end: %.60s", start);
        return NULL;
    }
    *n = (size_t)(step - steps);
    return steps;
}
