/* sql.h - a statement put together of fixed texts, with the values that belong to them. */
#ifndef TALLY_DB_SQL_H
#define TALLY_DB_SQL_H

#include "base/buf.h"
#include "db/db.h"

/* One of our columns that holds the id of a row of RefStack's, to be compared with that one's id. Theirs are
 * utf8mb3 and ours utf8mb4: as they are, the server would convert theirs, row by row, and use no index. */
#define SQL_REFSTACK_ID(column) "CONVERT(" column " USING utf8mb3)"

struct sql {
    struct arena *arena; /* of the values */
    struct buf text;
    struct db_value *values;
    size_t n, size;
};

void sql_begin(struct sql *q, struct arena *arena);

/* TEXT is ours, never anything that came from outside. */
void sql_add(struct sql *q, const char *text);
/* A text with one "?" and its value, whose bytes live until sql_query(). */
void sql_value(struct sql *q, const char *text, struct db_value value);

/* Runs the statement as db_query() does, and frees its text. */
struct db_rows *sql_query(struct sql *q, struct db_conn *c, struct error *err);
/* Frees the text of one that is not run. */
void sql_free(struct sql *q);

#endif
