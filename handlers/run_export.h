/* run_export.h - a stored run, written out again. */
#ifndef TALLY_HANDLERS_RUN_EXPORT_H
#define TALLY_HANDLERS_RUN_EXPORT_H

#include "db/runs.h"
#include "subunit/tally-subunit.h"

/* Calls FN for each piece of an attachment of SIZE bytes, LAST with the last one; none for an empty one. */
typedef bool (*attachment_piece_fn)(void *arg, struct str piece, bool last, struct error *err);
bool attachment_pieces(struct db_conn *c, int64_t id, uint64_t size, attachment_piece_fn fn, void *arg,
                       struct error *err);

/* The id as it came, or subunit2sql's way: the name with the attributes behind it. ROWS are run_export()'s;
 * lives in ARENA. */
struct str run_export_id(struct db_rows *rows, struct arena *arena);

/* The run as a subunit version 2 stream to SINK(CTX): its tests in the order of start times with tags and
 * attachments, then what belongs to the run as a whole. FILES is a second connection, for attachments while
 * the tests' rows are open. ERROR_ABORTED once the sink takes no more. */
bool run_export_stream(struct db_conn *c, struct db_conn *files, int64_t run_id, subunit_sink_fn *sink,
                       void *ctx, struct error *err);

#endif
