/* openapi.h - the API reference, made from the route table. */
#ifndef TALLY_HANDLERS_OPENAPI_H
#define TALLY_HANDLERS_OPENAPI_H

#include "base/buf.h"

/* Appends what the code knows of an OpenAPI 3.1 document, in JSON: every route once, the errors that any may
 * answer, the schemas that it serves itself. docs/api/merge.py adds docs/api/parts. */
void openapi_print(struct buf *out);

#endif
