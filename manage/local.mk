# manage/: tally-manage, the administrator's tool.
sbin_PROGRAMS += manage/tally-manage
manage_tally_manage_SOURCES = \
	manage/config_sample.c \
	manage/db_check.c \
	manage/db_expire.c \
	manage/db_sync.c \
	manage/main.c \
	manage/manage.h \
	manage/owner.c \
	manage/run_export.c \
	manage/run_import.c \
	manage/store_check.c \
	manage/task.c manage/task.h \
	manage/task_list.c \
	manage/task_print.c \
	manage/worker_list.c
manage_tally_manage_LDADD = $(HANDLERS_LIBS) $(SUBUNIT_LIBS) $(DB_LIBS) $(STORE_LIBS) $(IDENTITY_LIBS) $(BASE_LIBS)
dist_man_MANS += docs/man/tally-manage.8
