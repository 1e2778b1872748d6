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
