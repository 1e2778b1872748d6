# store/: where bytes lie.
noinst_LIBRARIES += libtally_store.a
libtally_store_a_CFLAGS = $(AM_CFLAGS)
libtally_store_a_SOURCES = \
	store/dir.c store/dir.h \
	store/dir_copy.c \
	store/dir_list.c \
	store/dir_meta.c \
	store/dir_path.c \
	store/dir_write.c \
	store/driver.h \
	store/store.c store/store.h
STORE_LIBS = libtally_store.a $(BASE_LIBS)

if HAVE_CMOCKA
STORE_UNIT_TESTS = tests/unit/test_store_dir
check_PROGRAMS += $(STORE_UNIT_TESTS)
TESTS += $(STORE_UNIT_TESTS)
tests_unit_test_store_dir_SOURCES = tests/unit/test_store_dir.c tests/unit/unit.h
tests_unit_test_store_dir_LDADD = libtally_store.a $(UNIT_LIBS)
endif
