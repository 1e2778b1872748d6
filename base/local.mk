# base/: what every floor stands on.
noinst_LIBRARIES += libtally_base.a
libtally_base_a_CFLAGS = $(AM_CFLAGS) $(UUID_CFLAGS) $(OPENSSL_CFLAGS) $(YAJL_CFLAGS) $(INIH_CFLAGS) \
	$(CURL_CFLAGS) $(EXPAT_CFLAGS)
libtally_base_a_SOURCES = \
	base/arena.c base/arena.h \
	base/attr_regex.c base/attr_regex.h \
	base/base64.c base/base64.h \
	base/buf.c base/buf.h \
	base/clock.c base/clock.h \
	base/conf.c base/conf.h \
	base/conf_doc.c \
	base/conf_options.c base/conf_options.h \
	base/conf_value.c base/conf_table.h \
	base/confine.c base/confine.h \
	base/digest.c base/digest.h \
	base/digests.c base/digests.h \
	base/error.c base/error.h \
	base/failure.c base/failure.h \
	base/fault.c base/fault.h \
	base/hash.c base/hash.h \
	base/http.c base/http.h \
	base/http_stream.c base/http_stream.h \
	base/http_wire.c base/http_wire.h \
	base/json.c base/json.h \
	base/json_flat.c base/json_flat.h \
	base/json_get.c \
	base/json_write.c \
	base/log.c base/log.h \
	base/mem.c base/mem.h \
	base/program.c base/program.h \
	base/seal.c base/seal.h \
	base/service_auth.h \
	base/ssh_key.c base/ssh_key.h \
	base/str.c base/str.h \
	base/uuid.c base/uuid.h \
	base/wake.c base/wake.h \
	base/xml.c base/xml.h \
	base/xml_text.c base/xml_text.h
BASE_LIBS = libtally_base.a $(UUID_LIBS) $(OPENSSL_LIBS) $(YAJL_LIBS) $(INIH_LIBS) $(CURL_LIBS) \
	$(EXPAT_LIBS)

# The man page of the configuration stands in the tree; a test says when it is old.
noinst_PROGRAMS += base/conf-doc
base_conf_doc_SOURCES = base/conf-doc.c
base_conf_doc_LDADD = $(BASE_LIBS)
dist_man_MANS += docs/man/tally.conf.5
.PHONY: update-docs
update-docs: base/conf-doc
	base/conf-doc man >$(srcdir)/docs/man/tally.conf.5

if HAVE_CMOCKA
BASE_UNIT_TESTS = \
	tests/unit/test_base_arena \
	tests/unit/test_base_base64 \
	tests/unit/test_base_buf \
	tests/unit/test_base_clock \
	tests/unit/test_base_conf \
	tests/unit/test_base_digests \
	tests/unit/test_base_error \
	tests/unit/test_base_failure \
	tests/unit/test_base_hash \
	tests/unit/test_base_json \
	tests/unit/test_base_json_flat \
	tests/unit/test_base_log \
	tests/unit/test_base_seal \
	tests/unit/test_base_ssh_key \
	tests/unit/test_base_str \
	tests/unit/test_base_wake \
	tests/unit/test_base_xml_text \
	tests/unit/test_http \
	tests/unit/test_http_stream
check_PROGRAMS += $(BASE_UNIT_TESTS)
TESTS += $(BASE_UNIT_TESTS)
UNIT_LIBS = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_arena_SOURCES = tests/unit/test_base_arena.c tests/unit/unit.h
tests_unit_test_base_arena_LDADD = $(UNIT_LIBS)
tests_unit_test_base_base64_SOURCES = tests/unit/test_base_base64.c tests/unit/unit.h
tests_unit_test_base_base64_LDADD = $(UNIT_LIBS)
tests_unit_test_base_buf_SOURCES = tests/unit/test_base_buf.c tests/unit/unit.h
tests_unit_test_base_buf_LDADD = $(UNIT_LIBS)
tests_unit_test_base_clock_SOURCES = tests/unit/test_base_clock.c tests/unit/unit.h
tests_unit_test_base_clock_LDADD = $(UNIT_LIBS)
tests_unit_test_base_conf_SOURCES = tests/unit/test_base_conf.c tests/unit/unit.h
tests_unit_test_base_conf_LDADD = $(UNIT_LIBS)
tests_unit_test_base_digests_SOURCES = tests/unit/test_base_digests.c tests/unit/unit.h
tests_unit_test_base_digests_LDADD = $(UNIT_LIBS)
tests_unit_test_base_error_SOURCES = tests/unit/test_base_error.c tests/unit/unit.h
tests_unit_test_base_error_LDADD = $(UNIT_LIBS)
tests_unit_test_base_hash_SOURCES = tests/unit/test_base_hash.c tests/unit/unit.h
tests_unit_test_base_hash_LDADD = $(UNIT_LIBS)
tests_unit_test_base_json_SOURCES = tests/unit/test_base_json.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_base_json_LDADD = $(UNIT_LIBS)
tests_unit_test_base_json_flat_SOURCES = tests/unit/test_base_json_flat.c tests/unit/unit.h
tests_unit_test_base_json_flat_LDADD = $(UNIT_LIBS)
tests_unit_test_base_log_SOURCES = tests/unit/test_base_log.c tests/unit/unit.h
tests_unit_test_base_log_LDADD = $(UNIT_LIBS)
tests_unit_test_base_seal_SOURCES = tests/unit/test_base_seal.c tests/unit/unit.h
tests_unit_test_base_seal_LDADD = $(UNIT_LIBS)
tests_unit_test_base_ssh_key_SOURCES = tests/unit/test_base_ssh_key.c tests/unit/unit.h
tests_unit_test_base_ssh_key_LDADD = $(UNIT_LIBS)
tests_unit_test_base_str_SOURCES = tests/unit/test_base_str.c tests/unit/unit.h
tests_unit_test_base_str_LDADD = $(UNIT_LIBS)
tests_unit_test_base_wake_SOURCES = tests/unit/test_base_wake.c tests/unit/unit.h
tests_unit_test_base_wake_LDADD = $(UNIT_LIBS)
tests_unit_test_base_failure_SOURCES = tests/unit/test_base_failure.c tests/unit/unit.h
tests_unit_test_base_failure_LDADD = $(UNIT_LIBS)
tests_unit_test_base_xml_text_SOURCES = tests/unit/test_base_xml_text.c tests/unit/unit.h
tests_unit_test_base_xml_text_LDADD = $(UNIT_LIBS)
tests_unit_test_http_SOURCES = tests/unit/test_http.c tests/unit/unit.h
tests_unit_test_http_LDADD = $(UNIT_LIBS)
tests_unit_test_http_stream_SOURCES = tests/unit/test_http_stream.c tests/unit/unit.h
tests_unit_test_http_stream_LDADD = $(UNIT_LIBS)
endif

# Fuzz targets: with --enable-fuzz libFuzzer drives them, else a program that replays their corpora as a test.
FUZZ_DRIVER = tests/fuzz/fuzz.h
if !FUZZ
FUZZ_DRIVER += tests/fuzz/standalone.c
endif
EXTRA_DIST += tests/fuzz/corpus
BASE_FUZZ = tests/fuzz/fuzz_conf tests/fuzz/fuzz_json
check_PROGRAMS += $(BASE_FUZZ)
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_conf_LDADD = $(BASE_LIBS)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_json_LDADD = $(BASE_LIBS)
if !FUZZ
TESTS += $(BASE_FUZZ)
endif
