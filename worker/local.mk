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
