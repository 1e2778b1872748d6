# fcgi/: tally.fcgi, the service under spawn-fcgi and nginx.
sbin_PROGRAMS += fcgi/tally.fcgi
fcgi_tally_fcgi_CFLAGS = $(AM_CFLAGS) $(FCGI_CFLAGS)
fcgi_tally_fcgi_SOURCES = \
	fcgi/app.c fcgi/app.h \
	fcgi/body.c fcgi/body.h \
	fcgi/peer.c fcgi/peer.h \
	fcgi/dispatch.c \
	fcgi/exchange.c fcgi/exchange.h \
	fcgi/listen.c fcgi/listen.h \
	fcgi/main.c \
	fcgi/params.c fcgi/params.h \
	fcgi/record.c fcgi/record.h \
	fcgi/server.c fcgi/server.h \
	fcgi/worker.c fcgi/worker.h
fcgi_tally_fcgi_LDADD = $(HANDLERS_LIBS) $(SUBUNIT_LIBS) $(IDENTITY_LIBS) $(DB_LIBS) $(BASE_LIBS) $(FCGI_LIBS)
