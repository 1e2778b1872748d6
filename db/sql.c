#include "config.h"
#include "db/sql.h"

#include <string.h>

enum { TEXT_MAX = 1 << 20, FIRST_VALUES = 32 };

void sql_begin(struct sql *q, struct arena *arena)
{
    *q = (struct sql){.arena = arena};
    buf_init(&q->text, TEXT_MAX);
}

void sql_free(struct sql *q)
{
    buf_free(&q->text);
}

void sql_add(struct sql *q, const char *text)
{
    buf_add_cstr(&q->text, text);
}

void sql_value(struct sql *q, const char *text, struct db_value value)
{
    sql_add(q, text);
    if (q->n == q->size) {
        size_t size = q->size ? 2 * q->size : FIRST_VALUES;
        struct db_value *more = arena_calloc(q->arena, size, sizeof(*more));

        if (q->n > 0)
            memcpy(more, q->values, q->n * sizeof(*more));
        q->values = more;
        q->size = size;
    }
    q->values[q->n++] = value;
}

struct db_rows *sql_query(struct sql *q, struct db_conn *c, struct error *err)
{
    struct db_rows *rows = db_query(c, q->text.p, q->values, q->n, err);

    sql_free(q);
    return rows;
}
