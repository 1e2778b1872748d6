/* openapi.h - the API reference, made from the route table. */
#ifndef TALLY_HANDLERS_OPENAPI_H
#define TALLY_HANDLERS_OPENAPI_H

#include "base/buf.h"

/* Appends an OpenAPI 3.0 document in JSON that has every route once. */
void openapi_print(struct buf *out);

#endif
