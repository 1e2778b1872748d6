/* image_actions.h - one tag more or less, and the actions that stop and resume an image's downloads. */
#ifndef TALLY_HANDLERS_IMAGE_ACTIONS_H
#define TALLY_HANDLERS_IMAGE_ACTIONS_H

#include "handlers/request.h"

bool image_tag_put(struct request *r, struct error *err);
bool image_tag_delete(struct request *r, struct error *err);
bool image_deactivate(struct request *r, struct error *err);
bool image_reactivate(struct request *r, struct error *err);

#endif
