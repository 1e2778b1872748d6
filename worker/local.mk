# worker/: tally-worker, which carries out tasks.
noinst_LIBRARIES += libtally_worker.a
libtally_worker_a_CFLAGS = $(AM_CFLAGS)
libtally_worker_a_SOURCES = \
	worker/convert.c worker/convert.h
WORKER_LIBS = libtally_worker.a $(IMAGE_LIBS)

# What tests/functional/test_745_convert.py runs.
noinst_PROGRAMS += tests/unit/convert_probe
tests_unit_convert_probe_SOURCES = tests/unit/convert_probe.c
tests_unit_convert_probe_LDADD = $(WORKER_LIBS) $(BASE_LIBS)

sbin_PROGRAMS += worker/tally-worker
dist_man_MANS += docs/man/tally-worker.8
worker_tally_worker_SOURCES = \
	worker/claim.c worker/claim.h \
	worker/clone.c \
	worker/export.c \
	worker/export_convert.c worker/export_convert.h \
	worker/image_build.c worker/image_build.h \
	worker/import.c \
	worker/lease.c worker/lease.h \
	worker/main.c \
	worker/mark.c worker/mark.h \
	worker/pipeline.c worker/pipeline.h \
	worker/sink.c worker/sink.h \
	worker/slots.c worker/slots.h \
	worker/source.c worker/source.h \
	worker/source_url.c worker/source_url.h \
	worker/sweep.c worker/sweep.h \
	worker/task.c worker/task.h \
	worker/tools.c worker/tools.h \
	worker/workspace.c worker/workspace.h
worker_tally_worker_LDADD = $(WORKER_LIBS) $(DB_LIBS) $(STORE_LIBS) $(IDENTITY_LIBS) $(IMAGE_LIBS) $(BASE_LIBS)

# The statements alone, for bench-tasks.
noinst_PROGRAMS += tests/bench/tasks-sql
tests_bench_tasks_sql_SOURCES = tests/bench/tasks-sql.c
tests_bench_tasks_sql_LDADD = $(DB_LIBS) $(BASE_LIBS)
EXTRA_DIST += docs/blueprint.md docs/tasks.md docs/tempest.md tests/bench/bench-export tests/bench/bench-import tests/bench/bench-tasks tests/bench/worker_bench.py
