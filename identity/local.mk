# identity/: who is asking.
noinst_LIBRARIES += libtally_identity.a
EXTRA_DIST += docs/identity.md
libtally_identity_a_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(CURL_CFLAGS)
libtally_identity_a_SOURCES = \
	identity/access_rules.c identity/access_rules.h \
	identity/cache.c identity/cache.h \
	identity/driver.h \
	identity/identity.c identity/identity.h \
	identity/keystone.c \
	identity/proxy.c \
	identity/service.c identity/service.h \
	identity/session.c identity/session.h \
	identity/static.c \
	identity/token.c identity/token.h
IDENTITY_LIBS = libtally_identity.a $(BASE_LIBS)

# Asks a driver from the command line, for the functional tests.
noinst_PROGRAMS += tests/unit/identity_probe
tests_unit_identity_probe_SOURCES = tests/unit/identity_probe.c
tests_unit_identity_probe_LDADD = $(IDENTITY_LIBS)

if HAVE_CMOCKA
IDENTITY_UNIT_TESTS = \
	tests/unit/test_identity \
	tests/unit/test_identity_cache \
	tests/unit/test_identity_rules \
	tests/unit/test_identity_token
check_PROGRAMS += $(IDENTITY_UNIT_TESTS)
TESTS += $(IDENTITY_UNIT_TESTS)
IDENTITY_UNIT_LIBS = libtally_identity.a $(UNIT_LIBS)
tests_unit_test_identity_SOURCES = tests/unit/test_identity.c tests/unit/unit.h
tests_unit_test_identity_LDADD = $(IDENTITY_UNIT_LIBS)
tests_unit_test_identity_cache_SOURCES = tests/unit/test_identity_cache.c tests/unit/unit.h
tests_unit_test_identity_cache_LDADD = $(IDENTITY_UNIT_LIBS)
tests_unit_test_identity_rules_SOURCES = tests/unit/test_identity_rules.c tests/unit/unit.h
tests_unit_test_identity_rules_LDADD = $(IDENTITY_UNIT_LIBS)
tests_unit_test_identity_token_SOURCES = tests/unit/test_identity_token.c tests/unit/unit.h
tests_unit_test_identity_token_LDADD = $(IDENTITY_UNIT_LIBS)
endif
