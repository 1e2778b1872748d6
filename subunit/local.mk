# subunit/: the streams' reader, fold and writer; a library of its own, usable by other programs.
lib_LIBRARIES += libtally-subunit.a
include_HEADERS += subunit/tally-subunit.h
libtally_subunit_a_CFLAGS = $(AM_CFLAGS) $(DEFLATE_CFLAGS)
libtally_subunit_a_SOURCES = \
	subunit/name.c \
	subunit/outcome.c \
	subunit/packet.c \
	subunit/reader.c subunit/reader.h \
	subunit/reader_v1.c \
	subunit/reader_v2.c \
	subunit/record.c subunit/record.h \
	subunit/spill.c subunit/spill.h \
	subunit/table.c \
	subunit/text.c subunit/text.h \
	subunit/v1.h \
	subunit/v1_details.c \
	subunit/v1_directive.c \
	subunit/v1_tags.c \
	subunit/writer.c
SUBUNIT_LIBS = libtally-subunit.a $(DEFLATE_LIBS)

pkgconfig_DATA += subunit/tally-subunit.pc
EXTRA_DIST += subunit/tally-subunit.pc.in
CLEANFILES += subunit/tally-subunit.pc
subunit/tally-subunit.pc: $(srcdir)/subunit/tally-subunit.pc.in Makefile
	@$(MKDIR_P) subunit
	$(AM_V_GEN)sed -e 's|[@]prefix@|$(prefix)|' -e 's|[@]exec_prefix@|$(exec_prefix)|' -e 's|[@]libdir@|$(libdir)|' \
	    -e 's|[@]includedir@|$(includedir)|' -e 's|[@]PACKAGE_VERSION@|$(PACKAGE_VERSION)|' \
	    $(srcdir)/subunit/tally-subunit.pc.in > $@.tmp && mv $@.tmp $@

# --- tests ---
check_PROGRAMS += tests/unit/dump_subunit
tests_unit_dump_subunit_SOURCES = tests/unit/dump_subunit.c
tests_unit_dump_subunit_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(DEFLATE_CFLAGS)
tests_unit_dump_subunit_LDADD = $(SUBUNIT_LIBS) $(OPENSSL_LIBS)
TESTS += tests/unit/test_subunit_corpus.py
EXTRA_DIST += tests/unit/test_subunit_corpus.py
TESTS += tests/unit/test_subunit_reference.py
EXTRA_DIST += tests/unit/test_subunit_reference.py

if HAVE_CMOCKA
SUBUNIT_UNIT_TESTS = \
	tests/unit/test_subunit_chunks \
	tests/unit/test_subunit_fold \
	tests/unit/test_subunit_memory \
	tests/unit/test_subunit_reader \
	tests/unit/test_subunit_writer
check_PROGRAMS += $(SUBUNIT_UNIT_TESTS)
TESTS += $(SUBUNIT_UNIT_TESTS)
tests_unit_test_subunit_chunks_SOURCES = tests/unit/test_subunit_chunks.c tests/unit/unit.h \
	tests/fuzz/subunit_check.c tests/fuzz/subunit_check.h tests/fuzz/fuzz.h
tests_unit_test_subunit_chunks_CFLAGS = $(AM_CFLAGS) $(DEFLATE_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_test_subunit_chunks_LDADD = $(SUBUNIT_LIBS) $(CMOCKA_LIBS) $(ZLIB_LIBS)
tests_unit_test_subunit_fold_SOURCES = tests/unit/test_subunit_fold.c tests/unit/unit.h
tests_unit_test_subunit_fold_LDADD = $(SUBUNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_subunit_memory_SOURCES = tests/unit/test_subunit_memory.c tests/unit/unit.h
tests_unit_test_subunit_memory_LDADD = $(SUBUNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_subunit_reader_SOURCES = tests/unit/test_subunit_reader.c tests/unit/unit.h
tests_unit_test_subunit_reader_LDADD = $(SUBUNIT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_subunit_writer_SOURCES = tests/unit/test_subunit_writer.c tests/unit/unit.h
tests_unit_test_subunit_writer_LDADD = $(SUBUNIT_LIBS) $(CMOCKA_LIBS)
endif

SUBUNIT_FUZZ = tests/fuzz/fuzz_subunit_v1 tests/fuzz/fuzz_subunit_v2
check_PROGRAMS += $(SUBUNIT_FUZZ)
SUBUNIT_FUZZ_SHARED = tests/fuzz/subunit_check.c tests/fuzz/subunit_check.h
tests_fuzz_fuzz_subunit_v1_SOURCES = tests/fuzz/fuzz_subunit_v1.c $(SUBUNIT_FUZZ_SHARED) $(FUZZ_DRIVER)
tests_fuzz_fuzz_subunit_v1_CFLAGS = $(AM_CFLAGS) $(DEFLATE_CFLAGS)
tests_fuzz_fuzz_subunit_v1_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_subunit_v1_LDADD = $(SUBUNIT_LIBS)
tests_fuzz_fuzz_subunit_v2_SOURCES = tests/fuzz/fuzz_subunit_v2.c $(SUBUNIT_FUZZ_SHARED) $(FUZZ_DRIVER)
tests_fuzz_fuzz_subunit_v2_CFLAGS = $(AM_CFLAGS) $(DEFLATE_CFLAGS)
tests_fuzz_fuzz_subunit_v2_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_subunit_v2_LDADD = $(SUBUNIT_LIBS)
if !FUZZ
TESTS += $(SUBUNIT_FUZZ)
endif

check_PROGRAMS += tests/bench/bench-parse
tests_bench_bench_parse_SOURCES = tests/bench/bench-parse.c
tests_bench_bench_parse_CFLAGS = $(AM_CFLAGS) $(ZLIB_CFLAGS)
tests_bench_bench_parse_LDADD = $(SUBUNIT_LIBS) $(ZLIB_LIBS)
EXTRA_DIST += tests/bench/parse_python.py

dist_man_MANS += docs/man/libtally-subunit.3
# The page's example is compiled and run.
check_PROGRAMS += tests/unit/subunit_example
nodist_tests_unit_subunit_example_SOURCES = tests/unit/subunit_example.c
tests_unit_subunit_example_CPPFLAGS = -I$(top_srcdir)/subunit $(AM_CPPFLAGS)
tests_unit_subunit_example_LDADD = $(SUBUNIT_LIBS)
tests/unit/subunit_example.c: $(srcdir)/docs/man/libtally-subunit.3
	@$(MKDIR_P) tests/unit
	$(AM_V_GEN)sed -n -e '/^\.Bd -literal/,/^\.Ed/{/^\./d;s/\\e/\\/g;p}' $(srcdir)/docs/man/libtally-subunit.3 > $@
CLEANFILES += tests/unit/subunit_example.c
TESTS += tests/unit/test_subunit_example.sh
EXTRA_DIST += tests/unit/test_subunit_example.sh
