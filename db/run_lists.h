/* run_lists.h - the lists that a run stands in: all runs, those of a cpid, those of a piece of metadata.
 *
 * A list is named by a digest. Whoever stores a run, changes whose it is or takes it out of sight does so
 * here in the same transaction.
 */
#ifndef TALLY_DB_RUN_LISTS_H
#define TALLY_DB_RUN_LISTS_H

#include "base/hash.h"
#include "db/runs.h"
#include "db/sql.h"

/* The digests of lists, in ARENA. */
struct db_value run_list_all(struct arena *arena);
struct db_value run_list_cpid(struct arena *arena, struct str cpid);
struct db_value run_list_meta(struct arena *arena, struct str key, struct str value);

/* Puts a run into its lists and counts its metadata, from its rows in runs, run_info and run_metadata. Last
 * in a transaction: all who upload for a project meet at the counts, in the order of the digests. */
bool run_lists_add(struct db_conn *c, int64_t run_id, struct error *err);

/* Takes it out again and its metadata back, before its run_info goes or changes. */
bool run_lists_take(struct db_conn *c, int64_t run_id, struct error *err);

/* Which runs are meant: those that stand in all of these lists. */
struct run_pick {
    struct db_value *lists; /* RUN_PICK_LISTS at most */
    size_t n_lists;
    enum run_status status;
    struct str start_date; /* of run_at, MySQL's form; inclusive; p NULL: none */
    struct str end_date;
};
enum { RUN_PICK_LISTS = RUN_FILTER_META + 1 };

/* Puts the list with the fewest runs of the viewer's first: a query walks along that one. To be called before
 * the query is built. */
bool run_pick_order(struct db_conn *c, const struct viewer *viewer, struct run_pick *pick, struct error *err);

/* For a query that begins "SELECT ... FROM ": adds run_lists under the name l, with the index that finds
 * PICK's runs of the viewer in the order of (run_at, run_id). To be followed by " STRAIGHT_JOIN ..." and
 * run_lists_where(). */
void run_lists_from(struct sql *q, const struct viewer *viewer, const struct run_pick *pick);

/* Adds " WHERE ..." to it. */
void run_lists_where(struct sql *q, const struct viewer *viewer, const struct run_pick *pick);

#endif
