#include "config.h"
#include "db/version_tables.h"
#include "base/buf.h"
#include "base/conf_options.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/uuid.h"
#include "db/version_hosts.h"
#include "db/version_scan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A rival did the same thing in between: look again. */
enum { ER_EXISTS = 1050, ER_UNKNOWN_TABLE = 1051, ER_NO_SUCH = 1146, ROUNDS = 50, LOOKS = 3 };

/* Of a table that was in the way until its DROP. */
#define ASIDE "tally_aside_"
/* Of a table that was split off and has not got its name yet. */
#define SPLIT "tally_split_"

struct move {
    const char *from;
    const char *to;
};

struct settle {
    struct db_conn *c;
    struct arena *arena;
    const struct version_names *names;
    const struct version_options *options;
    struct version_scan scan;
    struct version_table *found[FAMILY_COUNT]; /* holds the family's revision; NULL: none */
    const char *wanted[FAMILY_COUNT];
    struct move moves[FAMILY_COUNT];
    size_t n_moves;
    bool acted; /* something was done: look again */
};

struct version_names version_names_of(const struct conf *conf)
{
    struct version_names names = {{0}, {0}};

    names.name[FAMILY_SUBUNIT2SQL] = conf->database.subunit2sql_version_table;
    names.name[FAMILY_REFSTACK] = conf->database.version_table;
    names.name[FAMILY_TALLY] = conf->database.tally_version_table;
    return names;
}

const char *version_option(enum family family)
{
    static const char *const options[FAMILY_COUNT] = {
        [FAMILY_SUBUNIT2SQL] = "subunit2sql_version_table",
        [FAMILY_REFSTACK] = "version_table",
        [FAMILY_TALLY] = "tally_version_table",
    };

    return options[family];
}

void version_say(version_say_fn say, void *arg, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (say)
        say(arg, text);
    else
        log_info("version tables: %s", text);
}

static bool check_names(const struct version_names *names, struct error *err)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        size_t n = strlen(names->name[f]);

        if (n == 0 || n > TABLE_NAME_MAX || strpbrk(names->name[f], "/\\.") || names->name[f][n - 1] == ' ')
            return error_set(err, ERROR_BAD_REQUEST, "[database] %s: \"%s\" is no name of a table",
                             version_option(f), names->name[f]);
        for (int g = 0; g < f; g++)
            if (strcasecmp(names->name[f], names->name[g]) == 0)
                return error_set(err, ERROR_BAD_REQUEST, "[database] %s and %s must differ: both are \"%s\"",
                                 version_option(g), version_option(f), names->name[f]);
    }
    return true;
}

/* Which table holds each family's revision, exactly one. */
static bool find_families(struct settle *s, struct error *err)
{
    memset(s->found, 0, sizeof(s->found));
    for (size_t i = 0; i < s->scan.n; i++) {
        struct version_table *t = &s->scan.tables[i];
        int seen[FAMILY_COUNT] = {0};

        for (size_t r = 0; r < t->n; r++) {
            int f = t->rows[r].family;

            if (f < 0)
                continue;
            if (seen[f]++)
                return error_set(err, ERROR_CONFLICT,
                                 "table %s holds more than one revision of %s; delete what does not hold",
                                 t->name, migration_families[f].name);
            if (s->found[f])
                return error_set(err, ERROR_CONFLICT,
                                 "tables %s and %s both hold a revision of %s; drop the one that is wrong",
                                 s->found[f]->name, t->name, migration_families[f].name);
            s->found[f] = t;
        }
    }
    return true;
}

/* May FAMILY's table be left under the name that it has? Not with another family in it, nor where another
 * family's is to be. */
static bool can_stay(const struct settle *s, int family)
{
    const struct version_table *t = s->found[family];

    for (int f = 0; f < FAMILY_COUNT; f++)
        if (f != family && (s->found[f] == t || strcmp(s->names->name[f], t->name) == 0))
            return false;
    return !str_starts(str_of(t->name), STR(SPLIT));
}

static bool find_wishes(struct settle *s, struct error *err)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        bool rename;

        s->wanted[f] = s->names->name[f];
        if (!s->found[f] || !can_stay(s, f))
            continue;
        if (!version_hosts_wish(s->c, f, s->found[f]->name, s->names->name[f], s->names->from_command_line[f],
                                &rename, err))
            return false;
        if (rename || strcmp(s->found[f]->name, s->names->name[f]) == 0)
            continue;
        log_warning("[database] %s says %s, but the table is called %s now: change the file, or say "
                    "tally-manage db sync with the name that is to hold",
                    version_option(f), s->names->name[f], s->found[f]->name);
        s->wanted[f] = s->found[f]->name;
    }
    return true;
}

static bool is_rival(const struct error *err)
{
    return err->code == ER_EXISTS || err->code == ER_NO_SUCH || err->code == ER_UNKNOWN_TABLE;
}

/* What changes something can be stopped before and after. */
static bool passes(struct error *err)
{
    return !fault_point("db.statement") || error_set(err, ERROR_INTERNAL, "fault point db.statement");
}

static bool run(struct settle *s, const char *sql, struct error *err)
{
    return passes(err) && db_direct(s->c, str_of(sql), err) && passes(err);
}

struct split {
    struct settle *s;
    const struct version_table *from;
    const struct version_row *row;
    const char *to;
};

static bool split_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct split *p = arg;
    struct arena *a = p->s->arena;
    struct db_done done;

    if (!DB_EXEC(
            c, &done, err,
            arena_printf(a, "DELETE FROM %s WHERE version_num = ?", db_quote_name(a, str_of(p->from->name))),
            DB_CSTR(p->row->revision)))
        return false;
    if (done.affected == 0)
        return true;
    return DB_EXEC(
        c, NULL, err,
        arena_printf(a, "INSERT INTO %s (version_num) VALUES (?)", db_quote_name(a, str_of(p->to))),
        DB_CSTR(p->row->revision));
}

static bool make_version_table(struct settle *s, const char *name, struct error *err)
{
    const char *sql = arena_printf(s->arena,
                                   "CREATE TABLE IF NOT EXISTS %s (version_num VARCHAR(%d) NOT NULL, "
                                   "PRIMARY KEY (version_num)) ENGINE=InnoDB",
                                   db_quote_name(s->arena, str_of(name)), REVISION_MAX);

    return run(s, sql, err);
}

/* The row of FAMILY leaves a table that another family's row is in too. */
static bool split_off(struct settle *s, const struct version_table *t, enum family family, struct error *err)
{
    const char *to = s->wanted[family];
    const struct version_table *there = version_scan_find(&s->scan, to);

    if (strcmp(to, t->name) == 0 || (there && there->n > 0))
        to = arena_printf(s->arena, SPLIT "%d", (int)family);
    version_say(s->options->say, s->options->arg, "split %s: revision %s of %s goes to %s", t->name,
                version_row_of(t, family)->revision, migration_families[family].name, s->wanted[family]);
    if (s->options->dry_run)
        return true;
    s->acted = true;
    struct split p = {s, t, version_row_of(t, family), to};
    return make_version_table(s, to, err) && db_transaction(s->c, split_tx, NULL, &p, err) && passes(err);
}

/* Of several families in one table the one whose table it is to be stays, else the first. */
static bool split_tables(struct settle *s, struct error *err)
{
    for (size_t i = 0; i < s->scan.n; i++) {
        struct version_table *t = &s->scan.tables[i];
        int keeper = -1;

        for (int f = 0; f < FAMILY_COUNT; f++)
            if (s->found[f] == t && (keeper < 0 || strcmp(s->wanted[f], t->name) == 0))
                keeper = f;
        for (int f = 0; f < FAMILY_COUNT; f++)
            if (s->found[f] == t && f != keeper && !split_off(s, t, f, err))
                return false;
    }
    return true;
}

static bool moves_away(const struct settle *s, const char *name)
{
    for (size_t i = 0; i < s->n_moves; i++)
        if (strcmp(s->moves[i].from, name) == 0)
            return true;
    return false;
}

static bool refuse(enum family f, const struct version_table *there, const struct version_row *row,
                   struct error *err)
{
    return error_set(err, ERROR_CONFLICT,
                     "[database] %s = %s: that table holds revision %s of %s, not of %s; give it another "
                     "name, or upgrade Tally",
                     version_option(f), there->name, row->revision,
                     row->family < 0 ? "something that this Tally does not know"
                                     : migration_families[row->family].name,
                     migration_families[f].name);
}

/* The families' tables that are to be called otherwise; nothing that is in use may be in the way. */
static bool plan_moves(struct settle *s, struct error *err)
{
    s->n_moves = 0;
    for (int f = 0; f < FAMILY_COUNT; f++)
        if (s->found[f] && strcmp(s->found[f]->name, s->wanted[f]) != 0)
            s->moves[s->n_moves++] = (struct move){s->found[f]->name, s->wanted[f]};
    for (int f = 0; f < FAMILY_COUNT; f++) {
        struct version_table *there = version_scan_find(&s->scan, s->wanted[f]);

        if (there && there != s->found[f] && there->n > 0 && !moves_away(s, there->name))
            return refuse(f, there, &there->rows[0], err);
        for (size_t r = 0; there && r < there->n; r++)
            if (there->rows[r].family < 0)
                return refuse(f, there, &there->rows[r], err);
    }
    return true;
}

/* One RENAME does it all, by way of names that nobody sees, so that two tables can change names; an empty
 * table in the way is put aside by the same statement: had a rival been faster, it would now be the table. */
static const char *rename_sql(struct settle *s)
{
    char uuid[UUID_TEXT_SIZE];
    struct buf b;

    buf_init(&b, 1 << 16);
    buf_add_cstr(&b, "RENAME TABLE ");
    for (size_t i = 0; i < s->n_moves; i++)
        buf_printf(&b, "%s%s TO tally_move_%zu", i ? ", " : "",
                   db_quote_name(s->arena, str_of(s->moves[i].from)), i);
    for (size_t i = 0; i < s->n_moves; i++) {
        const char *to = db_quote_name(s->arena, str_of(s->moves[i].to));

        uuid_new(uuid);
        if (version_scan_find(&s->scan, s->moves[i].to) && !moves_away(s, s->moves[i].to))
            buf_printf(&b, ", %s TO `" ASIDE "%s`", to, uuid);
        buf_printf(&b, ", tally_move_%zu TO %s", i, to);
    }
    const char *sql = arena_str(s->arena, buf_str(&b)).p;
    buf_free(&b);
    return sql;
}

static bool move_tables(struct settle *s, struct error *err)
{
    for (size_t i = 0; i < s->n_moves; i++) {
        if (version_scan_find(&s->scan, s->moves[i].to) && !moves_away(s, s->moves[i].to))
            version_say(s->options->say, s->options->arg, "drop the empty table %s", s->moves[i].to);
        version_say(s->options->say, s->options->arg, "rename %s to %s", s->moves[i].from, s->moves[i].to);
    }
    if (s->n_moves == 0 || s->options->dry_run)
        return true;
    s->acted = true;
    return run(s, rename_sql(s), err);
}

/* What was put aside, or made to split something off, and is empty. */
static bool drop_aside(struct settle *s, struct error *err)
{
    for (size_t i = 0; i < s->scan.n && !s->options->dry_run; i++) {
        const struct version_table *t = &s->scan.tables[i];
        struct str name = str_of(t->name);

        if ((!str_starts(name, STR(ASIDE)) && !str_starts(name, STR(SPLIT))) || t->n > 0)
            continue;
        if (!run(s, arena_printf(s->arena, "DROP TABLE IF EXISTS %s", db_quote_name(s->arena, name)), err))
            return false;
    }
    return true;
}

static bool settle_once(struct settle *s, struct error *err)
{
    s->acted = false;
    if (!version_scan(s->c, s->arena, &s->scan, err) || !find_families(s, err) || !find_wishes(s, err) ||
        !split_tables(s, err))
        return false;
    if (s->acted)
        return true;
    return plan_moves(s, err) && move_tables(s, err) && (s->acted || drop_aside(s, err));
}

/* Until there is nothing left to do. The tables are read one after the other: a rival's rename in between
 * shows one revision in two of them. What is really wrong is still so at the next looks. */
static bool settle_all(struct settle *s, struct error *err)
{
    for (int round = 0; round < ROUNDS; round++) {
        arena_reset(s->arena);
        if (settle_once(s, err)) {
            if (!s->acted)
                return true;
            continue;
        }
        if (!(is_rival(err) || (err->kind == ERROR_CONFLICT && round < LOOKS)) || round == ROUNDS - 1)
            return false;
        usleep(20000);
    }
    return error_set(err, ERROR_CONFLICT, "the version tables are being renamed by somebody else");
}

static void fill_states(const struct settle *s, struct version_state states[FAMILY_COUNT])
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        struct version_state *state = &states[f];

        snprintf(state->table, sizeof(state->table), "%s", s->wanted[f]);
        state->has_table = s->found[f] || version_scan_find(&s->scan, s->wanted[f]);
        state->at = s->found[f] ? version_row_of(s->found[f], f)->at : -1;
    }
}

static bool keep_names(const struct settle *s, struct error *err)
{
    for (int f = 0; f < FAMILY_COUNT && !s->options->dry_run; f++)
        if (!version_hosts_keep(s->c, f, s->names->name[f], s->names->from_command_line[f],
                                s->options->remember, err))
            return false;
    return true;
}

bool version_tables_settle(struct db_conn *c, const struct version_names *names,
                           const struct version_options *options, struct version_state states[FAMILY_COUNT],
                           struct error *err)
{
    struct arena *arena = arena_new(1 << 16);
    struct settle s = {.c = c, .arena = arena, .names = names, .options = options};
    bool ok = check_names(names, err);

    if (ok)
        ok = settle_all(&s, err);
    if (ok)
        fill_states(&s, states);
    ok = ok && keep_names(&s, err);
    arena_free(arena);
    return ok;
}

bool version_tables_at_head(const struct version_state states[FAMILY_COUNT], struct error *err)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const struct migration_family *family = &migration_families[f];

        if (states[f].at == (int)family->n - 1)
            continue;
        return error_set(err, ERROR_CONFLICT,
                         "the database is not up to date: %s's tables are at %s, not at %s; run "
                         "\"tally-manage db sync\"",
                         family->name,
                         states[f].at < 0 ? "no revision" : family->migrations[states[f].at].revision,
                         family->migrations[family->n - 1].revision);
    }
    return true;
}

bool version_tables_check(struct db_conn *c, const struct version_names *names, struct error *err)
{
    struct version_state states[FAMILY_COUNT];
    const struct version_options options = {0};

    return version_tables_settle(c, names, &options, states, err) && version_tables_at_head(states, err);
}
