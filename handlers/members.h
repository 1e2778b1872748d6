/* members.h - with whom an image is shared. */
#ifndef TALLY_HANDLERS_MEMBERS_H
#define TALLY_HANDLERS_MEMBERS_H

#include "handlers/request.h"

bool members_list(struct request *r, struct error *err);
bool members_post(struct request *r, struct error *err);
bool members_get(struct request *r, struct error *err);
bool members_put(struct request *r, struct error *err);
bool members_delete(struct request *r, struct error *err);

/* GET /v2/schemas/member and /v2/schemas/members. */
bool members_schema(struct request *r, struct error *err);
bool members_list_schema(struct request *r, struct error *err);

/* What the two say, for the API's reference. */
extern const char member_schema_text[], members_schema_text[];

#endif
