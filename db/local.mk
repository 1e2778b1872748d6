# db/: all SQL.
noinst_LIBRARIES += libtally_db.a
libtally_db_a_CFLAGS = $(AM_CFLAGS) $(MYSQL_CFLAGS)
libtally_db_a_SOURCES = \
	db/bulk.c \
	db/conn.c db/conn.h \
	db/db.h \
	db/dsn.c db/dsn.h \
	db/duration.h \
	db/failures.c db/failures.h \
	db/image_members.c db/image_members.h \
	db/image_quota.c \
	db/image_tags.c db/image_tags.h \
	db/images.c db/images.h \
	db/images_data.c \
	db/images_list.c db/images_list.h \
	db/images_rows.c db/images_rows.h \
	db/ingest.c db/ingest.h \
	db/ingest_details.c \
	db/ingest_failures.c \
	db/ingest_tests.c \
	db/migrate.c db/migrate.h \
	db/migrate_claim.c db/migrate_claim.h \
	db/migrate_data.h \
	db/migrate_guard.c db/migrate_guard.h \
	db/migrate_text.c db/migrate_text.h \
	db/owner.c db/owner.h \
	db/pool.c \
	db/pubkeys.c db/pubkeys.h \
	db/result_meta.c \
	db/results.c db/results.h \
	db/results_get.c \
	db/results_list.c \
	db/results_store.c \
	db/run_compare.c db/run_compare.h \
	db/run_lists.c db/run_lists.h \
	db/runs.c db/runs.h \
	db/runs_delete.c \
	db/runs_expire.c db/runs_expire.h \
	db/schema_check.c db/schema_check.h \
	db/schema_check_counts.c \
	db/spool.c db/spool.h \
	db/spool_file.c db/spool_file.h \
	db/sql.c db/sql.h \
	db/statement.c \
	db/stats.c db/stats.h \
	db/stats_words.c \
	db/store_check.c db/store_check.h \
	db/task_admin.c db/task_admin.h \
	db/task_finish.c db/task_finish.h \
	db/task_look.c \
	db/task_queue.c db/task_queue.h \
	db/task_sweep.c db/task_sweep.h \
	db/tasks.c db/tasks.h \
	db/tasks_list.c db/tasks_list.h \
	db/tests.c db/tests.h \
	db/transaction.c \
	db/version_hosts.c db/version_hosts.h \
	db/version_scan.c db/version_scan.h \
	db/version_tables.c db/version_tables.h \
	db/workers.c db/workers.h
nodist_libtally_db_a_SOURCES = db/migrate_built.c
DB_LIBS = libtally_db.a $(IMAGE_LIBS) $(MYSQL_LIBS)

# The migrations go into the library as text.
MIGRATIONS = $(srcdir)/db/migrations/head.txt $(srcdir)/db/migrations/*/*.sql
EXTRA_DIST += db/embed-migrations db/migrations docs/schema.md docs/statistics.md
CLEANFILES += db/migrate_built.c
db/migrate_built.c: $(srcdir)/db/embed-migrations $(MIGRATIONS)
	$(AM_V_GEN)$(MKDIR_P) db && $(srcdir)/db/embed-migrations $(srcdir)/db/migrations >$@.tmp && mv $@.tmp $@

if HAVE_CMOCKA
DB_UNIT = tests/unit/test_db_dsn tests/unit/test_migrate_text tests/unit/test_spool
check_PROGRAMS += $(DB_UNIT)
TESTS += $(DB_UNIT)
tests_unit_test_db_dsn_SOURCES = tests/unit/test_db_dsn.c tests/unit/unit.h
tests_unit_test_db_dsn_LDADD = $(DB_LIBS) $(UNIT_LIBS)
tests_unit_test_spool_SOURCES = tests/unit/test_spool.c tests/unit/unit.h
tests_unit_test_spool_LDADD = $(DB_LIBS) $(UNIT_LIBS)
tests_unit_test_migrate_text_SOURCES = tests/unit/test_migrate_text.c tests/unit/unit.h
tests_unit_test_migrate_text_LDADD = $(DB_LIBS) $(UNIT_LIBS)
endif

# What tests/functional/test_645_database.py runs against a real server.
noinst_PROGRAMS += tests/unit/db_probe
tests_unit_db_probe_SOURCES = tests/unit/db_probe.c
tests_unit_db_probe_LDADD = $(DB_LIBS) $(BASE_LIBS)
