/* tests.h - /v1/tests: what became of a test over the runs that the caller may see. */
#ifndef TALLY_HANDLERS_TESTS_H
#define TALLY_HANDLERS_TESTS_H

#include "handlers/request.h"

/* GET /v1/tests: a page of tests by name, with prefix= those that begin with it, with name= the one of that
 * name. */
bool tests_index(struct request *r, struct error *err);
/* GET /v1/tests/{test_id}: one test's counts and average time. */
bool tests_show(struct request *r, struct error *err);
/* GET /v1/tests/{test_id}/runs: its history, newest first. */
bool tests_runs(struct request *r, struct error *err);

#endif
