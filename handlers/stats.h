/* stats.h - /v1/stats and /v1/tests/prefixes: what the caller's runs come to. */
#ifndef TALLY_HANDLERS_STATS_H
#define TALLY_HANDLERS_STATS_H

#include "handlers/request.h"

/* GET /v1/stats/runs: a series over time. */
bool stats_get_runs(struct request *r, struct error *err);
/* GET /v1/stats/tests: outcomes between two dates, of all tests or of one. */
bool stats_get_tests(struct request *r, struct error *err);
/* GET /v1/stats/failures: the tests that failed last. */
bool stats_get_failures(struct request *r, struct error *err);

/* GET /v1/stats/metadata, GET /v1/stats/metadata/{key}. */
bool stats_get_keys(struct request *r, struct error *err);
bool stats_get_values(struct request *r, struct error *err);
/* GET /v1/tests/prefixes. */
bool stats_get_prefixes(struct request *r, struct error *err);

#endif
