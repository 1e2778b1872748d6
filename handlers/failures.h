/* failures.h - failures that are alike, and tests that fail now and then. */
#ifndef TALLY_HANDLERS_FAILURES_H
#define TALLY_HANDLERS_FAILURES_H

#include "handlers/request.h"

/* GET /v1/subunit/{uuid}/failures: of one run. */
bool failures_of_run(struct request *r, struct error *err);
/* GET /v1/failures: of the last runs, of all or of one metadata key and value. */
bool failures_of_runs(struct request *r, struct error *err);
/* GET /v1/tests/flaky: tests that both passed and failed in them. */
bool failures_flaky(struct request *r, struct error *err);

#endif
