# handlers/: one file a resource, and what a request and its response are.
noinst_LIBRARIES += libtally_handlers.a
libtally_handlers_a_CFLAGS = $(AM_CFLAGS)
libtally_handlers_a_SOURCES = \
	handlers/metrics.c handlers/metrics.h \
	handlers/openapi.c handlers/openapi.h \
	handlers/request.c handlers/request.h \
	handlers/response.c handlers/response.h \
	handlers/route.c handlers/route.h \
	handlers/service.c handlers/service.h \
	handlers/uri.c handlers/uri.h
HANDLERS_LIBS = libtally_handlers.a
