# tests/: what no single module owns. A module's unit tests are declared in its own fragment.
static_checks = \
	tests/static/check-clang \
	tests/static/check-cppcheck \
	tests/static/check-format \
	tests/static/check-headers \
	tests/static/check-layering \
	tests/static/check-man \
	tests/static/check-page \
	tests/static/check-python \
	tests/static/check-shell \
	tests/static/check-text
TESTS += $(static_checks)

AM_TESTS_ENVIRONMENT = \
	TALLY_CC='$(CC)'; export TALLY_CC; \
	TALLY_WARNINGS='$(WARN_CFLAGS)'; export TALLY_WARNINGS; \
	TALLY_CPPFLAGS='-I$(top_srcdir) -I$(top_builddir) -D_GNU_SOURCE $(FCGI_CFLAGS) $(YAJL_CFLAGS) \
		$(MYSQL_CFLAGS) $(UUID_CFLAGS) $(CURL_CFLAGS) $(OPENSSL_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS) \
		$(INIH_CFLAGS) $(DEFLATE_CFLAGS) $(YAML_CFLAGS) $(EXPAT_CFLAGS)'; export TALLY_CPPFLAGS;

# Folders go whole into the distribution; what running the tests made must not.
EXTRA_DIST += $(static_checks) tests/static/lib.sh tests/static/cppcheck.suppress \
	tests/bench/bench-images tests/bench/bench-ingest tests/bench/bench-list tests/bench/bench-lists tests/bench/bench-page tests/bench/evidence_rows.py \
	tests/bench/generate tests/bench/load_subunit2sql.py tests/bench/two_sizes.py \
	tests/data tests/functional tests/lab tests/runner tests/run tests/manifest tests/MANIFEST tests/pytest.ini .ci/run
dist-hook:
	find $(distdir)/tests -name __pycache__ -prune -exec rm -rf {} +
