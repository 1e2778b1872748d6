/* junit.h - GET /v1/subunit/{uuid}/junit: a run as JUnit XML, as continuous integration tools read it. */
#ifndef TALLY_HANDLERS_JUNIT_H
#define TALLY_HANDLERS_JUNIT_H

#include "handlers/request.h"

bool junit_get(struct request *r, struct error *err);

#endif
