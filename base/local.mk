# base/: what every floor stands on.
noinst_LIBRARIES += libtally_base.a
libtally_base_a_CFLAGS = $(AM_CFLAGS) $(UUID_CFLAGS) $(OPENSSL_CFLAGS)
libtally_base_a_SOURCES = \
	base/arena.c base/arena.h \
	base/buf.c base/buf.h \
	base/clock.c base/clock.h \
	base/error.c base/error.h \
	base/fault.c base/fault.h \
	base/hash.c base/hash.h \
	base/log.c base/log.h \
	base/mem.c base/mem.h \
	base/str.c base/str.h \
	base/uuid.c base/uuid.h
BASE_LIBS = libtally_base.a $(UUID_LIBS) $(OPENSSL_LIBS)
