/* compare.h - what differs between two runs. */
#ifndef TALLY_HANDLERS_COMPARE_H
#define TALLY_HANDLERS_COMPARE_H

#include "handlers/request.h"

/* GET /v1/subunit/{uuid}/compare/{other}: OTHER is the base; with threshold= how many times as long is
 * slower. */
bool compare_get(struct request *r, struct error *err);

#endif
