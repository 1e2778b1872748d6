# handlers/: one file a resource, and what a request and its response are.
noinst_LIBRARIES += libtally_handlers.a
libtally_handlers_a_CFLAGS = $(AM_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
libtally_handlers_a_SOURCES = \
	handlers/average.c handlers/average.h \
	handlers/average_get.c \
	handlers/body.c handlers/body.h \
	handlers/body_coding.c handlers/body_coding.h \
	handlers/byte_range.c handlers/byte_range.h \
	handlers/compare.c handlers/compare.h \
	handlers/failures.c handlers/failures.h \
	handlers/image_access.c handlers/image_access.h \
	handlers/image_actions.c handlers/image_actions.h \
	handlers/image_context.c handlers/image_context.h \
	handlers/image_data.c handlers/image_data.h \
	handlers/image_upload.c \
	handlers/members.c handlers/members.h \
	handlers/image_tasks.c \
	handlers/images.c handlers/images.h \
	handlers/images_filter.c handlers/images_filter.h \
	handlers/images_list.c \
	handlers/images_query.c handlers/images_query.h \
	handlers/images_sort.c \
	handlers/json_reply.c handlers/json_reply.h \
	handlers/junit.c handlers/junit.h \
	handlers/junit_read.c handlers/junit_read.h \
	handlers/metrics.c handlers/metrics.h \
	handlers/multipart.c handlers/multipart.h \
	handlers/multipart_param.c \
	handlers/openapi.c handlers/openapi.h \
	handlers/profile.c handlers/profile.h \
	handlers/pubkeys.c handlers/pubkeys.h \
	handlers/request.c handlers/request.h \
	handlers/request_json.c handlers/request_json.h \
	handlers/response.c handlers/response.h \
	handlers/result_meta.c \
	handlers/results.c handlers/results.h \
	handlers/results_post.c \
	handlers/results_signed.c handlers/results_signed.h \
	handlers/route.c handlers/route.h \
	handlers/run_export.c handlers/run_export.h \
	handlers/service.c handlers/service.h \
	handlers/stats.c handlers/stats.h \
	handlers/stats_words.c \
	handlers/stream_names.c handlers/stream_names.h \
	handlers/stream_read.c \
	handlers/stream_spool.c handlers/stream_spool.h \
	handlers/subunit.c handlers/subunit.h \
	handlers/subunit_export.c \
	handlers/subunit_upload.c \
	handlers/tasks.c handlers/tasks.h \
	handlers/tasks_json.c \
	handlers/tasks_list.c \
	handlers/tests.c handlers/tests.h \
	handlers/uri.c handlers/uri.h
HANDLERS_LIBS = libtally_handlers.a $(ZLIB_LIBS) $(ZSTD_LIBS)
# The route table names every handler, and handlers ask fcgi/ for headers and bodies: linked all together.
SERVICE_LIBS = libtally_handlers.a libtally_fcgi.a $(HANDLERS_LIBS) $(SUBUNIT_LIBS) $(IDENTITY_LIBS) $(DB_LIBS) \
	libtally_store.a libtally_image.a \
	$(BASE_LIBS) $(FCGI_LIBS)

if HAVE_CMOCKA
HANDLERS_UNIT_TESTS = \
	tests/unit/test_body \
	tests/unit/test_body_multipart \
	tests/unit/test_byte_range \
	tests/unit/test_junit_read \
	tests/unit/test_response \
	tests/unit/test_route \
	tests/unit/test_stream_spool \
	tests/unit/test_uri
check_PROGRAMS += $(HANDLERS_UNIT_TESTS)
TESTS += $(HANDLERS_UNIT_TESTS)
tests_unit_test_body_SOURCES = tests/unit/test_body.c tests/unit/unit.h
tests_unit_test_body_LDADD = $(HANDLERS_LIBS) $(UNIT_LIBS)
tests_unit_test_body_multipart_SOURCES = tests/unit/test_body_multipart.c tests/unit/unit.h
tests_unit_test_body_multipart_LDADD = $(HANDLERS_LIBS) $(UNIT_LIBS)
tests_unit_test_byte_range_SOURCES = tests/unit/test_byte_range.c tests/unit/unit.h
tests_unit_test_byte_range_LDADD = libtally_handlers.a $(UNIT_LIBS)
tests_unit_test_response_SOURCES = tests/unit/test_response.c tests/unit/unit.h
tests_unit_test_response_LDADD = libtally_handlers.a $(UNIT_LIBS)
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_route_LDADD = $(SERVICE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_junit_read_SOURCES = tests/unit/test_junit_read.c tests/unit/unit.h
tests_unit_test_junit_read_LDADD = $(HANDLERS_LIBS) $(BASE_LIBS) $(UNIT_LIBS)
tests_unit_test_stream_spool_SOURCES = tests/unit/test_stream_spool.c tests/unit/unit.h
tests_unit_test_stream_spool_LDADD = libtally_handlers.a $(ZLIB_LIBS) $(ZSTD_LIBS) $(SUBUNIT_LIBS) $(DB_LIBS) $(UNIT_LIBS)
tests_unit_test_uri_SOURCES = tests/unit/test_uri.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_uri_LDADD = libtally_handlers.a $(UNIT_LIBS)
endif

HANDLERS_FUZZ = tests/fuzz/fuzz_body tests/fuzz/fuzz_junit tests/fuzz/fuzz_multipart tests/fuzz/fuzz_query
check_PROGRAMS += $(HANDLERS_FUZZ)
tests_fuzz_fuzz_body_SOURCES = tests/fuzz/fuzz_body.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_body_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_body_LDADD = $(HANDLERS_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_junit_SOURCES = tests/fuzz/fuzz_junit.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_junit_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_junit_LDADD = $(HANDLERS_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_multipart_SOURCES = tests/fuzz/fuzz_multipart.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_multipart_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_multipart_LDADD = $(HANDLERS_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_query_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_query_LDADD = $(HANDLERS_LIBS) $(BASE_LIBS)
if !FUZZ
TESTS += $(HANDLERS_FUZZ)
endif

EXTRA_DIST += tests/bench/bench-download docs/evidence.md tests/bench/bench-upload
