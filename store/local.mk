# store/: where bytes lie.
noinst_LIBRARIES += libtally_store.a
libtally_store_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libtally_store_a_SOURCES = \
	store/dir.c store/dir.h \
	store/dir_copy.c \
	store/dir_list.c \
	store/dir_meta.c \
	store/dir_path.c \
	store/dir_write.c \
	store/driver.h \
	store/store.c store/store.h \
	store/swift.c store/swift.h \
	store/swift_call.c \
	store/swift_read.c \
	store/swift_slo.c \
	store/swift_write.c
STORE_LIBS = libtally_store.a $(BASE_LIBS)

if HAVE_CMOCKA
STORE_UNIT_TESTS = \
	tests/unit/test_store_dir \
	tests/unit/test_store_disk \
	tests/unit/test_store_names
check_PROGRAMS += $(STORE_UNIT_TESTS)
TESTS += $(STORE_UNIT_TESTS)
STORE_DIR_TEST = tests/unit/store_dir.c tests/unit/store_dir.h tests/unit/unit.h
tests_unit_test_store_dir_SOURCES = tests/unit/test_store_dir.c $(STORE_DIR_TEST)
tests_unit_test_store_dir_LDADD = libtally_store.a $(UNIT_LIBS)
tests_unit_test_store_disk_SOURCES = tests/unit/test_store_disk.c $(STORE_DIR_TEST)
tests_unit_test_store_disk_LDADD = libtally_store.a $(UNIT_LIBS)
tests_unit_test_store_names_SOURCES = tests/unit/test_store_names.c $(STORE_DIR_TEST)
tests_unit_test_store_names_LDADD = libtally_store.a $(UNIT_LIBS)
endif

# Drives a store from the command line, for tests/functional/test_73*.py.
noinst_PROGRAMS += tests/unit/store_probe
tests_unit_store_probe_SOURCES = tests/unit/store_probe.c
tests_unit_store_probe_LDADD = $(STORE_LIBS) $(IDENTITY_LIBS) $(BASE_LIBS)
