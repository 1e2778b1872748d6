/* average.h - the average run: a stream in which every test passes in its average time, as subunit2sql makes
 * it. */
#ifndef TALLY_HANDLERS_AVERAGE_H
#define TALLY_HANDLERS_AVERAGE_H

#include "db/failures.h"
#include "handlers/request.h"
#include "subunit/tally-subunit.h"

/* Of which runs. */
struct average_of {
    struct viewer viewer;
    struct str key; /* p NULL: all runs, by the counters that are kept for each test */
    struct str value;
    uint64_t last; /* with KEY: the last so many of its runs */
};

/* A subunit version 2 stream to SINK(CTX): each test that has passed starts when the one before it ended, the
 * first one at START_US. ERROR_ABORTED once the sink takes no more. */
bool average_stream(struct db_conn *c, const struct average_of *of, int64_t start_us, subunit_sink_fn *sink,
                    void *ctx, struct error *err);

/* GET /v1/stats/average/stream. */
bool average_get(struct request *r, struct error *err);

#endif
