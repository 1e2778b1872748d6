/* profile.h - /v1/profile: who the caller is, as RefStack says it. */
#ifndef TALLY_HANDLERS_PROFILE_H
#define TALLY_HANDLERS_PROFILE_H

#include "handlers/request.h"

/* GET /v1/profile: openid is the user's id, fullname its name, is_admin whether it is foundation staff. */
bool profile_get(struct request *r, struct error *err);

#endif
