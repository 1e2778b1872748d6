#include "config.h"
#include "db/run_lists.h"
#include "db/sql.h"

#include <stdio.h>
#include <string.h>

/* --- their names --------------------------------------------------------------------------------- */

static struct db_value digest_of(struct arena *arena, const char *head, struct str a, struct str b)
{
    struct hash_sha256 *h = hash_sha256_new();
    unsigned char *out = arena_alloc(arena, SHA256_SIZE);

    hash_sha256_add(h, head, strlen(head));
    hash_sha256_add(h, a.p, a.n);
    hash_sha256_add(h, b.p, b.n);
    hash_sha256_end(h, out);
    hash_sha256_free(h);
    return DB_BYTES(((struct str){(const char *)out, SHA256_SIZE}));
}

struct db_value run_list_all(struct arena *arena)
{
    return digest_of(arena, "all", STR(""), STR(""));
}

struct db_value run_list_cpid(struct arena *arena, struct str cpid)
{
    return digest_of(arena, "cpid:", cpid, STR(""));
}

struct db_value run_list_meta(struct arena *arena, struct str key, struct str value)
{
    char head[40];

    snprintf(head, sizeof(head), "meta:%zu:", key.n);
    return digest_of(arena, head, key, value);
}

/* --- writing ------------------------------------------------------------------------------------- */

#define META_DIGEST "UNHEX(SHA2(CONCAT('meta:', OCTET_LENGTH(m.`key`), ':', m.`key`, m.value), 256))"

static const char add_lists[] =
    "INSERT INTO run_lists (run_id, list, project, run_at, status, passes, fails, skips, run_time)"
    " SELECT i.run_id, l.list, i.project, i.run_at, IF(r.fails > 0, 2, r.passes > 0), r.passes, r.fails, "
    "r.skips,"
    " r.run_time"
    " FROM (SELECT UNHEX(SHA2('all', 256)) AS list"
    " UNION ALL SELECT UNHEX(SHA2(CONCAT('cpid:', cpid), 256)) FROM run_info WHERE run_id = ? AND cpid IS "
    "NOT NULL"
    " UNION ALL SELECT " META_DIGEST " FROM run_metadata m WHERE m.run_id = ?) l"
    " JOIN run_info i ON i.run_id = ? JOIN runs r ON r.id = i.run_id";

/* Not what is another with each run: nobody wants to choose from that. */
static const char count_metadata[] =
    "INSERT INTO project_run_metadata (project, list, `key`, value, runs)"
    " SELECT COALESCE(i.project, ''), " META_DIGEST ", m.`key`, m.value, 1"
    " FROM run_info i STRAIGHT_JOIN run_metadata m ON m.run_id = i.run_id WHERE i.run_id = ?"
    " AND m.`key` NOT IN ('refstack_result_id', 'tally_project', 'tally_user', 'tally_sha256') ORDER BY 2"
    " ON DUPLICATE KEY UPDATE runs = runs + 1";

bool run_lists_add(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_EXEC(c, NULL, err, add_lists, DB_INT(run_id), DB_INT(run_id), DB_INT(run_id)) &&
           DB_EXEC(c, NULL, err, count_metadata, DB_INT(run_id));
}

#define ITS_COUNTS                                                                                          \
    "run_lists l STRAIGHT_JOIN project_run_metadata m ON m.project = COALESCE(l.project, '') AND m.list = " \
    "l.list"

bool run_lists_take(struct db_conn *c, int64_t run_id, struct error *err)
{
    return DB_EXEC(c, NULL, err, "UPDATE " ITS_COUNTS " SET m.runs = m.runs - 1 WHERE l.run_id = ?",
                   DB_INT(run_id)) &&
           DB_EXEC(c, NULL, err, "DELETE m FROM " ITS_COUNTS " WHERE l.run_id = ? AND m.runs <= 0",
                   DB_INT(run_id)) &&
           DB_EXEC(c, NULL, err, "DELETE FROM run_lists WHERE run_id = ?", DB_INT(run_id));
}

/* --- reading ------------------------------------------------------------------------------------- */

/* Of lists with more runs than this any may be walked along: a page of what they share is soon full. */
enum { LOOK = 1000 };

static bool count_runs(struct db_conn *c, const struct viewer *viewer, struct db_value list, uint64_t *n,
                       struct error *err)
{
    const struct db_value values[] = {list, DB_STR(viewer->project), DB_UINT(LOOK)};
    const struct db_value staff_values[] = {list, DB_UINT(LOOK)};
    bool found;
    struct db_rows *rows =
        viewer->staff ? db_query_one(c,
                                     "SELECT COUNT(*) AS n FROM (SELECT 1 FROM run_lists FORCE INDEX "
                                     "(ix_run_lists_list) WHERE list = ? LIMIT ?) l",
                                     staff_values, 2, &found, err)
                      : db_query_one(c,
                                     "SELECT COUNT(*) AS n FROM (SELECT 1 FROM run_lists FORCE INDEX "
                                     "(ix_run_lists_project) WHERE list = ? AND project = ? LIMIT ?) l",
                                     values, 3, &found, err);

    if (!rows)
        return false;
    *n = found ? (uint64_t)db_i64(rows, "n") : 0;
    db_close(rows);
    return true;
}

bool run_pick_order(struct db_conn *c, const struct viewer *viewer, struct run_pick *pick, struct error *err)
{
    uint64_t n, fewest = UINT64_MAX;
    size_t first = 0;

    for (size_t i = 0; pick->n_lists > 1 && i < pick->n_lists; i++) {
        if (!count_runs(c, viewer, pick->lists[i], &n, err))
            return false;
        if (n < fewest) {
            fewest = n;
            first = i;
        }
    }
    const struct db_value list = pick->lists[first];

    pick->lists[first] = pick->lists[0];
    pick->lists[0] = list;
    return true;
}

/* The other lists are joined, not asked for by EXISTS: MariaDB would begin with them, and sort. */
void run_lists_from(struct sql *q, const struct viewer *viewer, const struct run_pick *pick)
{
    static const char *const index[2][2] = {{"ix_run_lists_project", "ix_run_lists_project_status"},
                                            {"ix_run_lists_list", "ix_run_lists_list_status"}};
    static const char *const others[RUN_PICK_LISTS - 1] = {
#define OTHER(name)                                                                                   \
    " STRAIGHT_JOIN run_lists " name " FORCE INDEX (PRIMARY) ON " name ".run_id = l.run_id AND " name \
    ".list = ?"
        OTHER("o1"), OTHER("o2"), OTHER("o3"), OTHER("o4"),
        OTHER("o5"), OTHER("o6"), OTHER("o7"), OTHER("o8"),
#undef OTHER
    };

    sql_add(q, "run_lists l FORCE INDEX (");
    sql_add(q, index[viewer->staff][pick->status != RUN_ANY]);
    sql_add(q, ")");
    for (size_t i = 1; i < pick->n_lists; i++)
        sql_value(q, others[i - 1], pick->lists[i]);
}

void run_lists_where(struct sql *q, const struct viewer *viewer, const struct run_pick *pick)
{
    sql_value(q, " WHERE l.list = ?", pick->lists[0]);
    if (!viewer->staff)
        sql_value(q, " AND l.project = ?", DB_STR(viewer->project));
    if (pick->status != RUN_ANY)
        sql_value(q, " AND l.status = ?", DB_INT(pick->status));
    if (pick->start_date.p)
        sql_value(q, " AND l.run_at >= ?", DB_STR(pick->start_date));
    if (pick->end_date.p)
        sql_value(q, " AND l.run_at <= ?", DB_STR(pick->end_date));
}
