#include "config.h"
#include "db/migrate.h"
#include "base/fault.h"
#include "base/log.h"
#include "db/migrate_claim.h"
#include "db/migrate_guard.h"

#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

struct sync {
    struct db_conn *c;
    struct arena *arena; /* of one revision */
    const struct migrate_options *options;
    struct version_state states[FAMILY_COUNT];
    uint64_t epoch;
};

/* One statement of a revision. */
struct work {
    struct sync *sync;
    const struct migration_family *family;
    const struct migration *migration;
    const struct migrate_step *step;
    uint64_t number; /* from 0 */
    struct str sql;
};

/* What a server says to a statement whose effect is there already. */
static bool is_done_before(int code)
{
    switch (code) {
    case ER_TABLE_EXISTS_ERROR:
    case ER_BAD_TABLE_ERROR:
    case ER_BAD_FIELD_ERROR:
    case ER_DUP_FIELDNAME:
    case ER_DUP_KEYNAME:
    case ER_CANT_DROP_FIELD_OR_KEY:
    case ER_NO_SUCH_TABLE:
    case ER_CANT_CREATE_TABLE: /* MariaDB, of a foreign key */
    case 1826:                 /* MySQL: duplicate foreign key constraint name */
    case ER_DUP_KEY: return true;
    default: return false;
    }
}

static bool note(const struct work *w, struct error *err)
{
    return migrate_progress_set(w->sync->c, w->sync->epoch, w->family->name, w->migration->revision,
                                w->number + 1, err);
}

static bool data_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct work *w = arg;
    bool unchecked = w->step->without_foreign_keys;

    if (!note(w, err) || (unchecked && !db_direct(c, STR("SET SESSION foreign_key_checks = 0"), err)))
        return false;
    bool ok = db_direct(c, w->sql, err);
    if (unchecked && !db_direct(c, STR("SET SESSION foreign_key_checks = 1"), ok ? err : NULL))
        return false;
    return ok;
}

/* A change of the schema commits by itself: the note follows it. */
static bool run_ddl(struct work *w, struct error *err)
{
    struct db_conn *c = w->sync->c;
    bool wanted;

    if (db_direct(c, w->sql, err))
        return true;
    if (!is_done_before(err->code) || w->step->n_guards == 0)
        return false;
    struct error first = *err;
    if (!migrate_guards_hold(c, w->step, &wanted, err))
        return false;
    if (wanted)
        *err = first;
    return !wanted;
}

static bool run_step(struct work *w, struct error *err)
{
    struct sync *s = w->sync;
    bool wanted;

    if (!migrate_claim_renew(s->c, s->epoch, err) || !migrate_guards_hold(s->c, w->step, &wanted, err))
        return false;
    if (fault_point("db.statement"))
        return error_set(err, ERROR_INTERNAL, "fault point db.statement");
    if (!wanted)
        return note(w, err);
    w->sql = migrate_sql(s->c, s->arena, w->step, err);
    if (!w->sql.p)
        return false;
    if (w->step->is_data)
        return db_transaction(s->c, data_tx, NULL, w, err);
    if (!run_ddl(w, err))
        return false;
    if (fault_point("db.statement"))
        return error_set(err, ERROR_INTERNAL, "fault point db.statement");
    return note(w, err);
}

struct stamp {
    struct work *work;
    const struct version_state *state;
    const char *before; /* NULL: the first revision */
};

/* The version table says the new revision, and nothing is in work any more. */
static bool stamp_tx(struct db_conn *c, void *arg, struct error *err)
{
    struct stamp *p = arg;
    struct arena *a = p->work->sync->arena;
    const char *table = db_quote_name(a, str_of(p->state->table)), *revision = p->work->migration->revision;
    struct db_done done;

    if (!migrate_progress_set(c, p->work->sync->epoch, "", "", 0, err))
        return false;
    if (!p->before)
        return DB_EXEC(c, NULL, err, arena_printf(a, "INSERT INTO %s (version_num) VALUES (?)", table),
                       DB_CSTR(revision));
    if (!DB_EXEC(c, &done, err, arena_printf(a, "UPDATE %s SET version_num = ? WHERE version_num = ?", table),
                 DB_CSTR(revision), DB_CSTR(p->before)))
        return false;
    return done.affected == 1 || error_set(err, ERROR_CONFLICT, "table %s is not at revision %s any more",
                                           p->state->table, p->before);
}

static bool stamp(struct work *w, struct version_state *state, struct error *err)
{
    struct sync *s = w->sync;
    struct stamp p = {w, state, state->at < 0 ? NULL : w->family->migrations[state->at].revision};

    if (fault_point("db.statement"))
        return error_set(err, ERROR_INTERNAL, "fault point db.statement");
    if (!state->has_table) {
        const char *sql = arena_printf(s->arena,
                                       "CREATE TABLE IF NOT EXISTS %s (version_num VARCHAR(%d) NOT NULL, "
                                       "PRIMARY KEY (version_num)) ENGINE=InnoDB",
                                       db_quote_name(s->arena, str_of(state->table)), REVISION_MAX);

        if (!db_direct(s->c, str_of(sql), err))
            return false;
        state->has_table = true;
        if (fault_point("db.statement"))
            return error_set(err, ERROR_INTERNAL, "fault point db.statement");
    }
    if (!db_transaction(s->c, stamp_tx, NULL, &p, err))
        return false;
    state->at++;
    return true;
}

/* Puts which revision and statement it was before an error's message. */
static bool in_step(const struct work *w, struct error *err)
{
    struct error inner = *err;

    error_set(err, inner.kind, "%s revision %s, statement %llu (\"%.60s...\"): %s", w->family->name,
              w->migration->revision, (unsigned long long)w->number + 1, w->step->sql.p, inner.message);
    err->code = inner.code;
    return false;
}

static bool run_revision(struct sync *s, enum family f, struct error *err)
{
    struct version_state *state = &s->states[f];
    const struct migration_family *family = &migration_families[f];
    const struct migration *m = &family->migrations[state->at + 1];
    struct work w = {.sync = s, .family = family, .migration = m};
    uint64_t done;
    bool started;
    size_t n;

    arena_reset(s->arena);
    struct migrate_step *steps = migrate_text_split(s->arena, m->sql, &n, err);
    if (!steps || !migrate_progress_get(s->c, family->name, m->revision, &done, &started, err))
        return false;
    if (!started && !migrate_progress_set(s->c, s->epoch, family->name, m->revision, 0, err))
        return false;
    version_say(s->options->say, s->options->arg, "%s: revision %s%s", family->name, m->revision,
                done > 0 ? " (goes on)" : "");
    for (w.number = done; w.number < n; w.number++) {
        w.step = &steps[w.number];
        if (!run_step(&w, err))
            return in_step(&w, err);
    }
    return stamp(&w, state, err);
}

/* Tables of a family without its revision: what they are nobody knows. */
static bool check_unstamped(struct sync *s, enum family f, struct error *err)
{
    const struct migration_family *family = &migration_families[f];
    uint64_t done;
    bool started, there;

    if (s->states[f].at >= 0)
        return true;
    if (!migrate_progress_get(s->c, family->name, family->migrations[0].revision, &done, &started, err) ||
        !migrate_has_table(s->c, str_of(family->first_table), &there, err))
        return false;
    if (started || !there)
        return true;
    return error_set(err, ERROR_CONFLICT,
                     "table %s is here, but no version table says at which revision %s's tables are; put the "
                     "revision into table %s (column version_num)",
                     family->first_table, family->name, s->states[f].table);
}

static size_t count_pending(const struct sync *s)
{
    size_t n = 0;

    for (int f = 0; f < FAMILY_COUNT; f++)
        n += migration_families[f].n - (size_t)(s->states[f].at + 1);
    return n;
}

static void say_pending(const struct sync *s)
{
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (size_t i = (size_t)(s->states[f].at + 1); i < migration_families[f].n; i++)
            version_say(s->options->say, s->options->arg, "%s: revision %s would be run",
                        migration_families[f].name, migration_families[f].migrations[i].revision);
}

static bool run_pending(struct sync *s, struct error *err)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        if (!check_unstamped(s, f, err))
            return false;
        while (s->states[f].at + 1 < (int)migration_families[f].n)
            if (!run_revision(s, f, err))
                return false;
    }
    return true;
}

/* With the claim: what is pending may be done meanwhile. Dates that a lax server once took may be copied. */
static bool run_claimed(struct sync *s, const struct version_names *names,
                        const struct version_options *settle, struct error *err)
{
    if (!migrate_claim_take(s->c, s->options->wait, &s->epoch, err))
        return false;
    bool ok =
        version_tables_settle(s->c, names, settle, s->states, err) &&
        db_direct(s->c, STR("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"), err) &&
        run_pending(s, err);
    migrate_claim_release(s->c, s->epoch);
    return ok;
}

bool migrate_sync(struct db_conn *c, const struct version_names *names, const struct migrate_options *options,
                  struct error *err)
{
    const struct version_options settle = {
        .dry_run = options->dry_run, .remember = true, .say = options->say, .arg = options->arg};
    struct sync s = {.c = c, .options = options};
    bool ok = version_tables_settle(c, names, &settle, s.states, err);

    if (!ok)
        return false;
    if (count_pending(&s) == 0)
        return true;
    s.arena = arena_new(1 << 16);
    if (options->dry_run) {
        ok = true;
        for (int f = 0; ok && f < FAMILY_COUNT; f++)
            ok = check_unstamped(&s, f, err);
        if (ok)
            say_pending(&s);
    } else {
        ok = run_claimed(&s, names, &settle, err);
    }
    arena_free(s.arena);
    return ok;
}
