# fcgi/: tally.fcgi, the service under spawn-fcgi and nginx.
noinst_LIBRARIES += libtally_fcgi.a
libtally_fcgi_a_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
libtally_fcgi_a_SOURCES = \
	fcgi/app.c fcgi/app.h \
	fcgi/body.c fcgi/body.h \
	fcgi/dispatch.c \
	fcgi/exchange.c fcgi/exchange.h \
	fcgi/listen.c fcgi/listen.h \
	fcgi/params.c fcgi/params.h \
	fcgi/peer.c fcgi/peer.h \
	fcgi/record.c fcgi/record.h \
	fcgi/server.c fcgi/server.h \
	fcgi/worker.c fcgi/worker.h

sbin_PROGRAMS += fcgi/tally.fcgi
fcgi_tally_fcgi_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
fcgi_tally_fcgi_SOURCES = fcgi/main.c
fcgi_tally_fcgi_LDADD = $(SERVICE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_fcgi
TESTS += tests/unit/test_fcgi
tests_unit_test_fcgi_SOURCES = tests/unit/test_fcgi.c tests/unit/unit.h
tests_unit_test_fcgi_LDADD = libtally_fcgi.a $(UNIT_LIBS)
endif

# What bench-http holds tally.fcgi against.
noinst_PROGRAMS += tests/bench/nothing-fcgi
tests_bench_nothing_fcgi_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
tests_bench_nothing_fcgi_SOURCES = tests/bench/nothing-fcgi.c
tests_bench_nothing_fcgi_LDADD = $(FCGI_LIBS)
EXTRA_DIST += tests/bench/bench-http

check_PROGRAMS += tests/fuzz/fuzz_fcgi
tests_fuzz_fuzz_fcgi_SOURCES = tests/fuzz/fuzz_fcgi.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_fcgi_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_fcgi_LDADD = libtally_fcgi.a $(BASE_LIBS)
if !FUZZ
TESTS += tests/fuzz/fuzz_fcgi
endif

dist_man_MANS += docs/man/tally.fcgi.8

# The API's reference is what the program knows with docs/api/parts; a test says when it is old.
EXTRA_DIST += docs/api tests/unit/test_openapi.py
TESTS += tests/unit/test_openapi.py
.PHONY: update-openapi
update-openapi: fcgi/tally.fcgi
	$(srcdir)/docs/api/merge.py fcgi/tally.fcgi >$(srcdir)/docs/api/openapi.json.new
	mv $(srcdir)/docs/api/openapi.json.new $(srcdir)/docs/api/openapi.json
