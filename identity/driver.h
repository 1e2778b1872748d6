/* driver.h - what a driver is made of. Inside identity/ only. */
#ifndef TALLY_IDENTITY_DRIVER_H
#define TALLY_IDENTITY_DRIVER_H

#include "base/conf_options.h"
#include "identity/identity.h"

struct identity_ops {
    const char *name; /* as [identity] driver has it */
    /* The driver's own state; NULL and *ERR where the configuration will not do. Asks nobody. */
    void *(*start)(const struct conf *conf, struct error *err);
    void (*stop)(void *state);
    /* Fills *OUT but is_admin and is_staff. CONF is the driver's. */
    bool (*check)(void *state, const struct conf *conf, const struct identity_request *req,
                  struct arena *arena, struct identity *out, struct error *err);
    bool (*healthy)(void *state, const struct conf *conf);
};

extern const struct identity_ops identity_keystone;
extern const struct identity_ops identity_proxy;
extern const struct identity_ops identity_static;

/* Cuts "a, b,c" into whole names, empty ones left out. False with more than 256. */
bool identity_split_roles(struct str list, struct arena *arena, struct identity *out);

#endif
