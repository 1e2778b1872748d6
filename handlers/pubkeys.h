/* pubkeys.h - /v1/profile/pubkeys: the keys with which the caller signs uploads. */
#ifndef TALLY_HANDLERS_PUBKEYS_H
#define TALLY_HANDLERS_PUBKEYS_H

#include "handlers/request.h"

bool pubkeys_get(struct request *r, struct error *err);
/* {raw_key, self_signature}: who registers a key proves that it is his by signing the word "signature". */
bool pubkeys_post(struct request *r, struct error *err);
/* DELETE /v1/profile/pubkeys/{id}. */
bool pubkeys_delete(struct request *r, struct error *err);

#endif
