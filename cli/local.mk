# cli/: tally, the user's tool.
bin_PROGRAMS += cli/tally
noinst_LIBRARIES += libtally_cli.a
libtally_cli_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS) $(OPENSSL_CFLAGS) $(CURL_CFLAGS)
libtally_cli_a_SOURCES = \
	cli/api.c cli/api.h \
	cli/auth.c cli/auth.h \
	cli/auth_body.c cli/auth_body.h \
	cli/catalog.c cli/catalog.h \
	cli/cli.c cli/cli.h \
	cli/clouds.c cli/clouds.h \
	cli/command.c cli/command.h \
	cli/command_table.c \
	cli/commands.h \
	cli/completion.c \
	cli/download.c cli/download.h \
	cli/exchange.c cli/exchange.h \
	cli/images.c \
	cli/item.c cli/item.h \
	cli/keys.c \
	cli/listing.c cli/listing.h \
	cli/options.c cli/options.h \
	cli/output.c cli/output.h \
	cli/progress.c cli/progress.h \
	cli/results.c \
	cli/retry.c cli/retry.h \
	cli/run_export.c \
	cli/runs.c \
	cli/send.c cli/send.h \
	cli/settings.c cli/settings.h \
	cli/sign.c cli/sign.h \
	cli/source.c cli/source.h \
	cli/stats.c \
	cli/suggest.c cli/suggest.h \
	cli/tasks.c \
	cli/tests.c \
	cli/text.c cli/text.h \
	cli/upload.c
cli_tally_SOURCES = cli/main.c
CLI_LIBS = libtally_cli.a $(YAML_LIBS)
cli_tally_LDADD = $(CLI_LIBS) $(BASE_LIBS)
dist_man_MANS += docs/man/tally.1

# The completion comes from the table of commands.
bashcompdir = $(datadir)/bash-completion/completions
bashcomp_DATA = cli/completion/tally
CLEANFILES += cli/completion/tally
cli/completion/tally: cli/tally$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) cli/completion && cli/tally completion bash >$@.part && mv $@.part $@

if HAVE_CMOCKA
CLI_UNIT_TESTS = \
	tests/unit/test_cli_args \
	tests/unit/test_cli_catalog \
	tests/unit/test_cli_clouds \
	tests/unit/test_cli_progress \
	tests/unit/test_cli_source \
	tests/unit/test_cli_text
check_PROGRAMS += $(CLI_UNIT_TESTS)
TESTS += $(CLI_UNIT_TESTS)
CLI_UNIT_LIBS = $(CLI_LIBS) $(UNIT_LIBS)
tests_unit_test_cli_args_SOURCES = tests/unit/test_cli_args.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_cli_args_LDADD = $(CLI_UNIT_LIBS)
tests_unit_test_cli_catalog_SOURCES = tests/unit/test_cli_catalog.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_cli_catalog_LDADD = $(CLI_UNIT_LIBS)
tests_unit_test_cli_clouds_SOURCES = tests/unit/test_cli_clouds.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_cli_clouds_LDADD = $(CLI_UNIT_LIBS)
tests_unit_test_cli_progress_SOURCES = tests/unit/test_cli_progress.c tests/unit/unit.h
tests_unit_test_cli_progress_LDADD = $(CLI_UNIT_LIBS)
tests_unit_test_cli_source_SOURCES = tests/unit/test_cli_source.c tests/unit/arena.h tests/unit/unit.h
tests_unit_test_cli_source_LDADD = $(CLI_UNIT_LIBS)
tests_unit_test_cli_text_SOURCES = tests/unit/test_cli_text.c tests/unit/unit.h
tests_unit_test_cli_text_LDADD = $(CLI_UNIT_LIBS)
endif
