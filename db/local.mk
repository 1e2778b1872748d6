# db/: all SQL.
noinst_LIBRARIES += libtally_db.a
libtally_db_a_CFLAGS = $(AM_CFLAGS) $(MYSQL_CFLAGS)
libtally_db_a_SOURCES = \
	db/bulk.c \
	db/conn.c db/conn.h \
	db/db.h \
	db/dsn.c db/dsn.h \
	db/pool.c \
	db/statement.c \
	db/transaction.c
DB_LIBS = libtally_db.a $(MYSQL_LIBS)
