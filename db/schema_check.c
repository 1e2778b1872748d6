#include "config.h"
#include "db/schema_check.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    const char **line;
    size_t n;
};

/* Is there a line for this table in head? Version tables have other names in each database. */
static bool is_ours(struct str table)
{
    char line[256];

    snprintf(line, sizeof(line), "table %.*s ", STR_ARG(table));
    for (const char *at = strstr(migration_head, line); at; at = strstr(at + 1, line))
        if (at == migration_head || at[-1] == '\n')
            return true;
    return false;
}

/* "bigint(20)" is "bigint" for MySQL 8; the width says something of tinyint(1) only. */
static void add_type(struct buf *b, struct str type)
{
    struct str word, rest;

    if (str_cut(type, '(', &word, &rest) && !str_eq(type, STR("tinyint(1)")) &&
        (str_ends(word, STR("int")) || str_eq(word, STR("int"))))
        type = word;
    buf_add_str(b, type);
}

static void add_collation(struct buf *b, struct str collation)
{
    if (str_starts(collation, STR("utf8_"))) {
        buf_add_cstr(b, " utf8mb3");
        collation.p += 4;
        collation.n -= 4;
    } else {
        buf_add_char(b, ' ');
    }
    buf_add_str(b, collation);
}

static void add_default(struct buf *b, struct str text)
{
    if (!text.p || str_eq(text, STR("NULL")))
        return;
    buf_add_cstr(b, " default ");
    if (text.n >= 2 && text.p[0] == '\'')
        text = (struct str){text.p + 1, text.n - 2};
    buf_printf(b, "'%.*s'", STR_ARG(text));
}

static void render_table(struct buf *b, struct db_rows *rows)
{
    buf_printf(b, "table %.*s %.*s", STR_ARG(db_str(rows, "t")), STR_ARG(db_str(rows, "engine")));
    add_collation(b, db_str(rows, "collation"));
}

static void render_column(struct buf *b, struct db_rows *rows)
{
    struct str extra = db_str(rows, "extra");

    buf_printf(b, "column %.*s.%.*s ", STR_ARG(db_str(rows, "t")), STR_ARG(db_str(rows, "name")));
    add_type(b, db_str(rows, "type"));
    if (!db_is_null(rows, "collation"))
        add_collation(b, db_str(rows, "collation"));
    buf_add_cstr(b, str_eq(db_str(rows, "nullable"), STR("YES")) ? " null" : " not null");
    add_default(b, db_str(rows, "dflt"));
    if (memmem(extra.p, extra.n, "auto_increment", 14))
        buf_add_cstr(b, " auto_increment");
    if (memmem(extra.p, extra.n, "STORED GENERATED", 16))
        buf_add_cstr(b, " generated");
    else if (memmem(extra.p, extra.n, "VIRTUAL GENERATED", 17))
        buf_add_cstr(b, " virtual");
}

static void render_index(struct buf *b, struct db_rows *rows)
{
    buf_printf(b, "index %.*s.%.*s %s(%.*s)", STR_ARG(db_str(rows, "t")), STR_ARG(db_str(rows, "name")),
               db_i64(rows, "non_unique") ? "" : "unique ", STR_ARG(db_str(rows, "columns")));
}

static void render_foreign_key(struct buf *b, struct db_rows *rows)
{
    struct str rule = db_str(rows, "rule");

    buf_printf(b, "foreign key %.*s.%.*s (%.*s) references %.*s (%.*s)", STR_ARG(db_str(rows, "t")),
               STR_ARG(db_str(rows, "name")), STR_ARG(db_str(rows, "columns")),
               STR_ARG(db_str(rows, "parent")), STR_ARG(db_str(rows, "parent_columns")));
    if (str_eq(rule, STR("CASCADE")))
        buf_add_cstr(b, " on delete cascade");
    else if (!str_eq(rule, STR("RESTRICT")) && !str_eq(rule, STR("NO ACTION")))
        buf_printf(b, " on delete %.*s", STR_ARG(rule));
}

static const struct {
    const char *sql;
    void (*render)(struct buf *b, struct db_rows *rows);
} kinds[] = {
    {"SELECT table_name AS t, engine AS engine, table_collation AS collation FROM information_schema.tables "
     "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
     render_table},
    {"SELECT table_name AS t, column_name AS name, column_type AS type, collation_name AS collation, "
     "is_nullable AS nullable, column_default AS dflt, extra AS extra FROM information_schema.columns "
     "WHERE table_schema = DATABASE()",
     render_column},
    {"SELECT table_name AS t, index_name AS name, MAX(non_unique) AS non_unique, GROUP_CONCAT(CONCAT("
     "column_name, COALESCE(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index) AS columns "
     "FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name",
     render_index},
    {"SELECT k.table_name AS t, k.constraint_name AS name, "
     "GROUP_CONCAT(k.column_name ORDER BY k.ordinal_position) AS columns, "
     "MAX(k.referenced_table_name) AS parent, "
     "GROUP_CONCAT(k.referenced_column_name ORDER BY k.ordinal_position) AS parent_columns, "
     "MAX(r.delete_rule) AS rule FROM information_schema.key_column_usage k "
     "JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema "
     "AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name "
     "WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL "
     "GROUP BY k.table_name, k.constraint_name",
     render_foreign_key},
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_line(struct arena *arena, struct lines *l, const char *text)
{
    if ((l->n & (l->n - 1)) == 0) {
        const char **more = arena_calloc(arena, l->n ? l->n * 2 : 1, sizeof(*more));

        for (size_t i = 0; i < l->n; i++)
            more[i] = l->line[i];
        l->line = more;
    }
    l->line[l->n++] = text;
}

static bool list_kind(struct db_conn *c, struct arena *arena, size_t kind, bool all, struct lines *l,
                      struct error *err)
{
    struct db_rows *rows = db_query(c, kinds[kind].sql, NULL, 0, err);
    struct buf b;

    if (!rows)
        return false;
    buf_init(&b, 1 << 16);
    while (db_next(rows, err)) {
        if (!all && !is_ours(db_str(rows, "t")))
            continue;
        buf_clear(&b);
        kinds[kind].render(&b, rows);
        add_line(arena, l, arena_str(arena, buf_str(&b)).p);
    }
    buf_free(&b);
    return db_end(rows);
}

static bool list_live(struct db_conn *c, struct arena *arena, bool all, struct lines *l, struct error *err)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!list_kind(c, arena, i, all, l, err))
            return false;
    qsort(l->line, l->n, sizeof(*l->line), by_text);
    return true;
}

const char **schema_list(struct db_conn *c, struct arena *arena, size_t *n, struct error *err)
{
    struct lines l = {arena_calloc(arena, 1, sizeof(char *)), 0};

    if (!list_live(c, arena, true, &l, err))
        return NULL;
    *n = l.n;
    return l.line;
}

static struct lines list_head(struct arena *arena)
{
    struct lines l = {0};
    struct str rest = str_of(migration_head), line;

    while (rest.n > 0) {
        str_cut(rest, '\n', &line, &rest);
        if (line.n > 0)
            add_line(arena, &l, arena_str(arena, line).p);
    }
    qsort(l.line, l.n, sizeof(*l.line), by_text);
    return l;
}

/* Kind and name: what stands before the third blank of "foreign key T.N", the second of the others. */
static size_t key_length(const char *line)
{
    const char *p = line + (strncmp(line, "foreign key ", 12) == 0 ? 12 : strcspn(line, " ") + 1);

    return (size_t)(p - line) + strcspn(p, " ");
}

static int by_key(const char *a, const char *b)
{
    size_t na = key_length(a), nb = key_length(b);

    return str_cmp((struct str){a, na}, (struct str){b, nb});
}

static void say_difference(version_say_fn say, void *arg, const char *live, const char *head)
{
    char text[1200];

    if (!live)
        snprintf(text, sizeof(text), "missing: %s", head);
    else if (!head)
        snprintf(text, sizeof(text), "not expected: %s", live);
    else
        snprintf(text, sizeof(text), "differs: %s; must be:%s", live, head + key_length(head));
    say(arg, text);
}

static int by_key_of_pointers(const void *a, const void *b)
{
    return by_key(*(const char *const *)a, *(const char *const *)b);
}

bool schema_check(struct db_conn *c, version_say_fn say, void *arg, uint64_t *differences, struct error *err)
{
    struct arena *arena = arena_new(1 << 16);
    struct lines live = {arena_calloc(arena, 1, sizeof(char *)), 0}, head = list_head(arena);
    bool ok = list_live(c, arena, false, &live, err);

    qsort(live.line, live.n, sizeof(*live.line), by_key_of_pointers);
    qsort(head.line, head.n, sizeof(*head.line), by_key_of_pointers);
    for (size_t i = 0, j = 0; ok && (i < live.n || j < head.n);) {
        int order = i == live.n ? 1 : j == head.n ? -1 : by_key(live.line[i], head.line[j]);
        const char *l = order <= 0 ? live.line[i++] : NULL, *h = order >= 0 ? head.line[j++] : NULL;

        if (l && h && strcmp(l, h) == 0)
            continue;
        say_difference(say, arg, l, h);
        ++*differences;
    }
    arena_free(arena);
    return ok;
}
