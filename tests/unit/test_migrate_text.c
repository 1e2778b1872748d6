/* A migration's text as steps, and the migrations that are built in. */
#include "config.h"
#include "db/migrate_data.h"
#include "db/migrate_text.h"
#include "db/version_scan.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct migrate_step *split(struct arena *a, const char *sql, size_t *n)
{
    struct error err;
    struct migrate_step *steps = migrate_text_split(a, sql, n, &err);

    assert_non_null(steps);
    return steps;
}

static void assert_text(struct str s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

static void test_statements(void **state)
{
    struct arena *a = arena_new(4096);
    size_t n;
    struct migrate_step *s =
        split(a,
              "-- For people.\n\nCREATE TABLE a (\n    b INT -- not ours; really\n);\n"
              "\n-- More.\nINSERT INTO a\nVALUES (1);\nUPDATE a SET b = 2;\nDELETE FROM a;\n",
              &n);

    (void)state;
    assert_int_equal(n, 4);
    assert_text(s[0].sql, "CREATE TABLE a (\n    b INT -- not ours; really\n)");
    assert_text(s[1].sql, "INSERT INTO a\nVALUES (1)");
    assert_false(s[0].is_data);
    assert_true(s[1].is_data && s[2].is_data && s[3].is_data);
    assert_int_equal(s[0].n_guards, 0);
    split(a, "", &n);
    assert_int_equal(n, 0);
    split(a, "-- nothing\n", &n);
    assert_int_equal(n, 0);
    arena_free(a);
}

static void test_conditions(void **state)
{
    struct arena *a = arena_new(4096);
    size_t n;
    struct migrate_step *s = split(a,
                                   "-- unless: table t\n-- when: column t.c\n-- when: index t.i\n"
                                   "-- unless: foreign key t.f\nALTER TABLE t ADD x INT;\n"
                                   "-- collation: p.q\n-- without foreign key checks\nUPDATE t SET x = 1;\n",
                                   &n);

    (void)state;
    assert_int_equal(n, 2);
    assert_int_equal(s[0].n_guards, 4);
    assert_int_equal(s[0].guards[0].object, MIGRATE_TABLE);
    assert_false(s[0].guards[0].wanted);
    assert_text(s[0].guards[0].table, "t");
    assert_int_equal(s[0].guards[1].object, MIGRATE_COLUMN);
    assert_true(s[0].guards[1].wanted);
    assert_text(s[0].guards[1].name, "c");
    assert_int_equal(s[0].guards[2].object, MIGRATE_INDEX);
    assert_int_equal(s[0].guards[3].object, MIGRATE_FOREIGN_KEY);
    assert_text(s[0].guards[3].name, "f");
    assert_int_equal(s[1].n_guards, 0); /* they were the first one's */
    assert_text(s[1].collation_table, "p");
    assert_text(s[1].collation_column, "q");
    assert_true(s[1].without_foreign_keys);
    assert_false(s[0].without_foreign_keys);
    arena_free(a);
}

static void test_what_is_not_understood(void **state)
{
    static const char *const texts[] = {
        "-- unless: view v\nSELECT 1;\n",
        "-- when: column c\nSELECT 1;\n",
        "-- unless: table t.c\nSELECT 1;\n",
        "-- unless:\nSELECT 1;\n",
        "-- collation: t\nSELECT 1;\n",
        "SELECT 1\n",
        "SELECT 1;\nSELECT 2",
        ("-- when: table a\n-- when: table b\n-- when: table c\n-- when: table d\n-- when: table e\n"
         "SELECT 1;\n"),
    };
    struct arena *a = arena_new(4096);

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct error err;
        size_t n;

        assert_null(migrate_text_split(a, texts[i], &n, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
    }
    arena_free(a);
}

/* A statement that changes the schema and has no condition must be one that can be repeated. */
static bool can_be_repeated(const struct migrate_step *s)
{
    return s->n_guards > 0 || s->is_data || str_starts(s->sql, STR("DROP TABLE IF EXISTS ")) ||
           (str_starts(s->sql, STR("ALTER TABLE ")) && !memmem(s->sql.p, s->sql.n, "ADD ", 4) &&
            !memmem(s->sql.p, s->sql.n, "DROP ", 5) && !memmem(s->sql.p, s->sql.n, "CHANGE ", 7));
}

static void test_what_is_built_in(void **state)
{
    static const size_t counts[FAMILY_COUNT] = {
        [FAMILY_SUBUNIT2SQL] = 16, [FAMILY_REFSTACK] = 13, [FAMILY_TALLY] = 18};
    struct arena *a = arena_new(1 << 16);

    (void)state;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        assert_int_equal(migration_families[f].n, counts[f]);
        for (size_t i = 0; i < counts[f]; i++) {
            const struct migration *m = &migration_families[f].migrations[i];
            size_t n;
            int at;
            struct migrate_step *steps = split(a, m->sql, &n);

            assert_in_range(strlen(m->revision), 1, REVISION_MAX);
            assert_int_equal(version_family_of(str_of(m->revision), &at), f);
            assert_int_equal(at, i);
            assert_true(n > 0);
            for (size_t s = 0; s < n; s++)
                if (!can_be_repeated(&steps[s]))
                    fail_msg("%s: cannot be repeated: %.*s", m->revision, STR_ARG(steps[s].sql));
        }
    }
    arena_free(a);
}

static void test_revisions_of_nobody(void **state)
{
    int at;

    (void)state;
    assert_int_equal(version_family_of(STR("11111111abcd"), &at), -1);
    assert_int_equal(version_family_of(STR(""), &at), -1);
    assert_int_equal(version_family_of(STR("434BE17A6EC3"), &at), -1);
    assert_int_equal(at, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_what_is_not_understood),
        cmocka_unit_test(test_what_is_built_in),
        cmocka_unit_test(test_revisions_of_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
